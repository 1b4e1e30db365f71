"""``out=``: the result is written into a tensor that is there already; gradients are refused, not lost."""

import inspect

import numpy as np
import pytest

import tensorgrad as tg
from tests.cases import all_cases
from tests.cases.library import flat
from tests.cases.ours import OURS


def accepts_out(function):
    return hasattr(function, "primitive") or "out" in inspect.signature(function).parameters


class IntoTensors:
    """A library whose functions write into ``out`` wherever they can."""

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        function = getattr(self.module, name)
        if name == "linalg":
            return IntoTensors(function)
        if not inspect.isfunction(function) or not accepts_out(function):
            return function

        def call(*args, **kwargs):
            expected = function(*args, **kwargs)
            out = [tg.full_like(y, 1) for y in flat(expected)]
            given = tuple(out) if isinstance(expected, tuple) else out[0]
            result = function(*args, **kwargs, out=given)
            assert type(result) is type(expected)
            for y, z, w in zip(flat(expected), out, flat(result), strict=True):
                assert w is z
                np.testing.assert_array_equal(z.numpy(), y.numpy())
            return result

        return call


UNRECORDED = [c for c in all_cases() if c.op != "dropout" and "gradient" not in c.function.__qualname__]


@pytest.mark.parametrize("case", UNRECORDED, ids=lambda case: case.id)
def test_every_row_of_the_table(case):
    """All calls of functions of tensorgrad and tensorgrad.linalg, each with out=."""
    with tg.no_grad():
        inputs = [tg.tensor(a) for a in case.arrays()]
        case.function(IntoTensors(OURS), *inputs)


def test_aliases_stay_one_function():
    assert tg.cat is tg.concat is tg.concatenate
    assert tg.sub is tg.subtract
    assert tg.linalg.inv is not tg.linalg.det


@pytest.mark.parametrize("name", ["add", "exp", "sum", "cat", "stack", "matmul", "mm", "clamp", "where", "max", "topk"])
def test_the_signature_says_so(name):
    assert accepts_out(getattr(tg, name))


def test_in_place_through_out():
    x = tg.tensor([1.0, 2.0])
    assert tg.mul(x, x, out=x) is x
    assert x.tolist() == [1.0, 4.0]
    tg.add(x, other=x, out=x)
    assert x.tolist() == [2.0, 8.0]
    view = tg.zeros(2, 2)
    tg.neg(x, out=view[1])
    assert view.tolist() == [[0.0, 0.0], [-2.0, -8.0]]


def test_an_empty_out_takes_the_shape():
    out = tg.empty(0)
    tg.matmul(tg.ones(2, 3), tg.ones(3, 4), out=out)
    assert out.shape == (2, 4)
    values, indices = tg.empty(0), tg.empty(0, dtype=tg.int64)
    tg.max(tg.tensor([[1.0, 3.0]]), 1, out=(values, indices))
    assert (values.tolist(), indices.tolist()) == ([3.0], [1])


def test_dtypes_follow_out():
    out = tg.zeros(2)
    tg.add(tg.tensor([1, 2]), tg.tensor([1.5, 2.5], dtype=tg.float64), out=out)
    assert out.dtype == np.float32
    assert out.tolist() == [2.5, 4.5]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.add(tg.ones(2), 1, out=tg.ones(3)), ValueError, r"add: out must have the result's shape \(2,\)"),
        (lambda: tg.exp(tg.ones(2), out=tg.zeros(2, dtype=tg.int64)), TypeError, "exp: a result of float32 cannot"),
        (lambda: tg.sum(tg.tensor([1]), out=tg.tensor(True)), TypeError, "sum: a result of int64 cannot"),
        (lambda: tg.exp(tg.ones(2), out=3), TypeError, "exp: out must be 1 tensor, got int 3"),
        (lambda: tg.sort(tg.ones(2), out=tg.ones(2)), TypeError, "sort: out must be 2 tensors"),
        (lambda: tg.exp(tg.ones(3), out=tg.ones(1).expand(3)), RuntimeError, "expanded or read-only"),
        (lambda: np.exp(tg.ones(3), out=np.ones(2)), ValueError, r"np\.exp: out must have the result's shape"),
    ],
)
def test_what_does_not_fit(call, error, words):
    with pytest.raises(error, match=words):
        call()


GRADIENTS = "functions with out=... arguments don't support automatic differentiation"


@pytest.mark.parametrize(
    "call",
    [
        lambda x, z: tg.exp(x, out=z),
        lambda x, z: tg.add(z, x, out=z),
        lambda x, z: tg.cat([x[:1], z[1:]], out=z),
        lambda x, z: tg.where(z > 0, z, other=x, out=z),
        lambda x, z: np.add(x, z, out=z),
        lambda x, z: np.multiply(z, x, out=np.ones(2)),
        lambda x, z: np.cumsum(x, out=z),
        lambda x, z: tg.exp(z, out=x),
        lambda x, z: np.ones(2).__iadd__(x),
    ],
)
def test_gradients_are_refused_while_recording(call):
    x, z = tg.tensor([1.0, 2.0], requires_grad=True), tg.zeros(2)
    with pytest.raises(RuntimeError, match=GRADIENTS):
        call(x, z)
    assert x.tolist() == [1.0, 2.0]
    assert z.tolist() == [0.0, 0.0]
    with tg.no_grad():
        call(x, z)
    assert z.node is None


def test_numpys_functions():
    x, z, array = tg.tensor([1.0, 4.0]), tg.zeros(2), np.zeros(2)
    assert np.sqrt(x, out=z) is z
    assert np.sqrt(x, out=array) is array
    assert z.tolist() == array.tolist() == [1.0, 2.0]
    assert np.clip(x, 0, 3, out=z) is z
    assert z.tolist() == [1.0, 3.0]
    assert np.sum(x, axis=0, out=tg.tensor(0.0)).item() == 5.0
    np.concatenate([x, z], out=np.zeros(4))
    array += x
    assert array.tolist() == [2.0, 6.0]
    with pytest.raises(TypeError, match="where"):
        np.sqrt(x, where=[True, False], out=z)


def test_a_graph_that_saved_out_finds_out():
    x, z = tg.tensor([1.0, 2.0], requires_grad=True), tg.ones(2)
    y = (x * z).sum()
    tg.exp(tg.ones(2), out=z)
    with pytest.raises(RuntimeError, match=r"mul: input 1 was saved.*modified in place at .*test_out\.py"):
        y.backward()
