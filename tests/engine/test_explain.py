"""explain_grad: one test for each cause."""

import inspect

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F

explain = tg.autograd.explain_grad


def leaf(*values):
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


def here(offset=0):
    """``file:line`` of the caller, some lines up or down."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def test_nothing_wrong():
    x = leaf(1.0)
    (x * 3).sum().backward()
    why = explain(x)
    assert why.cause == "nothing wrong"
    assert "3" in str(why)


def test_integer_dtype():
    assert explain(tg.arange(3)).cause == "integer dtype"


def test_leaf_that_requires_no_grad():
    x = tg.ones(2)
    assert explain(x).cause == "requires_grad is False"
    assert explain(x, (x * leaf(1.0, 2.0)).sum()).cause == "requires_grad is False"


def test_set_too_late():
    x, w = tg.ones(2), leaf(1.0, 2.0)
    loss = (x * w).sum()
    x.requires_grad_()
    assert explain(x, loss).cause == "requires_grad set too late"


def test_no_leaf():
    x = leaf(1.0)
    with tg.autograd.detect_anomaly(check_nan=False):
        y, line = x * 2, here()
    loss = y.sum()
    loss.backward()
    why = explain(y, loss)
    assert (why.cause, why.line) == ("not a leaf", line)
    assert "retain_grad" in why.text
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    assert explain(y).cause == "nothing wrong"


def test_not_connected():
    x, y = leaf(1.0), leaf(2.0)
    assert explain(x, (y * 2).sum()).cause == "not connected"
    assert explain(x, tg.tensor(x.item()) * y).cause == "not connected"


def test_cut_by_detach():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = w.exp()
    cut, line = h.detach(), here()
    loss = ((cut * 2).sin() * v).sum()  # operators on the cut tensor pass the mark on
    why = explain(w, loss)
    assert (why.cause, why.line) == ("detach", line)
    assert "probably" not in why.text
    assert explain(v, loss).cause == "backward not called"
    del h  # its history is gone, so that it was w's is a guess
    assert "probably" in explain(w, loss).text
    direct = explain(cut)
    assert (direct.cause, direct.line) == ("detach", line)


def test_cut_twice():
    w, v = leaf(1.0), leaf(2.0)
    a = w * 2
    c = a.detach() * v
    d, line = c.detach(), here()
    loss = (d * leaf(1.0)).sum()
    assert explain(w, loss).line == explain(v, loss).line == line  # the cut nearest to the loss


def test_cut_by_no_grad():
    w, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    line = here(1)
    with tg.no_grad():
        h = w.exp() + 1
    loss = (h * v).sum()
    why = explain(w, loss)
    assert (why.cause, why.line) == ("no_grad", line)
    assert explain(h).line == line
    with tg.no_grad():
        whole = (w * v).sum()
    assert explain(w, whole).cause == "no_grad"
    assert explain(w, whole).line == here(-3)


def test_cut_by_a_decorated_function_and_by_set_grad_enabled():
    w = leaf(1.0)

    @tg.no_grad()
    def unrecorded(x):
        return x * 2

    assert explain(unrecorded(w)).line == here(-4)
    tg.set_grad_enabled(False)
    try:
        y = w * 2
    finally:
        tg.set_grad_enabled(True)
    assert explain(y).line == here(-5)


def test_graph_freed():
    x = leaf(1.0)
    loss = (x * 2).sum()
    loss.backward()
    x.grad = None
    assert explain(x, loss).cause == "graph freed"


def test_never_called():
    x = leaf(1.0)
    assert explain(x).cause == "backward not called"
    assert explain(x, x.exp().sum()).cause == "backward not called"
    assert x.grad is None


@pytest.mark.parametrize(
    ("function", "name", "words"),
    [
        (lambda x: (x - 5).relu() * 2, "relu", "<= 0"),
        (lambda x: x.clamp(10, 20), "clamp", "outside of the bounds"),
        (lambda x: F.dropout(x.exp(), 1.0), "dropout", "dropped all"),
        (lambda x: tg.where(x > 100, x.exp(), 1.0), "where", "condition"),
        (lambda x: x.maximum(tg.tensor([9.0, 9.0])), "maximum", "extreme"),
        (lambda x: x.floor(), "floor", "between its steps"),
        (lambda x: x * tg.zeros(2), "mul", "zero everywhere"),
        (lambda x: x[:0] + 1, "getitem", "other elements"),
        (lambda x: tg.cat([x, leaf(1.0)])[2:], "cat", "other inputs"),
        (lambda x: (x * 1e4).sigmoid(), "sigmoid", "saturated"),
    ],
)
def test_exactly_zero(function, name, words):
    class Net(tg.nn.Module):
        def forward(self, x):
            return function(x)

    x = leaf(1.0, 2.0)
    with tg.autograd.detect_anomaly(check_nan=False):
        loss = Net()(x).sum()
    why = explain(x, loss)
    assert why.cause == "zero", why
    assert why.text.startswith(f"{name} (in Net) turned")
    assert words in why.text
    assert "test_explain.py:" in why.line
    loss.backward(retain_graph=True)
    assert explain(x, loss) == why
    assert explain(x).cause == "zero"
    loss.backward()
    assert "freed" in explain(x, loss).text


def test_ties_of_a_maximum():
    x = leaf(1.0)
    others = leaf(5.0, 6.0)
    loss = tg.cat([x, others]).max()
    why = explain(x, loss)
    assert why.cause == "zero"
    assert explain(others, loss).cause == "backward not called"


def test_a_hook():
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 0)
    assert explain(x, y.sum()).cause == "hook"
    x = leaf(1.0)
    x.register_hook(lambda g: g * 0)
    assert explain(x, (x * 2).sum()).cause == "hook"


def test_contributions_that_cancel():
    x = leaf(1.0)
    assert explain(x, (x * 2 - x * 2).sum()).cause == "cancelled"


def test_nothing_is_changed():
    x = leaf(1.0)
    y = x.relu() * -1
    y.retain_grad()
    z = y.relu()
    assert explain(x, z.sum()).cause == "zero"
    assert x.grad is None
    assert y.grad is None
    z.sum().backward()  # the graph is still there


def test_refusal():
    with pytest.raises(TypeError, match="explain_grad: t must be a tensor"):
        explain(1.0)
    with pytest.raises(TypeError, match="loss"):
        explain(leaf(1.0), 2.0)
