"""Tensors that are pickled, as when another process is sent one, or shallowly copied."""

import copy
import pickle

import numpy as np
import pytest

import tensorgrad as tg


class Marked(tg.Tensor):
    """A subclass whose instances have attributes."""


def leaf():
    return tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)


def sent(t):
    return pickle.loads(pickle.dumps(t))


TENSORS = {
    "leaf": leaf,
    "constant": lambda: leaf().detach(),
    "computed": lambda: leaf() * 2,
    "cut off": lambda: (leaf() * 2).detach(),
    "element": lambda: leaf()[0],
    "transpose": lambda: leaf().T,
    "part of a constant": lambda: tg.ones(100, 100)[1, :3],
    "0-d": lambda: leaf().sum(),
    "integers": lambda: tg.arange(6).reshape(2, 3).T,
    "parameter": lambda: tg.nn.Parameter(tg.ones(2)),
}


@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
@pytest.mark.parametrize("again", [sent, copy.copy])
def test_the_values_arrive_in_a_leaf(again, make):
    t = make()
    found = again(t)
    assert type(found) is type(t)
    np.testing.assert_array_equal(found.numpy(force=True), t.numpy(force=True))
    assert found.dtype == t.dtype
    assert found.requires_grad == t.requires_grad
    assert found.is_leaf
    if found.requires_grad:
        (found * 3).sum().backward()
        assert (found.grad == 3).all()


def test_only_the_part_is_sent():
    assert len(pickle.dumps(tg.ones(1000, 1000)[0])) < 10_000


def test_a_part_that_was_sent_is_no_view():
    t = tg.ones(3)
    part = sent(t[1:])
    part[0] = 5
    assert t.tolist() == [1, 1, 1]


def test_gradient_name_and_attributes_come_along():
    x = Marked([1.0, 2.0], requires_grad=True, name="x")
    x.note = "kept"
    (x * x).sum().backward()
    x.register_hook(lambda g: g)  # and hooks, which could not be pickled, do not
    found = sent(x)
    assert (type(found), found.name, found.note, found.grad.tolist()) == (Marked, "x", "kept", [2.0, 4.0])


def test_a_graph_of_any_depth():
    y = leaf()
    for _ in range(10_000):
        y = y * 1.0
    assert sent(y).tolist() == [[1, 2], [3, 4]]
