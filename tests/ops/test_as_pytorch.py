"""What PyTorch gives in corners that no formula decides: the numbers in these tests are its own."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [
        ((1, 5), (1.0, 1.1), [0, 1, 2, 3, 4]),  # the same size: the factor does not count
        ((3, 1), (2.3, 1.0), [0, 0, 1, 1, 2, 2]),  # twice the size
        ((1, 5), (1.0, 1.3), [0, 0, 1, 2, 3, 3]),
    ],
)
def test_nearest_pixels_where_the_factor_is_no_whole_number(size, factor, expected):
    x = tg.arange(float(max(size))).reshape(1, 1, *size)
    assert F.interpolate(x, scale_factor=factor).flatten().tolist() == expected


def test_integers_never_become_differentiable():
    wanted = tg.tensor(1.5, requires_grad=True)
    x = tg.zeros(2, dtype=tg.int64)
    x[0] = wanted
    assert not x.requires_grad
    x.copy_(tg.ones(2, requires_grad=True))
    assert not x.requires_grad
    assert x.tolist() == [1, 1]


def test_the_second_derivative_where_all_targets_are_ignored():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    loss = F.cross_entropy(x, tg.tensor([-100, -100]), label_smoothing=0.1)
    assert np.isnan(loss.item())
    (slope,) = tg.autograd.grad(loss, x, create_graph=True)
    assert not slope.detach().numpy().any()
    assert not tg.autograd.grad(slope.sum(), x)[0].numpy().any()


def test_a_write_into_a_view_of_a_single_number():
    x = tg.tensor(2.0, requires_grad=True)
    y = x * 1
    y.reshape(-1)[::2].mul_(3)
    y.backward()
    assert (y.item(), x.grad.item()) == (6.0, 3.0)


def test_what_is_retained_is_what_the_hooks_leave():
    y = tg.ones(2, requires_grad=True) * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 3)
    y.sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("value", "shape_or_dtype"),
    [
        (lambda: tg.ones(1, 3).squeeze(dim=[]).shape, (1, 3)),
        (lambda: tg.cov(tg.tensor([[1.0, 2.0, 4.0]])).shape, ()),
        (lambda: tg.corrcoef(tg.tensor([[1.0, 2.0, 4.0]])).shape, ()),
        (lambda: tg.prod(tg.ones(2, dtype=tg.uint8)).dtype, np.int64),
        (lambda: tg.prod(tg.ones(2, dtype=tg.bool)).dtype, np.int64),
    ],
)
def test_shapes_and_dtypes(value, shape_or_dtype):
    assert value() == shape_or_dtype


@pytest.mark.parametrize("value", [tg.ones(2, 2), np.ones((2, 2)), 1.0, nn.ReLU()])
def test_a_parameter_is_not_lost_for_something_else(value):
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"^Linear\.weight is a Parameter: expected another one or None, got .*data = "):
        layer.weight = value
    layer.weight = nn.Parameter(tg.ones(2, 2))
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]


def test_a_module_is_not_lost_for_a_function():
    net = nn.Sequential(nn.ReLU())
    net.act = nn.ReLU()
    with pytest.raises(TypeError, match=r"^Sequential\.act is a Module: expected another one or None, got function"):
        net.act = F.relu


def test_along_no_dimension_any_and_all_look_at_each_by_itself():
    x = tg.tensor([[0, 2]])
    assert tg.any(x, dim=()).tolist() == tg.all(x, dim=()).tolist() == [[False, True]]
    assert tg.any(x).item()
    assert not tg.all(x).item()


@pytest.mark.parametrize("op", [tg.bitwise_and, tg.bitwise_or, tg.bitwise_xor])
def test_a_number_in_a_tensor_does_not_widen_integers(op):
    small = tg.tensor([1, 2], dtype=tg.int16)
    assert op(small, tg.tensor(3)).dtype == op(tg.tensor(3), small).dtype == op(small, 3).dtype == np.int16
    assert op(small, tg.tensor([3, 3])).dtype == np.int64
    assert op(tg.tensor([True]), tg.tensor([3])).dtype == np.int64
    assert op(tg.tensor([True]), tg.tensor([True])).dtype == np.bool_


@pytest.mark.parametrize("dtype", [tg.int32, tg.int64, tg.uint8, tg.float64])
def test_scatter_reduce_keeps_the_dtype(dtype):
    x, source = tg.tensor([2, 3], dtype=dtype), tg.tensor([4, 5], dtype=dtype)
    y = tg.scatter_reduce(x, 0, tg.tensor([1, 1]), source, "prod")
    assert y.tolist() == [2, 60]
    assert y.dtype == dtype


def test_a_group_of_one_number_has_no_moments():
    with pytest.raises(ValueError, match=r"group_norm: Expected more than 1 value per channel when training"):
        tg.nn.functional.group_norm(tg.ones(1, 4, 1, 1), 4)
    assert tg.nn.functional.group_norm(tg.ones(2, 4, 1, 1), 4).tolist() == tg.zeros(2, 4, 1, 1).tolist()


@pytest.mark.parametrize("make", [tg.tensor, tg.as_tensor, lambda x, dtype: tg.full((1,), x[0], dtype=dtype)])
def test_numbers_go_straight_to_the_dtype_that_is_given(make):
    """And not through float32, which has neither a tenth nor 2^24 + 1."""
    assert make([0.1], dtype=tg.float64).tolist() == [0.1]
    assert make([16777217.0], dtype=tg.int64).tolist() == [16777217]
    assert make([0.1], dtype=None).dtype == np.float32


@pytest.mark.parametrize("bound", [tg.tensor(3.0), tg.tensor(3)])
def test_the_maximum_with_a_single_number_is_elementwise(bound):
    """A 0-d tensor is an operand, never a dimension."""
    x = tg.tensor([[1.0, 5.0], [7.0, 2.0]], requires_grad=True)
    assert tg.max(x, bound).tolist() == x.max(bound).tolist() == [[3.0, 5.0], [7.0, 3.0]]
    assert tg.min(x, bound).tolist() == x.min(bound).tolist() == [[1.0, 3.0], [3.0, 2.0]]
    tg.max(x, bound).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize("name", ["sum", "nansum", "prod", "cumsum", "cumprod"])
@pytest.mark.parametrize("given", [tg.int8, tg.uint8, tg.int32, tg.int64, tg.float32])
@pytest.mark.parametrize("own", [tg.bool, tg.uint8, tg.int32, tg.float64])
def test_a_sum_or_product_has_the_dtype_that_is_asked_for(name, given, own):
    x = tg.tensor([1, 1, 1]).to(own)
    assert getattr(tg, name)(x, 0, dtype=given).dtype == given
    assert getattr(tg, name)(x, 0).dtype == (tg.float64 if own == tg.float64 else tg.int64)


def test_slopes_between_equal_steps_do_not_see_the_sample_itself():
    x = tg.tensor([1.0, 4.0, float("inf"), 16.0, 25.0])
    for spacing in (1, None, tg.tensor(1.0)):
        assert tg.gradient(x, spacing=spacing)[0].tolist() == [3.0, float("inf"), 6.0, float("-inf"), 9.0]


def test_no_difference_joins_nothing():
    x = tg.tensor([[1.0, 2.0]])
    assert tg.diff(x, n=0, prepend=x, append=x).tolist() == x.tolist()


def test_integers_where_floats_are_made_and_counted():
    np.testing.assert_allclose(tg.logsumexp(tg.tensor([1, 2]), 0).item(), 2.3132617, rtol=1e-6)
    assert tg.logsumexp(tg.tensor([True, False]), 0).dtype == np.float32
    assert tg.bincount(tg.tensor([1, 3, 1], dtype=tg.uint8)).tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize(("rows", "values"), [((0, 3), (0, 2)), ((2, 0), (2, 1)), ((0, 0), (0, 0)), ((2, 3), (2, 0))])
def test_a_search_among_none_or_for_none(rows, values):
    found = tg.searchsorted(tg.ones(*rows), tg.zeros(*values))
    assert (found.shape, found.dtype) == (values, np.int64)
    assert not found.any()


def test_numbers_scattered_into_a_single_number():
    x = tg.tensor(2.0, dtype=tg.float64, requires_grad=True)
    y = x.scatter(0, tg.tensor(0), 0.1)
    assert (y.item(), y.dtype) == (0.1, np.float64)
    assert x.scatter(0, tg.tensor(0), 0.1, reduce="add").item() == 2.1


def test_positions_along_a_dimension_count_from_the_end_too():
    x = tg.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    y = tg.take_along_dim(x, tg.tensor([[-1, 0]]), 1)
    assert y.tolist() == [[2.0, 3.0]]
    y.sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 1.0]]
    assert tg.take_along_dim(x, tg.tensor([-3])).tolist() == [3.0]
    with pytest.raises(IndexError, match="out of bounds"):
        tg.take_along_dim(x, tg.tensor([[-4]]), 1)


def test_a_division_in_place_rounds():
    assert tg.tensor([7.0, -7.0]).div_(2, rounding_mode="trunc").tolist() == [3.0, -3.0]
    assert tg.tensor([7, -7]).div_(2, rounding_mode="floor").tolist() == [3, -4]


def test_the_weights_of_observations_have_gradients():
    x, repeats = tg.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 1.0]], dtype=tg.float64), tg.tensor([1, 2, 1])
    weights = tg.tensor([0.5, 1.0, 2.0], dtype=tg.float64, requires_grad=True)
    y = tg.cov(x, fweights=repeats, aweights=weights)
    (y * tg.tensor([[1.0, 2.0], [0.0, 3.0]])).sum().backward()
    np.testing.assert_allclose(weights.grad.numpy(), [4.0, -1.285714285714, -0.357142857143], rtol=1e-9)
    call = lambda x, w: tg.cov(x, correction=0, fweights=repeats, aweights=w)
    assert tg.testing.gradcheck(call, (x.requires_grad_(), weights))
    assert tg.testing.gradgradcheck(call, (x, weights))
