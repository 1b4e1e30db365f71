"""Plans with steps that look at values: positions that are checked, masks, decisions that only save work."""

import math

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F


@pytest.mark.parametrize(
    "function",
    [
        lambda x, i: x[i],
        lambda x, i: x[:, i],
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.gather(0, i.reshape(-1, 1)),
        lambda x, i: x.take(10 * i),
        lambda x, i: tg.take_along_dim(x, i.reshape(-1, 1), 0),
        lambda x, i: x.index_add(0, i, tg.ones_like(x)[:2]),
        lambda x, i: F.one_hot(i, 4).to(x.dtype) @ x,
        lambda x, i: F.binary_cross_entropy(i.to(x.dtype), tg.zeros(2)),
    ],
)
def test_what_a_plan_is_given_is_checked(function):
    x = tg.arange(16.0).reshape(4, 4)
    compiled = tg.compile(function, fullgraph=True)
    for good in ([0, 1], [1, 0]):
        np.testing.assert_array_equal(compiled(x, tg.tensor(good)).numpy(), function(x, tg.tensor(good)).numpy())
    assert len(compiled.plans) == 1
    messages = []
    for each in (function, compiled):
        with pytest.raises((IndexError, ValueError)) as caught:
            each(x, tg.tensor([0, 4]))
        messages.append((type(caught.value), str(caught.value)))
    assert messages[0] == messages[1]


def test_elements_under_a_mask_have_no_plan():
    """Their number, which shapes depend on, may be another one in the next call."""
    for function in (lambda x, m: x[m].mean(), lambda x, m: x.masked_select(m).mean()):
        compiled = tg.compile(function)
        for mask in ([True, True, False], [False, True, False], [True, True, True]):
            x, m = tg.tensor([1.0, 2.0, 4.0]), tg.tensor(mask)
            assert compiled(x, m).item() == function(x, m).item()
        assert not compiled.plans


@pytest.mark.parametrize("kind", [bool, float])
def test_a_mask_of_attention_may_blind_a_query_later(kind):
    q = tg.randn(3, 4)

    def masked(looks):
        looks = tg.tensor(looks)
        return looks if kind is bool else tg.zeros(looks.shape).masked_fill(~looks, -math.inf)

    def function(mask):
        return F.scaled_dot_product_attention(q, q, q, mask)

    compiled = tg.compile(function, fullgraph=True)
    for looks in (np.tri(3, dtype=bool), np.eye(3, dtype=bool), np.diag([True, False, True])):
        np.testing.assert_array_equal(compiled(masked(looks)).numpy(), function(masked(looks)).numpy())
    assert len(compiled.plans) == 1


def test_what_comes_after_a_kernel_is_seen():
    """A kernel at work is not looked into; what the program does afterwards is."""

    def function(x):
        y = x.softmax(1)
        tg.manual_seed(3)
        return y + tg.rand(3, 4)

    compiled = tg.compile(function)
    x = tg.randn(3, 4)
    first, *others = [compiled(x).numpy() for _ in range(3)]
    assert not compiled.plans
    for other in others:
        np.testing.assert_array_equal(other, first)
