"""The names of PyTorch's first years, and its ways to make a tensor of sizes."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import Variable

KINDS = {
    "Float": np.float32, "Double": np.float64, "Half": np.float16, "Long": np.int64, "Int": np.int32,
    "Short": np.int16, "Char": np.int8, "Byte": np.uint8, "Bool": np.bool_,
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), KINDS.items())
def test_the_tensors_of_a_dtype(name, dtype):
    kind = getattr(tg, f"{name}Tensor")
    for made, shape in [
        (kind(2, 3), (2, 3)),
        (kind(3), (3,)),
        (kind(), (0,)),
        (kind([1, 0]), (2,)),
        (kind(range(2)), (2,)),
    ]:
        assert (made.shape, made.dtype) == (shape, dtype)
        assert isinstance(made, kind)
        assert isinstance(made, tg.LongTensor) == (name == "Long")
    array = np.array([1, 0, 1])
    assert kind(array).tolist() == [1, 0, 1]
    assert not np.shares_memory(kind(array).numpy(), array)
    assert tg.ones(2).type(kind).dtype == tg.ones(2).to(dtype).dtype == dtype
    assert not isinstance(np.zeros(2, dtype), kind)


def test_a_tensor_of_sizes_or_of_numbers():
    assert [tg.Tensor(*sizes).shape for sizes in [(2, 3), (4,), (0, 1, 2, 3), ()]] == [(2, 3), (4,), (0, 1, 2, 3), (0,)]
    assert tg.nn.Parameter(tg.Tensor(np.int64(2), 3)).dtype == np.float32
    for data, values in [([1, 2], [1.0, 2.0]), ((True, False), [1.0, 0.0]), ([[1], [2]], [[1.0], [2.0]]), (2.5, 2.5)]:
        made = tg.Tensor(data)
        assert (made.tolist(), made.dtype) == (values, np.float32)
    assert tg.as_tensor([1, 2]).dtype == tg.tensor([1, 2]).dtype == np.int64
    for dtype in (np.float64, np.int64):  # an array is shared as it is
        array = np.ones(2, dtype)
        assert np.shares_memory(tg.Tensor(array).numpy(), array)
    with pytest.raises(TypeError, match=r"Tensor: expected data, or sizes, got .*; give requires_grad by name"):
        tg.Tensor([1.0], True)


def test_variables_are_tensors():
    x = tg.ones(2, requires_grad=True)
    leaf = Variable(x * 2)
    assert (leaf.is_leaf, leaf.requires_grad, leaf.tolist()) == (True, False, [2.0, 2.0])
    assert Variable(leaf, requires_grad=True).requires_grad
    assert np.shares_memory(Variable(leaf).numpy(), leaf.numpy())
    assert isinstance(x, Variable)
    assert not isinstance([1.0], Variable)
    with pytest.raises(TypeError, match="Variable: expected a tensor"):
        Variable([1.0])


def test_dtypes_and_sizes_by_their_other_names():
    x = tg.ones(2, 3)
    assert (x.byte().dtype, x.short().dtype) == (np.uint8, np.int16) == (tg.uint8, tg.short)
    assert tg.half is tg.float16
    assert isinstance(x.dtype, tg.dtype)
    assert isinstance(x.shape, tg.Size)
    assert x.shape == tg.Size([2, 3])
    assert x[:, tg.newaxis].shape == (2, 1, 3)
    assert tg.nn.Linear(2, 1).half().weight.dtype == np.float16
