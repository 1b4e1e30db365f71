"""detect_anomaly: the first operator that makes a NaN or an infinity is named, forward and backward."""

import linecache
import threading

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd.anomaly import AnomalyError


def leaf(*values):
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


class Net(tg.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = Head()

    def forward(self, x):
        return self.head(x)


class Head(tg.nn.Module):
    def forward(self, x):
        return (x - 1).log()  # the line


def line_of(text):
    """The line that an error names, read from its file."""
    name, number = text.split(".py:")[0].split()[-1] + ".py", int("".join(takewhile_digit(text.split(".py:")[1])))
    return linecache.getline(name, number).strip()


def takewhile_digit(text):
    for character in text:
        if not character.isdigit():
            return
        yield character


def test_forward():
    with pytest.raises(AnomalyError) as caught, tg.autograd.detect_anomaly():
        Net()(leaf(1.0, -1.0, 3.0))
    text = str(caught.value)
    assert text.startswith("log (in Net.head) at ")
    assert "made 1 nan and 1 inf of 3 values out of finite inputs" in text
    assert "input: float64(3,) from -2 to 2" in text
    assert line_of(text).endswith("# the line")
    assert isinstance(caught.value, RuntimeError)


def test_forward_without_recording():
    with pytest.raises(AnomalyError, match=r"^div at .*made 1 inf"), tg.no_grad(), tg.autograd.detect_anomaly():
        tg.ones(2) / tg.tensor([0.0, 1.0])


def test_backward_names_the_forward_line():
    with tg.autograd.detect_anomaly():
        y = leaf(0.0, 4.0).sqrt().sum()  # here
        with pytest.raises(AnomalyError) as caught:
            y.backward()
    text = str(caught.value)
    assert text.startswith("backward of sqrt, called at ")
    assert "made 1 inf of 2 values in the gradient of input 0" in text
    assert "gradient: float64(2,) from 1 to 1" in text
    assert line_of(text).endswith("# here")


def test_backward_of_a_forward_outside_of_the_block():
    loss = leaf(0.0).sqrt().sum()
    with pytest.raises(AnomalyError, match=r"^backward of sqrt made 1 inf"), tg.autograd.detect_anomaly():
        loss.backward()


def test_backward_under_create_graph():
    x = leaf(0.0)
    with tg.autograd.detect_anomaly():
        y = x.sqrt().sum()
        with pytest.raises(AnomalyError, match=r"sqrt|div|reciprocal"):
            tg.autograd.grad(y, x, create_graph=True)


def test_a_gradient_that_comes_in_bad():
    x = leaf(1.0, 2.0)
    with tg.autograd.detect_anomaly():
        y = x * 2
        with pytest.raises(AnomalyError, match=r"reaches mul, called at .*test_anomaly.*given so to backward"):
            y.backward(tg.tensor([np.nan, 1.0]))
        y = x * 2
        y.register_hook(lambda g: g * np.inf)
        with pytest.raises(AnomalyError, match="mul"):
            y.sum().backward()


def test_infinities_that_came_in_are_passed_on():
    x = leaf(1.0, 2.0)
    with tg.autograd.detect_anomaly():
        scores = tg.where(tg.tensor([True, False]), x, -np.inf)
        scores.softmax(0)[0].backward()
        tg.nn.functional.pad(x, (1, 1), value=-np.inf)
        tg.tensor([np.nan]) + 1
    assert x.grad.tolist() == [0.0, 0.0]


def test_only_lines_without_check_nan():
    with tg.autograd.detect_anomaly(check_nan=False):
        y = leaf(-1.0).log()
    assert "test_anomaly.py:" in y.node.source


def test_large_values_whose_sum_overflows_are_finite():
    with tg.autograd.detect_anomaly():
        assert (leaf(1e308, 1e308) * 1).tolist() == [1e308, 1e308]


def test_switching_on_and_off():
    enabled = tg.autograd.is_anomaly_enabled
    assert not enabled()
    tg.autograd.set_detect_anomaly(True)
    try:
        assert enabled()
        with tg.autograd.set_detect_anomaly(False):
            assert not enabled()
            leaf(-1.0).log()
        assert enabled()
        with pytest.raises(AnomalyError):
            leaf(-1.0).log()
        seen = []
        thread = threading.Thread(target=lambda: seen.append(enabled()))
        thread.start()
        thread.join()
        assert seen == [False]
    finally:
        tg.autograd.set_detect_anomaly(False)
    assert not enabled()
    with tg.autograd.set_detect_anomaly(True):
        pass
    assert not enabled()


def test_as_a_decorator():
    @tg.autograd.detect_anomaly()
    def logarithm(x):
        return x.log()

    with pytest.raises(AnomalyError):
        logarithm(leaf(-1.0))
    leaf(-1.0).log()


def test_nested_blocks_check_once():
    with tg.autograd.detect_anomaly(), tg.autograd.detect_anomaly(check_nan=False):
        leaf(-1.0).log()  # the innermost decides
