"""Writes through NumPy arrays that share a saved tensor's memory: an error or the right gradient, never a wrong one."""

import threading

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import lent
from tests.cases import all_cases
from tests.cases.library import flat
from tests.cases.ours import OURS

SHARED = "changed through a NumPy array that shares its memory"


def leaf(*values):
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)


# --------------------------------------------------------------------------- every operator


def outputs_of(case, inputs):
    tg.manual_seed(0)
    return [y for y in flat(case.function(OURS, *inputs)) if y.dtype.kind == "f" and y.requires_grad]


def gradients_of(outputs, inputs):
    wanted = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    seeds = [tg.tensor(np.cos(np.arange(y.numel())).reshape(y.shape)) for y in outputs]
    found = tg.autograd.grad(outputs, wanted, seeds, retain_graph=True, allow_unused=True)
    return [None if g is None else g.tolist() for g in found]


def overwrite(array):
    """Other values from the same domain."""
    array[...] = array.ravel()[::-1].reshape(array.shape) + (0.25 if array.dtype.kind == "f" else 0)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_an_input_overwritten_before_backward(case):
    """Each input in turn, given as a tensor around the user's array and, where it has no gradient, as the array."""
    bare = [(k, False) for k, recipe in enumerate(case.inputs) if not recipe.differentiable and len(case.inputs) > 1]
    for k, as_tensor in [*((k, True) for k in range(len(case.inputs))), *bare]:
        arrays = [a.copy() for a in case.arrays()]
        inputs = [tg.tensor(a, requires_grad=r.differentiable) for a, r in zip(arrays, case.inputs, strict=True)]
        inputs[k] = tg.Tensor(arrays[k], requires_grad=case.inputs[k].differentiable) if as_tensor else arrays[k]
        try:
            outputs = outputs_of(case, inputs)
        except AttributeError:  # a row that calls a method of the input
            continue
        before = gradients_of(outputs, inputs)
        overwrite(arrays[k])
        try:
            after = gradients_of(outputs, inputs)
        except RuntimeError as error:
            if SHARED not in str(error):
                raise
        else:
            np.testing.assert_equal(after, before, err_msg=f"input {k}")


# --------------------------------------------------------------------------- who holds the array, and since when


def through_numpy(x):
    x.numpy(force=True)[0] = 5


def through_asarray(x):
    np.asarray(x.detach())[0] = 5


def through_a_view(x):
    x[1:].numpy(force=True).base[...] = 7


def through_an_array_of_the_same_values_elsewhere(x):
    x.numpy(force=True)[[0, 1]] = x.numpy(force=True)[[1, 0]]  # a sum would not notice


WRITES = [through_numpy, through_asarray, through_a_view, through_an_array_of_the_same_values_elsewhere]


@pytest.mark.parametrize("taken", ["after", "before"])
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_write_after_the_forward(write, taken):
    x = leaf(1, 2, 3)
    if taken == "before":
        x.numpy(force=True)
    y = (x * x).sum()
    write(x)
    with pytest.raises(RuntimeError, match=rf"mul.*input 0 was saved.*{SHARED}.*test_lent\.py:\d+.*clone"):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_a_write_before_the_forward_or_after_backward_is_fine(write):
    x = leaf(1, 2, 3)
    write(x)
    (x * x).sum().backward()
    write(x)
    assert x.grad.tolist() != [2.0, 4.0, 6.0]
    x.grad = None
    (x * x).sum().backward()
    np.testing.assert_equal(x.grad.numpy(), 2 * x.detach().numpy())


def test_what_a_rule_does_not_mention_may_change():
    x = leaf(1, 2, 3)
    y = (x + 1).exp()
    x.numpy(force=True)[:] = 0
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([2.0, 3.0, 4.0]))


def test_the_output_of_an_operator():
    y = leaf(1, 2).exp()
    y.numpy(force=True)[0] = 0
    with pytest.raises(RuntimeError, match=f"exp.*its output was saved.*{SHARED}"):
        y.sum().backward()


