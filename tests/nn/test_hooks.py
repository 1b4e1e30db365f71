"""Hooks of modules, as in PyTorch: order, replacement, keyword arguments, gradients at both ends."""

import copy
import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn


class Scale(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self, by=3.0):
        super().__init__()
        self.by = nn.Parameter(tg.tensor(by))

    def forward(self, x, y=None, *, shift=0.0):
        return (x * self.by + shift, y * self.by) if y is not None else x * self.by + shift


def leaf(*values):
    return tg.tensor(values, requires_grad=True)


def test_forward_hooks_run_in_order_and_prepended_ones_first():
    net, seen = Scale(), []
    net.register_forward_hook(lambda m, args, y: seen.append("a"))
    net.register_forward_hook(lambda m, args, y: seen.append("b"), prepend=True)
    net.register_forward_pre_hook(lambda m, args: seen.append("c"))
    net.register_forward_pre_hook(lambda m, args: seen.append("d"), prepend=True)
    net(tg.ones(1))
    assert seen == ["d", "c", "b", "a"]


def test_hooks_with_keyword_arguments():
    net, seen = Scale(), []
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"shift": kwargs["shift"] + 1}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, y: seen.append(kwargs), with_kwargs=True)
    assert net(tg.ones(1), shift=1.0).tolist() == [5.0]
    assert seen == [{"shift": 2.0}]
    net.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"forward pre-hook of Scale.*\(args, kwargs\)"):
        net(tg.ones(1), shift=1.0)


def test_a_backward_hook_sees_both_ends():
    net, seen = Scale(), []
    x, y = leaf(1.0, 2.0), tg.ones(2)
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append((m, grad_input, grad_output)))
    a, b = net(x, y)
    assert (a.tolist(), b.tolist()) == ([3.0, 6.0], [3.0, 3.0])
    (a * 2 + b * 5).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is net
    assert [g if g is None else g.tolist() for g in grad_input] == [[6.0, 6.0], None]
    assert [g.tolist() for g in grad_output] == [[2.0, 2.0], [5.0, 5.0]]
    assert x.grad.tolist() == [6.0, 6.0]
    assert net.by.grad.item() == 2 * 3 + 5 * 2


def test_backward_hooks_replace_gradients():
    net, x = Scale(), leaf(1.0, 2.0)
    net.register_full_backward_pre_hook(lambda m, grad_output: (grad_output[0] * 10,))
    net.register_full_backward_hook(lambda m, grad_input, grad_output: grad_input[0] + grad_output[0])
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0] * 2,), prepend=True)
    net(x).sum().backward()
    assert x.grad.tolist() == [30 * 2 + 10.0] * 2
    assert net.by.grad.item() == 30.0


def test_without_gradients_of_inputs_the_hook_is_called_all_the_same():
    net, seen = Scale(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append((grad_input, grad_output[0].item())))
    net(tg.ones(1)).sum().backward()
    assert seen == [((None,), 1.0)]


def test_handles_remove_and_a_plain_call_is_back():
    net, x = Scale(), leaf(1.0)
    names = net(x).node.op.name
    first = net.register_full_backward_hook(lambda *_: 1 / 0)
    second = net.register_full_backward_pre_hook(lambda *_: 1 / 0)
    assert net(x).node.op.name != names
    first.remove()
    second.remove()
    assert net(x).node.op.name == names
    with tg.no_grad():
        assert net(x).node is None


def test_double_backward_through_hooks():
    net, x = Scale(2.0), leaf(3.0)
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0] * x,))
    (g,) = tg.autograd.grad((net(x) ** 2).sum(), x, create_graph=True)
    assert g.item() == 2 * 6 * 2 * 3.0  # 8 x, times x
    (gg,) = tg.autograd.grad(g, x)
    assert gg.item() == 8 * 3 + 8 * 3 * 3.0  # the second sweep goes through the module, and so the hook, once more


def test_every_backward_of_a_retained_graph_calls_the_hook():
    net, x, seen = Scale(), leaf(1.0), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: seen.append(grad_output[0].item()))
    y = net(x)
    (y * 2).sum().backward(retain_graph=True)
    (y * 3).sum().backward()
    assert seen == [2.0, 3.0]


def test_nested_modules_in_the_order_of_backward():
    net, seen = nn.Sequential(Scale(), nn.Sequential(nn.ReLU()), Scale()), []
    for name, module in net.named_modules():
        module.register_full_backward_pre_hook(lambda m, g, name=name: seen.append(f"into {name}"))
        module.register_full_backward_hook(lambda m, i, o, name=name: seen.append(f"out of {name}"))
    net(leaf(1.0)).sum().backward()
    assert [s for s in seen if s.startswith("into")] == ["into ", "into 2", "into 1", "into 1.0", "into 0"]
    assert [s for s in seen if s.startswith("out")] == ["out of 2", "out of 1.0", "out of 1", "out of 0", "out of "]


def test_a_wrong_number_of_gradients():
    net = Scale()
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (1, 2))
    with pytest.raises(ValueError, match="full backward hook of Scale: expected 1 gradients or None, got 2"):
        net(leaf(1.0)).sum().backward()
    with pytest.raises(TypeError, match="callable"):
        net.register_full_backward_hook(None)


def test_a_graph_with_hooks_dies_by_reference_count():
    net, kept = Scale(), []
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0] * 2,))
    net.register_full_backward_pre_hook(lambda m, grad_output: kept.append(weakref.ref(grad_output[0])))
    gc.collect()
    gc.disable()
    try:
        for create_graph in (False, True):
            x = leaf(1.0)
            y = net(x)
            node, array = weakref.ref(y.node), weakref.ref(y.numpy(force=True))
            tg.autograd.grad(y.sum(), x, create_graph=create_graph)
            del y, x
            assert node() is None
            assert array() is None
            assert kept.pop()() is None
    finally:
        gc.enable()


def test_hooks_are_copied_with_the_module():
    net, seen = Scale(), []
    net.register_forward_hook(lambda m, args, y: seen.append(m))
    again = copy.deepcopy(net)
    again(tg.ones(1))
    assert seen == [again]
    np.testing.assert_array_equal(again.by.numpy(force=True), net.by.numpy(force=True))
