"""Where a gradient ends up: ``.grad`` of leaves and of the tensors that were asked for, in memory of its own."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn


def leaf(*values):
    return tg.tensor(values, requires_grad=True)


def test_recorded_gradients_share_no_memory():
    a, b, c = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0, 6.0)
    ((a + b) * c).sum().backward(create_graph=True)
    with tg.no_grad():
        a.grad.mul_(0.0)
    assert b.grad.tolist() == [5.0, 6.0]


def test_clipping_of_recorded_gradients_scales_each_once():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    ((a + b) * tg.tensor([3.0, 4.0])).sum().backward(create_graph=True)
    nn.utils.clip_grad_norm_([a, b], 1.0)
    np.testing.assert_allclose(a.grad.detach().numpy(), np.array([3, 4]) / np.sqrt(50), rtol=1e-5)
    np.testing.assert_allclose(b.grad.detach().numpy(), np.array([3, 4]) / np.sqrt(50), rtol=1e-5)


def test_a_recorded_gradient_is_writable_and_not_the_callers():
    a, g = leaf(1.0, 2.0), tg.tensor([3.0, 4.0])
    (a + 0.0).backward(g, create_graph=True)
    assert a.grad is not g
    a.grad = None
    a.sum().backward(create_graph=True)  # the gradient of a sum is one number, expanded
    a.grad.zero_()
    assert a.grad.tolist() == [0.0, 0.0]


def test_a_recorded_gradient_is_differentiable_under_no_grad_too():
    x = leaf(2.0)
    y = (x**3).sum()
    with tg.no_grad():
        y.backward(create_graph=True)
    assert tg.autograd.grad(x.grad.sum(), x)[0].tolist() == [12.0]


@pytest.mark.parametrize(
    "steps",
    [lambda x: x.sign(), lambda x: x.round(), lambda x: x**0, lambda x: tg.copysign(tg.ones(2), x)],
    ids=["sign", "round", "pow", "copysign"],
)
def test_the_zeros_of_a_step_function_meet_a_recorded_gradient(steps):
    x = leaf(1.5, 2.5)
    ((x**2).sum() + steps(x).sum()).backward(create_graph=True)
    assert x.grad.tolist() == [3.0, 5.0]
    assert tg.autograd.grad(x.grad.sum(), x)[0].tolist() == [2.0, 2.0]
    x = leaf(1.5, 2.5)
    steps(x).sum().backward(create_graph=True)
    assert x.grad.tolist() == [0.0, 0.0]
    assert not x.grad.requires_grad


def test_inputs_of_backward_may_be_computed_tensors():
    x, other = leaf(1.0, 2.0), leaf(1.0, 1.0)
    y = x * x
    (y * 3 + other).sum().backward(inputs=[y, x, x])
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [6.0, 12.0]
    assert other.grad is None


def test_a_tensor_that_retains_its_gradient_gets_it_once():
    x = leaf(1.0, 2.0)
    y = x * x
    y.retain_grad()
    (y * 3).sum().backward(inputs=[y])
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad is None


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([], ValueError, "backward: inputs must not be empty"),
        (["a"], TypeError, r"backward: inputs\[0\] must be a tensor, got str"),
        ([tg.ones(2)], RuntimeError, r"backward: inputs\[0\] does not require grad"),
    ],
)
def test_inputs_that_can_have_no_gradient_are_refused(inputs, error, message):
    with pytest.raises(error, match=message):
        (leaf(1.0, 2.0) * 2).sum().backward(inputs=inputs)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            np.ones(2, np.float32),
            TypeError,
            r"grad: expected a float32 tensor or None, got an array float32\(2,\); wrap",
        ),
        (1.0, TypeError, "grad: expected a float32 tensor or None, got 1.0"),
        (tg.ones(2).double(), TypeError, r"grad: expected a float32 tensor or None, got a float64\(2,\); convert it"),
        (tg.ones(3), ValueError, r"grad: expected a gradient of shape \(2,\), got float32\(3,\)"),
    ],
)
def test_what_is_no_gradient_of_a_tensor_is_refused(value, error, message):
    x = leaf(1.0, 2.0)
    x.grad = kept = tg.ones(2)
    with pytest.raises(error, match=message):
        x.grad = value
    assert x.grad is kept


def test_a_second_backward_says_which_operator_of_which_module():
    class Net(nn.Module):
        def forward(self, x):
            return (x * x).sum()

    y = Net()(leaf(1.0))
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward of sum \(in Net\): trying to backward .* a second time"):
        y.backward()
