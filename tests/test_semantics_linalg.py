"""Matrix products: refusals and numbers that must not be skipped."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tests.cases.expect import assert_equal, rows

inf, nan = math.inf, math.nan


def zeros(*shape):
    return tg.tensor(np.zeros(shape))


@pytest.mark.parametrize(
    ("x", "y"),
    rows(
        ("0-d on the left", (), (3,)),
        ("0-d on the right", (2, 3), ()),
        ("inner sizes", (2, 3), (2, 3)),
        ("vectors", (2,), (3,)),
        ("matrix with vector", (2, 3), (2,)),
        ("batch sizes", (2, 2, 3), (3, 3, 2)),
    ),
)
def test_refused_shapes(x, y):
    with pytest.raises(ValueError, match="matmul"):
        zeros(*x) @ zeros(*y)


def test_zero_times_infinity_is_nan():
    x, y = tg.tensor([[0.0, 1.0]]), tg.tensor([[inf], [1.0]])
    assert_equal((x @ y).numpy(force=True), [[nan]])


@pytest.mark.parametrize(("x", "y"), [((2, 0), (0, 3)), ((0,), (0,)), ((0, 3), (3, 2))])
def test_empty(x, y):
    x = tg.tensor(np.ones(x), requires_grad=True)
    y = tg.tensor(np.ones(y), requires_grad=True)
    product = x @ y
    assert_equal(product.numpy(force=True), np.matmul(x.numpy(force=True), y.numpy(force=True)))
    product.sum().backward()
    assert_equal(x.grad.numpy(), np.zeros(x.shape))
    assert_equal(y.grad.numpy(), np.zeros(y.shape))


def test_gradients_are_summed_over_broadcast_axes():
    x = tg.tensor(np.ones((5, 1, 2, 3)), requires_grad=True)
    y = tg.tensor(np.ones((1, 6, 3, 4)), requires_grad=True)
    product = x @ y
    assert product.shape == (5, 6, 2, 4)
    product.sum().backward()
    assert_equal(x.grad.numpy(), np.full((5, 1, 2, 3), 24.0))
    assert_equal(y.grad.numpy(), np.full((1, 6, 3, 4), 10.0))


@pytest.mark.parametrize(
    ("equation", "shapes"),
    rows(
        ("sizes differ", "ij,jk->ik", [(2, 3), (2, 3)]),
        ("too few indices", "i,j->ij", [(2, 3), (3,)]),
        ("unknown output index", "ij->k", [(2, 3)]),
        ("repeated output index", "ij->ii", [(2, 3)]),
        ("too few operands", "ij,jk->ik", [(2, 3)]),
        ("too many operands", "ij->i", [(2, 3), (2, 3)]),
        ("unequal diagonal", "ii->i", [(2, 3)]),
    ),
)
def test_refused_equations(equation, shapes):
    with pytest.raises(ValueError, match="einsum"):
        tg.einsum(equation, *(zeros(*shape) for shape in shapes))
