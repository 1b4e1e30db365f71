"""Indexing, which follows NumPy, and operators on shapes: duplicates, limits, refusals."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases.expect import assert_equal, check, rows

inf, nan = math.inf, math.nan
X = [1.0, 2.0, 3.0]
M = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def zeros(*shape):
    return tg.tensor(np.zeros(shape))


# --------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("x", "index", "value", "gradient"),
    rows(
        ("duplicates accumulate", X, [0, 0, 2], [1, 1, 3], [2, 0, 1]),
        ("duplicate columns", M, np.s_[:, [0, 0]], [[1, 1], [4, 4]], [[2, 0, 0], [2, 0, 0]]),
        ("duplicates and negatives", X, [0, -3, -1], [1, 1, 3], [2, 0, 1]),
        ("reversed", X, np.s_[::-1], [3, 2, 1], 1),
        ("beyond the end", X, np.s_[5:], [], 0),
        ("all-false mask", X, np.array([False] * 3), [], 0),
        ("empty list", X, [], [], 0),
        ("None", X, None, [X], 1),
        ("Ellipsis", X, ..., X, 1),
        ("()", X, (), X, 1),
        ("True", X, True, [X], 1),
        ("an integer", X, 1, 2, [0, 1, 0]),
        ("a mask", M, np.array(M) > 4, [5, 6], [[0, 0, 0], [0, 1, 1]]),
    ),
)
def test_getitem(x, index, value, gradient):
    check(lambda x: x[index], [x], value, gradient)


def test_the_gradient_of_a_reversal_is_reversed_back():
    check(lambda x: x[::-1] * tg.tensor([1.0, 10.0, 100.0]), [X], [3, 20, 100], [100, 10, 1])


def test_integer_slice_list_is_numpys():
    z = np.arange(30.0).reshape(2, 3, 5)
    check(lambda x: x[0, :, [0, 1]], [z], z[0, :, [0, 1]], None)
    assert tg.tensor(z)[0, :, [0, 1]].shape == (2, 3)
    z = np.arange(120.0).reshape(4, 3, 2, 5)
    assert tg.tensor(z)[:, :, [0, 1]].shape == (4, 3, 2, 5)
    assert tg.tensor(z)[0, :, [0, 1]].shape == z[0, :, [0, 1]].shape == (2, 3, 5)


@pytest.mark.parametrize(
    "index",
    rows(
        ("integer", (3,)),
        ("negative integer", (-4,)),
        ("list", ([0, 3],)),
        ("negative list", ([-4],)),
        ("second axis", (0, 9)),
        ("mask too short", (np.array([True, False]),)),
        ("mask too long", (np.array([True] * 4),)),
        ("float", (1.0,)),
        ("float array", (np.array([0.0, 1.0]),)),
        ("too many", (0, 0, 0)),
        ("a string", ("a",)),
    ),
)
def test_refused_index(index):
    with pytest.raises(IndexError, match="getitem"):
        zeros(3, 4)[index]


@pytest.mark.parametrize("bad", [[3], [-1], [[0, 5]]])
def test_gather_checks_its_index(bad):
    """Negative indices are refused, as in PyTorch: they are far more often a mistake."""
    index = tg.tensor(np.array(bad))
    x = zeros(*(3,) * index.ndim)
    with pytest.raises(IndexError, match="gather"):
        tg.gather(x, index.ndim - 1, index)
    with pytest.raises(IndexError, match="scatter_add"):
        tg.scatter_add(x, index.ndim - 1, index, tg.tensor(np.ones(index.shape)))


def test_index_select_checks_its_index():
    for index in ([3], [-1]):
        with pytest.raises(IndexError, match="index_select"):
            tg.index_select(zeros(3), 0, tg.tensor(index))
    with pytest.raises(IndexError, match="index_select"):
        tg.index_select(zeros(3), 1, tg.tensor([0]))
    with pytest.raises((TypeError, IndexError), match="index_select"):
        tg.index_select(zeros(3), 0, tg.tensor([0.0]))


# --------------------------------------------------------------------------- writing


def test_last_write_wins_and_cuts_the_gradient_of_what_was_there():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = tg.tensor([5.0, 6.0], requires_grad=True)
    y = x * 2
    y[[0, 0]] = v
    assert_equal(y.numpy(force=True), [6, 4, 6], rtol=1e-7)
    y.sum().backward()
    assert_equal(x.grad.numpy(), [0, 2, 2])
    assert_equal(v.grad.numpy(), [0, 1])


@pytest.mark.parametrize("index", [0, [0, 1], np.s_[:, 1]])
def test_a_written_value_may_have_more_leading_dimensions_of_size_1(index):
    x, v = tg.tensor(M) * 1, tg.tensor([[[7.0]]], requires_grad=True)
    x[index] = v
    assert (x[index] == 7).all()
    x.sum().backward()
    assert v.grad.tolist() == [[[float(x[index].numel())]]]
    x = tg.zeros(2, 3)
    x[0] = np.array([X])
    x[1] = x[:1] + 1
    assert x.tolist() == [X, [2.0, 3.0, 4.0]]
    with pytest.raises(ValueError, match="setitem"):
        x[0] = tg.ones(2, 3)


def test_no_writing_into_a_leaf_that_requires_grad():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 5.0
    with tg.no_grad():
        x[0] = 5.0
    assert_equal(x.numpy(force=True), [5, 2])


def test_no_writing_into_an_expanded_tensor():
    x = tg.tensor([1.0, 2.0]).expand(3, 2)
    with pytest.raises((RuntimeError, ValueError)):
        x[0, 0] = 5.0


# --------------------------------------------------------------------------- shapes


def test_reshape_of_a_transpose_copies_in_c_order():
    check(
        lambda x: x.T.reshape(-1) * tg.tensor(np.arange(6.0)),
        [M],
        [0, 4, 4, 15, 12, 30],
        [[0, 2, 4], [1, 3, 5]],
    )


@pytest.mark.parametrize(
    ("call", "shape"),
    rows(
        ("reshape(-1) of nothing", lambda: zeros(0, 3).reshape(-1), (0,)),
        ("flatten of 0-d", lambda: tg.flatten(zeros()), (1,)),
        ("squeeze of a larger axis", lambda: tg.squeeze(zeros(3, 1), 0), (3, 1)),
        ("expand 1 to 0", lambda: zeros(1).expand(0), (0,)),
        ("(0,) + (1,)", lambda: zeros(0) + zeros(1), (0,)),
        ("permute, negative", lambda: zeros(2, 3, 4).permute(-1, 0, 1), (4, 2, 3)),
        ("chunk(5) of 3", lambda: tg.stack(tg.chunk(zeros(3), 5)), (3, 1)),
        ("split with a rest", lambda: tg.split(zeros(5), 2)[-1], (1,)),
        ("split in sizes", lambda: tg.split(zeros(3), [2, 1])[0], (2,)),
        ("pad", lambda: F.pad(zeros(2, 3), (1, 2, 0, 1)), (3, 6)),
        ("negative pad", lambda: F.pad(zeros(2, 3), (-1, -1)), (2, 1)),
    ),
)
def test_shape(call, shape):
    assert call().shape == shape


@pytest.mark.parametrize(
    ("call", "error", "named"),
    rows(
        ("reshape(0, -1)", lambda: zeros(0, 3).reshape(0, -1), ValueError, "reshape"),
        ("reshape(-2)", lambda: zeros(4).reshape(-2), ValueError, "reshape"),
        ("reshape, two -1", lambda: zeros(4).reshape(-1, -1), ValueError, "reshape"),
        ("reshape, wrong size", lambda: zeros(4).reshape(3), ValueError, "reshape"),
        ("reshape, not a divisor", lambda: zeros(4).reshape(3, -1), ValueError, "reshape"),
        ("reshape, float", lambda: zeros(4).reshape(2.0, 2), TypeError, "reshape"),
        ("view, wrong size", lambda: zeros(4).view(3), ValueError, "view|reshape"),
        ("permute, duplicate", lambda: zeros(2, 3).permute(0, 0), ValueError, "permute"),
        ("permute, too few", lambda: zeros(2, 3).permute(0), ValueError, "permute"),
        ("permute, out of range", lambda: zeros(2, 3).permute(0, 2), IndexError, "permute"),
        ("transpose, out of range", lambda: zeros(2, 3).transpose(0, 2), IndexError, "transpose"),
        ("squeeze, out of range", lambda: zeros(2, 3).squeeze(2), IndexError, "squeeze"),
        ("unsqueeze, out of range", lambda: zeros(2, 3).unsqueeze(4), IndexError, "unsqueeze"),
        ("flatten, out of range", lambda: zeros(2, 3).flatten(2), IndexError, "flatten"),
        ("flatten, reversed", lambda: zeros(2, 3, 4).flatten(2, 0), ValueError, "flatten"),
        ("expand, other size", lambda: zeros(3).expand(4), ValueError, "expand|broadcast_to"),
        ("expand, fewer axes", lambda: zeros(2, 3).expand(3), ValueError, "expand|broadcast_to"),
        ("expand, -1 for a new axis", lambda: zeros(3).expand(-1, 3), ValueError, "expand|broadcast_to"),
        ("(0,) + (2,)", lambda: zeros(0) + zeros(2), ValueError, "add"),
        ("flip, duplicate", lambda: tg.flip(zeros(2, 3), (0, 0)), ValueError, "flip"),
        ("flip, out of range", lambda: tg.flip(zeros(2, 3), (2,)), IndexError, "flip"),
        ("roll, out of range", lambda: tg.roll(zeros(2, 3), 1, 2), IndexError, "roll"),
        ("roll, unequal lengths", lambda: tg.roll(zeros(2, 3), (1, 1), (0,)), ValueError, "roll"),
        ("cat of nothing", lambda: tg.cat([]), ValueError, "cat"),
        ("stack of nothing", lambda: tg.stack([]), ValueError, "stack"),
        ("cat of 0-d", lambda: tg.cat([zeros(), zeros()]), ValueError, "cat"),
        ("cat, shapes", lambda: tg.cat([zeros(2, 3), zeros(2, 2)]), ValueError, "cat"),
        ("cat, axes", lambda: tg.cat([zeros(2, 3), zeros(3)]), ValueError, "cat"),
        ("cat with (0,), as NumPy", lambda: tg.cat([zeros(0), zeros(2, 3)]), ValueError, "cat"),
        ("cat, out of range", lambda: tg.cat([zeros(2), zeros(2)], 1), IndexError, "cat"),
        ("stack, shapes", lambda: tg.stack([zeros(2), zeros(3)]), ValueError, "stack"),
        ("split size 0", lambda: tg.split(zeros(3), 0), ValueError, "split"),
        ("split, negative size", lambda: tg.split(zeros(3), -1), ValueError, "split"),
        ("split, sizes do not add up", lambda: tg.split(zeros(3), [1, 1]), ValueError, "split"),
        ("chunk into 0", lambda: tg.chunk(zeros(3), 0), ValueError, "chunk"),
        ("pad, odd", lambda: F.pad(zeros(3), (1,)), ValueError, "pad"),
        ("pad, too long", lambda: F.pad(zeros(3), (1, 1, 1, 1)), ValueError, "pad"),
        ("pad below nothing", lambda: F.pad(zeros(3), (-2, -2)), ValueError, "pad"),
    ),
)
def test_refusal(call, error, named):
    with pytest.raises(error, match=named):
        call()


def test_cat_of_the_same_tensor_twice():
    check(lambda x: tg.cat([x, x]), [X], X + X, 2)


def test_expand_sums_the_gradient():
    check(lambda x: x.expand(4, 3), [X], [X] * 4, 4)
    check(lambda x: x.expand(0, 3), [X], np.zeros((0, 3)), 0)


def test_cat_of_mixed_dtypes():
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    y = tg.tensor(np.ones(2), requires_grad=True)
    joined = tg.cat([x, y])
    assert joined.dtype == np.float64
    joined.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


def test_flatten_reads_its_dimensions_at_every_call():
    x, dim = tg.zeros(2, 3, 4), tg.tensor(1)
    assert tg.flatten(x, dim).shape == (2, 12)
    dim.fill_(0)
    assert tg.flatten(x, dim).shape == (24,)
    for wrong in (1.0, [1], True):
        with pytest.raises(TypeError, match="flatten: dim must be an integer"):
            tg.flatten(x, wrong)
