"""Hooks on nodes: before the rules they see the output's gradient, after them those of the inputs too."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg


def leaf(*values):
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)


def test_a_hook_sees_both_ends_and_may_replace_the_gradients_of_the_inputs():
    x, w, seen = leaf(1, 2), leaf(3, 4), []
    y = x * w
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10, inputs[1] + outputs[0]))
    (y * tg.tensor([1.0, 5.0])).sum().backward()
    ((grad_x, grad_w), (grad_y,)) = seen[0]
    assert grad_y.tolist() == [1.0, 5.0]
    assert grad_x.tolist() == [3.0, 20.0]
    assert grad_w.tolist() == [1.0, 10.0]
    assert x.grad.tolist() == [30.0, 200.0]
    assert w.grad.tolist() == [2.0, 15.0]


def test_gradients_come_in_the_shapes_and_dtypes_of_the_inputs():
    x, w, seen = tg.ones(3, requires_grad=True), leaf(2), []
    y = x * w + tg.ones(3)
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append([d if d is None else d.shape for d in inputs]))
    y.node.edges[0].register_hook(lambda inputs, outputs: seen.append([(d.shape, d.dtype) for d in inputs]))
    y.sum().backward()
    assert seen == [[(3,), None], [((3,), np.float32), ((1,), np.float64)]]


def test_a_prehook_replaces_the_gradient_before_the_rules():
    x, seen = leaf(1, 2), []
    y = x.exp()
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] + 1,))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(outputs[0].tolist()))
    y.sum().backward()
    assert seen == [[3.0, 3.0]]
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.exp([1.0, 2.0]))


def test_handles_take_hooks_off():
    x = leaf(3)
    y = x * x
    with y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 0, inputs[1] * 0)):
        y.sum().backward(retain_graph=True)
        assert x.grad.tolist() == [0.0]
    before = y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 0,))
    before.remove()
    before.remove()
    y.sum().backward()
    assert x.grad.tolist() == [6.0]


def test_double_backward_goes_through_what_hooks_compute():
    x = leaf(2.0)
    y = x**3
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * x, *inputs[1:]))
    y.grad_fn.register_prehook(lambda outputs: outputs[0] * 2)
    (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [2 * 3 * 4 * 2.0]
    (gg,) = tg.autograd.grad(g.sum(), x)
    assert gg.tolist() == [6 * 3 * 4.0]  # of 6 x^3


@pytest.mark.parametrize(
    "hook",
    [
        lambda inputs, outputs: inputs[0],
        lambda inputs, outputs: (inputs[0], inputs[1][:1]),
        lambda inputs, outputs: (inputs[0], 1.0),
        lambda inputs, outputs: (inputs[0], None),
    ],
)
def test_other_shapes_are_refused(hook):
    y = leaf(1, 2) * leaf(3, 4)
    y.grad_fn.register_hook(hook)
    with pytest.raises(ValueError, match=r"hook of <mul -> float64\(2,\)>.*expected one gradient for each input"):
        y.sum().backward()


def test_a_prehook_of_another_shape_is_refused():
    y = leaf(1, 2) * 2
    y.grad_fn.register_prehook(lambda outputs: (outputs[0][:1],))
    with pytest.raises(ValueError, match=r"expected a tensor of shape \(2,\)"):
        y.sum().backward()
    with pytest.raises(TypeError, match="callable"):
        y.grad_fn.register_hook(3)


def test_what_a_hook_keeps_is_not_the_memory_of_a_gradient():
    x, kept = leaf(1, 2), []
    y = x.sin()
    y.grad_fn.register_hook(lambda inputs, outputs: kept.append(inputs[0]))
    y.sum().backward(retain_graph=True)
    before = kept[0].tolist()
    y.sum().backward()
    assert kept[0].tolist() == before
    assert not np.shares_memory(kept[0].numpy(), x.grad.numpy())


def test_hooks_make_no_circles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1, 2)
        y = x * x
        y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2, inputs[1]))
        y.grad_fn.register_prehook(lambda outputs: outputs)
        handle = y.register_hook(lambda g: g)
        node = weakref.ref(y.node)
        y.sum().backward()
        del y
        assert node() is None
        handle.remove()
    finally:
        gc.enable()
