"""Rows of the table as compiled functions: a plan made with some numbers gives, for others, what the row gives."""

import zlib

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.replay import Compiled
from tests.cases import all_cases
from tests.cases.case import generator
from tests.cases.library import flat
from tests.cases.ours import OURS

CALLS = 3
ROWS = 3  # of an operator, spread over all that it has
#: Operators of which every row must come to a plan; of others, some look at values, and run as Python.
PLANNED = {
    "abs", "adaptive_avg_pool2d", "add", "affine_grid", "amax", "avg_pool2d", "batch_norm", "binary_cross_entropy",
    "bmm", "cat", "clamp", "conv1d", "conv3d", "conv_transpose2d", "cumsum", "embedding", "exp", "expand",
    "flatten", "gather", "gelu", "grid_sample", "group_norm", "index_add", "index_copy", "index_fill",
    "index_select", "instance_norm", "interpolate", "layer_norm", "leaky_relu", "linear", "log", "log_softmax",
    "logsumexp", "masked_fill", "max", "maximum", "mean", "min", "mm", "mse_loss", "neg", "nll_loss", "normalize",
    "pad", "permute", "pow", "prelu", "prod", "reshape", "rms_norm", "scaled_dot_product_attention", "scatter_add",
    "sigmoid", "silu", "softmax", "softplus", "split", "sqrt", "squeeze", "stack", "std", "take", "take_along_dim",
    "tanh", "transpose", "unsqueeze", "var", "where",
}  # fmt: skip


def some_rows():
    """Rows of every operator, without those that differentiate twice."""
    rows = {}
    for case in all_cases():
        if not case.label.startswith("gradient"):
            rows.setdefault(case.op, []).append(case)
    return [case for of_op in rows.values() for case in of_op[:: -(-len(of_op) // ROWS)]]


def numbers_of(case, turn):
    """Inputs like those of the row, for other turns others."""
    return [recipe.make(generator(case.id, k, turn)).copy() for k, recipe in enumerate(case.inputs)]


def assert_alike(actual, expected):
    """The same tensors, bit for bit."""
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        if isinstance(b, tg.Tensor):
            assert isinstance(a, tg.Tensor)
            assert (a.requires_grad, a.is_leaf) == (b.requires_grad, b.is_leaf)
            a, b = a.numpy(force=True), b.numpy(force=True)
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b)


class Row:
    """A row as a training step: its differentiable inputs are parameters, the others arguments."""

    def __init__(self, case, inside):
        self.case, self.inside = case, inside
        arrays = numbers_of(case, 0)
        self.parameters = [
            tg.tensor(x, requires_grad=recipe.differentiable) for x, recipe in zip(arrays, case.inputs, strict=True)
        ]

    def step(self, *inputs):
        rest = [*inputs]
        outputs = flat(self.case.function(OURS, *[p if p.requires_grad else rest.pop(0) for p in self.parameters]))
        outputs = [output * 1.0 if output.dtype.kind == "f" else output for output in outputs]  # no views
        losses = [(output * output).sum() for output in outputs if output.requires_grad]
        if self.inside:
            for loss in losses:
                loss.backward(retain_graph=True)
        return outputs + losses

    def call(self, function, turn):
        """The results and the gradients of a step at the numbers of a turn."""
        tg.manual_seed(turn)
        inputs = []
        for p, x in zip(self.parameters, numbers_of(self.case, turn), strict=True):
            if p.requires_grad:
                p.data.copy_(tg.tensor(x))
                p.grad = None
            else:
                inputs.append(tg.tensor(x))
        results = function(*inputs)
        if not self.inside:
            for loss in results:
                if loss.requires_grad and not loss.shape:
                    loss.backward(retain_graph=True)
        return [*results, *[p.grad for p in self.parameters], *inputs]


@pytest.mark.parametrize("case", some_rows(), ids=lambda case: case.id)
def test_a_row_repeated_is_the_row(case):
    """With backward as a part of the function or, for every other row, after it, through the graph that it returns."""
    inside = zlib.crc32(case.id.encode()) % 2 == 0
    ours, theirs = Row(case, inside), Row(case, inside)
    compiled = Compiled(ours.step)
    for turn in range(CALLS):
        assert_alike(ours.call(compiled, turn), theirs.call(theirs.step, turn))
    if case.op in PLANNED:
        assert compiled.plans, compiled.reason
