"""In-place writes: the gradient is that of the values which are there, or an error says why not."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.methods_in_place import InPlaceMethods


def leaf(*values):
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)


def gradients(function, *inputs):
    """The gradients of sum(w * function(*inputs)) for weights that tell the places apart."""
    out = function(*inputs)
    weights = np.arange(1.0, out.numel() + 1).reshape(out.shape)
    (out * weights).sum().backward()
    return [x.grad.tolist() for x in inputs]


def test_augmented_assignment_is_recorded():
    def f(a, b):
        y = a * 2
        y += b
        y *= 3
        y -= a
        return y

    assert gradients(f, leaf(1, 2), leaf(3, 4)) == [[5.0, 10.0], [3.0, 6.0]]


def test_the_same_object_and_memory():
    y = leaf(1, 2) * 1
    same, memory = y, y.numpy(force=True)
    y += 1
    assert y is same
    assert y.numpy(force=True) is memory
    assert memory.tolist() == [2.0, 3.0]


def test_setitem_into_a_fresh_tensor():
    def f(a):
        out = tg.zeros(4, dtype=tg.float64)
        out[1:3] = a * 10
        out[0] = a[1]
        return out

    assert gradients(f, leaf(1, 2)) == [[20.0, 31.0]]


def test_overwritten_values_get_no_gradient():
    def f(a, v):
        y = a * 1
        y[1] = v
        return y

    assert gradients(f, leaf(1, 2, 3), tg.tensor(7.0, dtype=tg.float64, requires_grad=True)) == [[1.0, 0.0, 3.0], 2.0]


def test_a_write_through_a_view_reaches_the_base():
    def f(a):
        y = a * 1
        y[0] *= 5
        row = y[1:]
        row *= 7
        return y

    assert gradients(f, leaf(1, 2, 3)) == [[5.0, 14.0, 21.0]]


def test_a_write_into_the_base_reaches_its_views():
    def f(a):
        y = a * 1
        tail = y[1:]
        y *= 4
        return tail

    assert gradients(f, leaf(1, 2, 3)) == [[0.0, 4.0, 8.0]]


def test_views_of_views():
    def f(a):
        y = (a * 1).reshape(2, 2)
        column = y.T[0]
        column[1] = a[3] * 100  # y[1, 0]
        y.reshape(-1)[0] += a[1]
        return y

    assert gradients(f, leaf(1, 2, 3, 4)) == [[1.0, 3.0, 0.0, 304.0]]


def test_a_write_reaches_views_of_any_depth():
    x = leaf(1, 2)
    base = x * 1
    view = base
    for _ in range(3000):
        view = view[:]
    base += 1
    (view * view).sum().backward(retain_graph=True)
    assert x.grad.tolist() == [4.0, 6.0]
    view *= 3
    assert base.tolist() == [6.0, 9.0]
    (gradient,) = tg.autograd.grad(base.sum(), x)
    assert gradient.tolist() == [3.0, 3.0]


def test_second_derivative_through_a_write():
    x = leaf(2.0, 3.0)
    y = x**3
    y[0] = x[1] ** 2
    (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [0.0, 6.0 + 27.0]
    (gg,) = tg.autograd.grad(g.sum(), x)
    assert gg.tolist() == [0.0, 2.0 + 18.0]


def test_broadcast_value_and_mask():
    def f(a, v):
        y = a * 1
        y[y.data > 1.5] = v
        return y

    grads = gradients(f, leaf(1, 2, 3), tg.tensor([9.0], dtype=tg.float64, requires_grad=True))
    assert grads == [[1.0, 0.0, 0.0], [5.0]]


def test_a_saved_value_that_is_overwritten_is_an_error_that_names_both():
    x = leaf(1, 2)
    y = x * 1
    z = y * y
    y += 1
    with pytest.raises(RuntimeError, match=r"mul.*modified in place at .*test_in_place\.py:\d+"):
        z.sum().backward()


def test_exp_saves_its_output_and_survives_a_write_into_its_input():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y.exp()
    y += 1
    z.sum().backward()
    np.testing.assert_allclose(x.grad.data, np.exp([1.0, 2.0]))


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.__iadd__(1),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x[:1].__imul__(2),
        lambda x: x.zero_(),
        lambda x: F.relu(x, inplace=True),
    ],
)
def test_a_leaf_that_requires_grad_is_refused_and_unchanged(write):
    x = leaf(1, -2)
    with pytest.raises(RuntimeError, match="leaf"):
        write(x)
    assert x.tolist() == [1.0, -2.0]
    with tg.no_grad():
        write(x)
    assert x.is_leaf
    assert x.requires_grad


def test_expanded_tensors_are_refused():
    with pytest.raises(RuntimeError, match="expanded"):
        tg.zeros(1, 3).expand(4, 3).add_(1)


def test_plain_tensors_follow_numpy():
    x = tg.zeros(4)
    view = x[1:3]
    view += 1
    x[0] = 9
    assert x.tolist() == [9.0, 1.0, 1.0, 0.0]
    assert not x.requires_grad
    x.fill_(2).clamp_(max=1.5)
    assert x.tolist() == [1.5] * 4


def test_shape_and_dtype_must_fit():
    with pytest.raises(ValueError, match=r"add_.*\(2, 3\)"):
        tg.zeros(3).add_(tg.ones(2, 3))
    with pytest.raises(TypeError, match="float"):
        tg.arange(3).add_(1.5)
    with pytest.raises(ValueError, match="setitem"):
        tg.zeros(3)[:2] = tg.ones(3)


def test_a_hand_written_optimizer():
    w, g = leaf(1.0, 2.0), tg.tensor([0.5, 0.5], dtype=tg.float64)
    with tg.no_grad():
        w.add_(g, alpha=-0.1)
        w -= 0.1 * g
    np.testing.assert_allclose(w.data, [0.9, 1.9])


@pytest.mark.parametrize(
    "layer", [tg.nn.ReLU, tg.nn.LeakyReLU, tg.nn.ELU, tg.nn.SiLU, tg.nn.Dropout], ids=lambda layer: layer.__name__
)
def test_layers_in_place(layer):
    def gradient(inplace):
        tg.manual_seed(0)
        x = leaf(-1.0, 2.0, 0.5)
        y = x * 3
        z = layer(inplace=inplace)(y)
        assert (z is y) == inplace
        (y if inplace else z).sum().backward()
        return z.tolist(), x.grad.tolist()

    assert gradient(True) == gradient(False)


def test_inplace_relu():
    def f(a):
        y = a * 1
        F.relu(y, inplace=True)
        return y

    assert gradients(f, leaf(-1, 2)) == [[0.0, 2.0]]


def test_a_single_element_is_a_view_too():
    def f(a):
        y = a * 1
        one = y[1]
        one *= 5
        return y

    assert gradients(f, leaf(1, 2)) == [[1.0, 10.0]]


MATRIX, VECTOR, INDEX = tg.full((3, 3), 0.25), tg.full((3,), 0.25), tg.tensor([[0, 1, 2]])
#: what the in-place forms take beside their tensor, where it is not nothing
OPERANDS = {
    **dict.fromkeys(["eq_", "ne_", "lt_", "le_", "gt_", "ge_", "clamp_min_", "clamp_max_", "clamp_", "clip_"], (0.5,)),
    **dict.fromkeys(["add_", "sub_", "subtract_", "mul_", "multiply_", "div_", "divide_", "true_divide_"], (0.5,)),
    **dict.fromkeys(["remainder_", "pow_", "floor_divide_", "fmod_", "copysign_", "hypot_", "xlogy_"], (0.5,)),
    **dict.fromkeys(["logit_", "fill_diagonal_"], (0.5,)),
    **dict.fromkeys(["logical_and_", "logical_or_", "logical_xor_", "atan2_"], (MATRIX,)),
    **dict.fromkeys(["cumsum_", "cumprod_"], (0,)),
    **dict.fromkeys(["addmm_", "addcmul_", "addcdiv_"], (MATRIX, MATRIX)),
    "lerp_": (MATRIX, 0.3),
    "addr_": (VECTOR, VECTOR),
    "addbmm_": (MATRIX.expand(2, 3, 3), MATRIX.expand(2, 3, 3)),
    "masked_fill_": (MATRIX > 0, 2.0),
    "masked_scatter_": (MATRIX > 0, MATRIX),
    "index_add_": (0, INDEX[0], MATRIX),
    "index_copy_": (0, INDEX[0], MATRIX),
    "index_fill_": (0, INDEX[0], 2.0),
    "index_put_": ((INDEX[0],), VECTOR),
    "scatter_": (0, INDEX, MATRIX[:1]),
    "scatter_add_": (0, INDEX, MATRIX[:1]),
    "scatter_reduce_": (0, INDEX, MATRIX[:1], "amax"),
}
#: not here: those of integers, of vectors and of batches, the draws, and what has no other form
ELSEWHERE = {"bitwise_and_", "bitwise_or_", "bitwise_xor_", "bitwise_not_", "addmv_", "baddbmm_"}
ELSEWHERE |= {"bernoulli_", "uniform_", "normal_", "exponential_", "random_", "copy_", "fill_", "zero_"}


@pytest.mark.parametrize(
    "name", sorted(n for n in vars(InPlaceMethods) if n[-1] == "_" and n[0] != "_" and n not in ELSEWHERE)
)
def test_the_in_place_form_has_the_values_and_the_gradient_of_the_other(name):
    operands = OPERANDS.get(name, ())
    x = tg.linspace(0.1, 0.9, 9).reshape(3, 3).requires_grad_()
    y = x * 1
    assert getattr(y, name)(*operands) is y
    expected = getattr(x, name[:-1])(*operands)
    assert y.dtype == x.dtype
    assert y.tolist() == expected.to(y.dtype).tolist()
    if expected.requires_grad:
        (y**2).sum().backward()
        (wanted,) = tg.autograd.grad((expected**2).sum(), x)
        assert x.grad.tolist() == wanted.tolist()


def test_in_place_forms_of_integers_of_vectors_and_of_batches():
    x = tg.tensor([5, 3])
    assert x.bitwise_not_() is x
    assert x.bitwise_and_(12).bitwise_or_(1).bitwise_xor_(2).tolist() == [11, 15]
    assert tg.ones(3).addmv_(MATRIX, VECTOR).tolist() == [1.1875] * 3
    batch = tg.ones(2, 3, 3)
    assert batch.baddbmm_(batch, batch, beta=0.0).tolist() == tg.full((2, 3, 3), 3.0).tolist()
    assert tg.tensor([7.0, -7.0]).div_(2, rounding_mode="trunc").tolist() == [3.0, -3.0]
