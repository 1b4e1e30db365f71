"""Arrays of the user's, in any memory layout and of any dtype: the numbers of a plain copy, or an error at the door."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn, optim
from tests.cases.expect import assert_equal

DTYPES = [np.float32, np.float64]


def unaligned(a):
    memory = np.zeros(a.nbytes + 1, np.uint8)
    out = memory[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    return out


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def mapped(a, folder):
    a.tofile(folder / "array.bin")
    return np.memmap(folder / "array.bin", a.dtype, "r", shape=a.shape)


def other_order(a):
    return a.astype(a.dtype.newbyteorder())


class Subclass(np.ndarray):
    """An array of another library."""


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "steps": lambda a: np.repeat(a, 2, -1)[..., ::2],
    "reversed": lambda a: a[..., ::-1].copy()[..., ::-1],
    "unaligned": unaligned,
    "read-only": read_only,
    "other byte order": other_order,
    "subclass": lambda a: a.view(Subclass),
}


def step(x):
    """Some of the kernels that look at memory, and what they make of ``x``."""
    y = F.conv2d(x, tg.ones(4, 3, 3, 3, dtype=x.dtype), padding=1)
    y = F.max_pool2d(F.relu(y), 2) + F.avg_pool2d(F.batch_norm(y, None, None, training=True), 2)
    y = F.softmax(F.layer_norm(y, y.shape[1:]), 1).flatten(1) @ tg.ones(64, 5, dtype=x.dtype).cumsum(1)
    return F.cross_entropy(y + F.adaptive_avg_pool2d(x, 1).sum((1, 2, 3)).reshape(-1, 1) * y, tg.tensor([0, 4]))


def value_and_gradient(x):
    loss = step(x)
    (gradient,) = tg.autograd.grad(loss, x)
    return loss.item(), gradient.numpy()


def numbers(dtype):
    return np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout_gives_the_numbers_of_a_copy(layout, dtype):
    plain = numbers(dtype)
    array = layout(plain)
    value, gradient = value_and_gradient(tg.tensor(plain, requires_grad=True))
    found, d = value_and_gradient(tg.Tensor(array, requires_grad=True))
    np.testing.assert_allclose(found, value, rtol=1e-6)
    np.testing.assert_allclose(d, gradient, rtol=1e-4, atol=1e-5)
    assert d.dtype is np.dtype(dtype)
    assert_equal(np.asarray(array), plain)


def test_a_memory_mapped_file(tmp_path):
    array = mapped(numbers(np.float32), tmp_path)
    expected = value_and_gradient(tg.tensor(np.array(array), requires_grad=True))
    for make in (tg.from_numpy, tg.as_tensor, tg.tensor):
        found = value_and_gradient(make(array).requires_grad_())
        assert found[0] == expected[0]
        assert_equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row_repeated_without_memory(dtype):
    row = np.broadcast_to(numbers(dtype)[:1], (2, 3, 8, 8))
    expected = value_and_gradient(tg.tensor(row.copy(), requires_grad=True))
    found = value_and_gradient(tg.Tensor(row, requires_grad=True))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-5)


# --------------------------------------------------------------------------- the byte order of another machine


@pytest.mark.parametrize("make", [tg.tensor, tg.Tensor, tg.as_tensor, lambda a: tg.stack([a, a])[0], F.relu])
def test_numbers_in_another_byte_order_become_this_machines(make):
    for dtype in (np.float16, *DTYPES, np.int64):
        t = make(other_order(np.array([1, 2], dtype)))
        assert t.dtype is np.dtype(dtype)
        assert t.tolist() == [1, 2]


def test_dtypes_of_another_byte_order_are_this_machines():
    other = np.dtype(np.float32).newbyteorder()
    x = tg.tensor([1, 2])
    for t in (tg.zeros(2, dtype=other), tg.full((2,), 1, dtype=other), tg.randn(2, dtype=other), x.to(other),
              x.new_ones(2, dtype=other), tg.ones_like(x, dtype=other), tg.arange(2, dtype=other)):  # fmt: skip
        assert t.dtype is np.dtype(np.float32)


def test_memory_in_another_byte_order_is_not_shared():
    with pytest.raises(TypeError, match=r"^from_numpy: memory of dtype .f4 cannot be shared; .*tg\.tensor\(array\)$"):
        tg.from_numpy(other_order(np.ones(2, np.float32)))
    t = tg.tensor([1.0, 2.0])
    t.data = other_order(np.array([3, 4], np.float32))
    assert t.dtype is np.dtype(np.float32)
    assert t.tolist() == [3, 4]


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Adagrad"])
def test_a_parameter_from_another_byte_order_is_trained(kind):
    values = np.array([1, 2, 3], np.float32)
    p, q = nn.Parameter(tg.Tensor(other_order(values))), nn.Parameter(tg.tensor(values))
    for x in (p, q):
        (x * x).sum().backward()
        getattr(optim, kind)([x], lr=0.1).step()
    assert_equal(p.numpy(force=True), q.numpy(force=True))
    assert p.tolist() != values.tolist()


# --------------------------------------------------------------------------- what tensors do not hold

HOLD = "tensors hold real floats, integers or booleans, not "
STRANGE = [np.zeros(2, d) for d in (complex, object, "U3", "S3", "M8[s]", "m8[s]", "V4")]


@pytest.mark.parametrize("array", STRANGE, ids=lambda a: str(a.dtype))
def test_numbers_that_are_none_are_refused(array):
    t = tg.tensor([1.0, 2.0])
    for name in ("tensor", "Tensor", "as_tensor", "from_numpy"):
        with pytest.raises(TypeError, match=f"^tensor: {HOLD}"):
            getattr(tg, name)(array)
    with pytest.raises(TypeError, match=r"^setitem: .* values cannot be written into float32\(2,\)$"):
        t[:] = array
    with pytest.raises(TypeError, match=r"^copy_: .* values cannot be written into float32\(2,\)$"):
        t.copy_(array)
    assert t.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [complex, object, "S3", "M8[s]"])
def test_dtypes_that_tensors_do_not_have_are_refused(dtype):
    x = tg.ones(2)
    for name in ("zeros", "ones", "empty", "eye", "rand"):
        with pytest.raises(TypeError, match=f"^{name}: {HOLD}"):
            getattr(tg, name)(2, dtype=dtype)
    for make in (
        lambda: tg.full((2,), 1, dtype=dtype),
        lambda: tg.zeros_like(x, dtype=dtype),
        lambda: tg.empty_like(x, dtype=dtype),
        lambda: x.new_zeros(2, dtype=dtype),
    ):
        with pytest.raises(TypeError, match=f"^(full|full_like|empty_like|to): {HOLD}"):
            make()


def test_casts_make_no_warning():
    """What is no number becomes some integer, what is too large infinity: as in every operator."""
    x = tg.tensor([np.nan, np.inf, -np.inf, 1e30])
    for dtype in (np.int64, np.int32, np.int8, np.uint8, np.bool_):
        assert x.to(dtype).dtype == dtype
    large = tg.tensor([1e300, 1.0], dtype=tg.float64)
    half = tg.zeros(2, dtype=tg.float16)
    half[0] = 1e9
    assert half.tolist() == [np.inf, 0]
    assert half.copy_(large).tolist() == [np.inf, 1]
    assert half.fill_(-1e300).tolist() == [-np.inf, -np.inf]
    assert large.half().tolist() == [np.inf, 1]
    assert half.masked_fill(tg.tensor([True, False]), 1e9).tolist() == [np.inf, -np.inf]
    y = tg.zeros(2, requires_grad=True) * 1
    y[0] = 1e300
    assert y.tolist() == [np.inf, 0]


def test_running_moments_of_infinities_make_no_warning():
    mean, var = tg.tensor([np.inf]), tg.ones(1)
    F.batch_norm(tg.tensor([[-np.inf], [1.0]]), mean, var, training=True)
    assert np.isnan(mean.item())
