"""Sharp tests for single faults that the tables cannot see (tests/mutants plants them)."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.autograd.primitive import REGISTRY, primitive
from tensorgrad.kernels import im2col
from tensorgrad.kernels.conv import conv_weight_grad
from tensorgrad.kernels.scratch import _blocks
from tests.cases.expect import assert_equal

inf, nan = np.inf, np.nan


def leaf(values):
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


# --------------------------------------------------------------------------- memory that nobody has written


@pytest.fixture
def empty_is_nan(monkeypatch):
    """New memory holds NaN: what a kernel forgets to write is seen, whatever lay there before."""
    empty, empty_like = np.empty, np.empty_like

    def fill(array):
        if array.dtype.kind == "f":
            array.fill(nan)
        return array

    monkeypatch.setattr(np, "empty", lambda *args, **static: fill(empty(*args, **static)))
    monkeypatch.setattr(np, "empty_like", lambda *args, **static: fill(empty_like(*args, **static)))
    _blocks.by_name.clear()


OPERATORS = [
    ("stride above kernel", lambda x: F.conv2d(x, tg.ones(2, 2, 2, 2), stride=3)),
    ("rows beyond the last window", lambda x: F.conv2d(x, tg.ones(2, 2, 3, 3), stride=2)),
    ("padding above kernel", lambda x: F.conv2d(x, tg.ones(2, 2, 2, 2), padding=4)),
    ("dilation", lambda x: F.conv2d(x, tg.ones(2, 2, 2, 2), stride=3, dilation=2)),
    ("depthwise", lambda x: F.conv2d(x, tg.ones(2, 1, 2, 2), stride=3, groups=2)),
    ("transposed", lambda x: F.conv_transpose2d(x, tg.ones(2, 1, 2, 2), stride=3, output_padding=2)),
    ("maximum, skipped rows", lambda x: F.max_pool2d(x, 2, 3)),
    ("maximum, overlap", lambda x: F.max_pool2d(x, 3, 2, 1)),
    ("average, skipped rows", lambda x: F.avg_pool2d(x, 2, 3)),
    ("average, overlap", lambda x: F.avg_pool2d(x, 3, 2, 1)),
    ("adaptive", lambda x: F.adaptive_avg_pool2d(x, 3)),
]


@pytest.mark.usefixtures("empty_is_nan")
@pytest.mark.parametrize("function", [f for _, f in OPERATORS], ids=[name for name, _ in OPERATORS])
def test_all_memory_is_written(function):
    x = tg.tensor(np.ones((1, 2, 6, 8), np.float32), requires_grad=True)
    y = function(x)
    (gradient,) = tg.autograd.grad(y.sum(), x)
    assert np.isfinite(y.numpy(force=True)).all()
    assert np.isfinite(gradient.numpy(force=True)).all()


# --------------------------------------------------------------------------- kernels


@pytest.mark.parametrize("pool", [F.max_pool1d, F.avg_pool1d])
def test_no_window_of_ceil_mode_starts_right_at_the_end(pool):
    assert pool(tg.ones(1, 2), 1, 2, ceil_mode=True).shape == (1, 1)
    assert pool(tg.ones(1, 3), 2, 2, 1, ceil_mode=True).shape == (1, 2)


def test_the_maximum_of_padding_alone_is_minus_infinity():
    y = F.max_pool1d(tg.tensor([[-3.0, -2.0]]), 2, 1, 2, 4)
    assert_equal(y.numpy(force=True), [[-inf, -inf]])


@pytest.mark.parametrize("groups", [1, 2])
def test_all_blocks_count_in_the_weight_gradient(monkeypatch, groups):
    for name in ("BLOCK_FLOATS", "SHARED_FLOATS", "BLOCK_PIXELS"):
        monkeypatch.setattr(im2col, name, 1)
    x, g = np.ones((7, 2, 10, 9), np.float32), np.ones((7, 2, 8, 9), np.float32)
    static = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": groups}
    gradient = conv_weight_grad(g, x, kernel=(3, 1), **static)
    assert_equal(gradient, np.full((2, 2 // groups, 3, 1), 7.0 * 8 * 9))


def test_where_stops_an_infinite_gradient_in_both_branches():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    tg.where(tg.tensor([True, False]), a, b).backward(tg.tensor(np.array([inf, inf])))
    assert_equal(a.grad.numpy(), [inf, 0])
    assert_equal(b.grad.numpy(), [0, inf])


# --------------------------------------------------------------------------- engine


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_all_consumers_of_a_leaf_and_of_a_result_contribute(n):
    x = leaf([1.0, 2.0])
    sum((x * k for k in range(1, n + 1)), tg.tensor(0.0)).sum().backward()
    assert_equal(x.grad.numpy(), np.full(2, n * (n + 1) / 2))
    x = leaf([1.0, 2.0])
    y = x * 2
    sum((y * k for k in range(1, n + 1)), tg.tensor(0.0)).sum().backward()
    assert_equal(x.grad.numpy(), np.full(2, n * (n + 1.0)))


def test_a_leaf_does_not_keep_a_saved_value_as_its_gradient():
    """A rule may return an array that the graph has saved: here the other factor itself."""
    try:
        dot = primitive(lambda g, y, a, b: b, lambda g, y, a, b: a, name="test_dot")(np.vdot)
        x, c = leaf([1.0, 2.0]), tg.tensor(np.array([5.0, 6.0]))
        dot(x, c).backward()
    finally:
        REGISTRY.pop("test_dot", None)
    assert_equal(x.grad.numpy(), [5, 6])
    x.grad.numpy()[:] = 0
    assert_equal(c.numpy(force=True), [5, 6])


def test_recording_is_on_again_after_an_error_in_backward():
    x = leaf([1.0])
    y = x * 2
    y.register_hook(lambda g: tg.ones(7))
    with pytest.raises(ValueError, match="hook"):
        y.sum().backward()
    assert tg.is_grad_enabled()
    with pytest.raises(ValueError, match="hook"):
        tg.autograd.grad((leaf([1.0]) * y).sum(), x, create_graph=True)
    assert tg.is_grad_enabled()


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_numpy_scalar_widens_nothing(shape):
    x = tg.tensor(np.ones(shape, np.float32), requires_grad=True)
    for function in (lambda x, s: x * s, lambda x, s: s * x, lambda x, s: x + s, lambda x, s: x / s, lambda x, s: x**s):
        y = function(x, np.float64(2.0))
        (gradient,) = tg.autograd.grad(y.sum(), x)
        assert y.dtype == gradient.dtype == np.float32


# --------------------------------------------------------------------------- arguments


@pytest.mark.parametrize("labels", [tg.tensor([1, 2]), np.array([1, 2], np.uint8)])
def test_swapped_logits_and_labels(labels):
    message = r"^cross_entropy: expected floating-point logits .* got u?int\d+\(2,\), and float32\(2, 3\) as target: "
    with pytest.raises(TypeError, match=message + r"call it as cross_entropy\(logits, labels\)$"):
        F.cross_entropy(labels, tg.ones(2, 3))
    with pytest.raises(TypeError, match=r"got int64\(2, 3\); convert with \.float\(\)$"):
        F.cross_entropy(tg.ones(2, 3, dtype=np.int64), labels)


def test_a_tensor_has_the_name_it_is_given():
    assert tg.tensor([1, 2], name="x").name == tg.Tensor([1, 2], name="x").name == "x"
    assert tg.tensor([1, 2]).name is None


# --------------------------------------------------------------------------- states


def test_a_module_loads_by_names_in_any_order():
    source, target = tg.nn.Linear(3, 3, bias=False), tg.nn.Linear(3, 3, bias=False)
    source, target = (tg.nn.Sequential(m, tg.nn.Linear(3, 3, bias=False)) for m in (source, target))
    state = source.state_dict()
    target.load_state_dict(dict(reversed(state.items())))
    for key, value in target.state_dict().items():
        assert_equal(value.numpy(force=True), state[key].numpy(force=True))