def test_a_value_that_is_put_back_is_fine():
    x = leaf(1, 2)
    y = (x * x).sum()
    x.numpy(force=True)[0] = 9
    x.numpy(force=True)[0] = 1
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("share", [tg.Tensor, tg.from_numpy, tg.as_tensor], ids=lambda share: share.__name__)
def test_the_array_that_a_tensor_was_made_around(share):
    array = np.ones((2, 3))
    x = share(array).requires_grad_()
    y = (x * x).sum()
    array.T[0] = 4
    with pytest.raises(RuntimeError, match=SHARED):
        y.backward()


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::2], lambda a: a[::-1], lambda a: a.reshape(2, 2).T],
    ids=["every other", "reversed", "transposed"],
)
def test_a_view_of_an_array_that_changes_elsewhere(view):
    array = np.arange(4.0)
    x = tg.Tensor(view(array), requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    array[2] += 1
    with pytest.raises(RuntimeError, match=SHARED):
        y.backward()


def test_expanded_and_channels_last_memory():
    array = np.ones((2, 4, 4, 3))
    x = tg.Tensor(array.transpose(0, 3, 1, 2))
    w = tg.ones(5, 3, 3, 3, dtype=tg.float64, requires_grad=True)
    y = tg.nn.functional.conv2d(x, w).sum() * tg.Tensor(np.broadcast_to(np.float64(2), (3,))).sum()
    y.backward(retain_graph=True)
    array[1, 2, 2, 1] = 0
    with pytest.raises(RuntimeError, match=r"conv.*input 0"):
        y.backward()


def test_a_copy_is_not_lent():
    array = np.ones(3)
    x = tg.tensor(array, requires_grad=True)
    y = (x * x).sum()
    array[:] = 9
    y.backward()
    assert x.grad.tolist() == [2.0] * 3
    assert not lent.is_lent(x._data)


def test_an_array_among_the_operands():
    x, array = leaf(1, 2), np.array([3.0, 4.0])
    y = (x * array).sum()
    array[:] = 0
    with pytest.raises(RuntimeError, match=f"mul.*input 1.*{SHARED}"):
        y.backward()


def test_the_module_and_the_line_that_saved():
    net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Tanh(), tg.nn.Linear(2, 1))
    with tg.autograd.detect_anomaly():
        loss = net(tg.ones(1, 2)).sum()
        net[2].weight.numpy(force=True)[0, 0] += 1
        with pytest.raises(RuntimeError, match=rf"Sequential\.2\).*saved for backward at .*test_lent\.py.*{SHARED}"):
            loss.backward()


def test_second_derivatives_and_retained_graphs():
    x = leaf(1.0, 2.0)
    (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
    x.numpy(force=True)[0] = 2
    with pytest.raises(RuntimeError, match=SHARED):
        g.sum().backward()


def test_a_checkpoint_does_not_run_again_on_other_values():
    array = np.ones(3)
    for x in (tg.Tensor(array, requires_grad=True), leaf(1, 1, 1)):
        w, scale = leaf(1, 2, 3), tg.Tensor(np.ones(3))
        w.numpy(force=True)
        for changed in (x, w, scale):
            y = tg.utils.checkpoint.checkpoint(lambda x, w=w, scale=scale: (x + w).relu() * scale, x).sum()
            changed.numpy(force=True)[0] -= 9
            with pytest.raises(RuntimeError, match=SHARED):
                y.backward()


def test_packed_values_are_what_the_hooks_say():
    array = np.array([1.0, 2.0])
    x = tg.Tensor(array, requires_grad=True)
    with tg.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), lambda v: tg.tensor(v, dtype=tg.float64)):
        y = (x * x).sum()
    array[:] = 9
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_loans_die_with_their_arrays():
    x = leaf(1, 2)
    key = id(x._data)
    y = (x * x).sum()
    x.numpy(force=True)
    assert key in lent.loans
    del x, y
    assert key not in lent.loans


def test_a_loan_of_another_thread():
    x = leaf(1, 2)
    y = (x * x).sum()
    thread = threading.Thread(target=through_numpy, args=(x,))
    thread.start()
    thread.join()
    with pytest.raises(RuntimeError, match=SHARED):
        y.backward()


# --------------------------------------------------------------------------- x.data


def test_data_is_the_memory_without_history():
    x = leaf(1, 2)
    y = x * 3
    assert isinstance(y.data, tg.Tensor)
    assert y.data.node is None
    assert not y.data.requires_grad
    assert np.shares_memory(y.data.numpy(), y.detach().numpy())


def test_what_pytorch_scripts_do_with_data():
    layer = tg.nn.Linear(3, 2)
    tg.nn.init.normal_(layer.weight.data, 0.0, 0.02)
    layer.bias.data.zero_()
    layer.weight.data.fill_(1).clamp_(max=0.5)
    layer.weight.data[0, 0] = 7
    layer.bias.data.add_(tg.ones(2), alpha=2)
    layer.bias.data.copy_(layer.bias.data * 2)
    layer.bias.data -= 1
    layer.bias.data = layer.bias.data + 4
    layer.weight.data.normal_().uniform_()
    assert layer.bias.tolist() == [7.0, 7.0]
    assert layer.weight.requires_grad
    assert layer.weight.is_leaf
    layer(tg.ones(1, 3)).sum().backward()
    assert layer.bias.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("write", [lambda x: x.data.mul_(2), lambda x: x.data.__setitem__(0, 9)])
def test_a_write_through_data_is_noted_with_its_line(write):
    x = leaf(1, 2)
    y = (x * x).sum()
    write(x)
    with pytest.raises(RuntimeError, match=r"mul.*modified in place at .*test_lent\.py:\d+"):
        y.backward()


def test_assigning_data():
    x = leaf(1, 2)
    y = (x * x).sum()
    array = np.array([5.0, 6.0])
    x.data = array
    y.backward()  # what the graph saved is the old memory
    assert x.grad.tolist() == [2.0, 4.0]
    x.grad = None
    z = (x * x).sum()
    array[0] = 0
    with pytest.raises(RuntimeError, match=SHARED):
        z.backward()
    with pytest.raises(TypeError, match="floating point"):
        x.data = tg.arange(3)
    with pytest.raises(ValueError, match=r"data: expected float64\(2,\), as mul computed it, got float64\(3,\)"):
        (x * 2).data = tg.zeros(3, dtype=tg.float64)
