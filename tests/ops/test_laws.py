"""Laws that need no oracle, for every row of the table: adjoints, linearity of the vjp, bit-equal repetition.

Then some for single functions: the jvp against the vjp, the shift of a softmax, a batch and its parts.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tests.cases import all_cases
from tests.cases.library import flat
from tests.cases.ours import OURS

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=2, deadline=None, database=None, derandomize=True)


def inputs_of(case, rng=None, place=None):
    """The row's inputs as tensors; the one at ``place`` moved in a random direction, which is returned too."""
    arrays = [array.copy() for array in case.arrays()]
    step = None
    if place is not None:
        step = rng.standard_normal(arrays[place].shape)
        arrays[place] = arrays[place] + step
    recipes = zip(arrays, case.inputs, strict=True)
    return [tg.Tensor(a, requires_grad=recipe.differentiable) for a, recipe in recipes], step


def outputs_of(case, tensors):
    """The differentiable outputs of the row."""
    return [y for y in flat(case.function(OURS, *tensors)) if y.dtype.kind == "f" and y.requires_grad]


def pull(outputs, tensors, cotangents):
    """The vector-Jacobian product with respect to every differentiable input, zero where there is no dependence."""
    wanted = [t for t in tensors if t.requires_grad]
    found = tg.autograd.grad(outputs, wanted, cotangents, retain_graph=True, allow_unused=True)
    return [np.zeros(t.shape) if g is None else g.numpy(force=True) for g, t in zip(found, wanted, strict=True)]


def random_like(outputs, rng):
    return [tg.Tensor(rng.standard_normal(y.shape)) for y in outputs]


def close(a, b, scale):
    return abs(a - b) <= 1e-9 * max(1.0, scale)


ROWS = [case for case in all_cases() if case.smooth and any(recipe.differentiable for recipe in case.inputs)]
#: exact under central differences with a step of 1, but products of an input with itself
QUADRATIC = {"diagonal: twice", "broadcast_to: used twice"}
LINEAR = [case for case in ROWS if case.linear and case.id not in QUADRATIC]


@pytest.mark.parametrize("case", LINEAR, ids=lambda case: case.id)
def test_adjoint_identity(case):
    """<v, f(x + d) - f(x)> = <vjp(v), d> for every operator that is affine in an input."""
    rng = np.random.default_rng(7)
    tensors, _ = inputs_of(case)
    outputs = outputs_of(case, tensors)
    if not outputs:
        return
    cotangents = random_like(outputs, rng)
    gradients = iter(pull(outputs, tensors, cotangents))
    for place, recipe in enumerate(case.inputs):
        if not recipe.differentiable:
            continue
        gradient = next(gradients)
        moved, step = inputs_of(case, rng, place)
        after = outputs_of(case, moved)
        changes = [(b - a).numpy(force=True) for a, b in zip(outputs, after, strict=True)]
        left = [(v.numpy() * change).ravel() for v, change in zip(cotangents, changes, strict=True)]
        right = (gradient * step).ravel()
        scale = sum(np.abs(part).sum() for part in left) + np.abs(right).sum()
        assert close(sum(part.sum() for part in left), right.sum(), scale), f"input {place}"


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.id)
def test_the_vjp_is_linear_and_repeats_bit_for_bit(case):
    rng = np.random.default_rng(11)
    tensors, _ = inputs_of(case)
    outputs = outputs_of(case, tensors)
    if not outputs:
        return
    u, v = random_like(outputs, rng), random_like(outputs, rng)
    together = pull(outputs, tensors, [a * 2.0 - b for a, b in zip(u, v, strict=True)])
    apart = [2.0 * a - b for a, b in zip(pull(outputs, tensors, u), pull(outputs, tensors, v), strict=True)]
    for a, b in zip(together, apart, strict=True):
        finite = np.abs(b[np.isfinite(b)])
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * max(1.0, finite.max() if finite.size else 1.0))
    again = pull(outputs, tensors, u)
    assert [g.tobytes() for g in again] == [g.tobytes() for g in pull(outputs, tensors, u)]


SMOOTH = {
    "tanh": lambda x: tg.tanh(x),
    "softmax": lambda x: tg.softmax(x, -1),
    "logsumexp": lambda x: tg.logsumexp(x, -1),
    "matmul": lambda x: x @ x.T,
    "conv2d": lambda x: F.conv2d(x.reshape(1, 1, 4, 5), x[:2, :2].reshape(1, 1, 2, 2)),
    "layer_norm": lambda x: F.layer_norm(x, (5,)),
    "gelu": lambda x: F.gelu(x),
    "cumprod": lambda x: tg.cumprod(x, 0),
}


@pytest.mark.parametrize("name", SMOOTH)
@few
@given(seed=SEEDS)
def test_jvp_against_vjp(name, seed):
    """<v, jvp(d)> = <vjp(v), d>."""
    rng = np.random.default_rng(seed)
    x, d = tg.Tensor(rng.standard_normal((4, 5))), tg.Tensor(rng.standard_normal((4, 5)))
    y, moved = tg.func.jvp(SMOOTH[name], (x,), (d,))
    v = tg.Tensor(rng.standard_normal(y.shape))
    (pulled,) = tg.func.vjp(SMOOTH[name], x)[1](v)
    np.testing.assert_allclose((v * moved).sum().item(), (pulled * d).sum().item(), rtol=1e-9, atol=1e-11)


@few
@given(seed=SEEDS, shift=st.floats(-1e3, 1e3))
def test_softmax_does_not_see_a_shift(seed, shift):
    x = np.random.default_rng(seed).standard_normal((3, 7))
    np.testing.assert_allclose(
        tg.softmax(tg.Tensor(x + shift), 1).numpy(force=True), tg.softmax(tg.Tensor(x), 1).numpy(force=True), atol=1e-12
    )


@pytest.mark.parametrize(
    "layer",
    [
        lambda: tg.nn.Conv2d(2, 3, 3, padding=1),
        lambda: tg.nn.MaxPool2d(2),
        lambda: tg.nn.Sequential(tg.nn.Flatten(), tg.nn.Linear(72, 5), tg.nn.ReLU()),
        lambda: tg.nn.LayerNorm((2, 6, 6)),
        lambda: tg.nn.BatchNorm2d(2).eval(),
    ],
    ids=["conv", "pool", "dense", "layer norm", "batch norm in evaluation"],
)
def test_a_batch_is_its_parts(layer):
    module = layer().double()
    x = tg.Tensor(np.random.default_rng(3).standard_normal((6, 2, 6, 6)))
    parts = tg.cat([module(x[:1]), module(x[1:4]), module(x[4:])])
    np.testing.assert_allclose(module(x).numpy(force=True), parts.numpy(force=True), rtol=1e-12, atol=1e-13)


TWO_OPERANDS = [
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "fmax", "fmin", "fmod", "remainder", "atan2", "hypot",
    "logaddexp", "logaddexp2", "xlogy", "copysign", "float_power", "ldexp", "isclose",
]  # fmt: skip
TWO = {name: getattr(tg, name) for name in TWO_OPERANDS} | {
    "add, alpha": lambda a, b: tg.add(a, b, alpha=2),
    "sub, alpha": lambda a, b: tg.sub(a, b, alpha=3),
    "rsub, alpha": lambda a, b: tg.rsub(b, a, alpha=2),
    "lerp": lambda a, b: tg.lerp(a, b, 0.3),
    "addcmul": lambda a, b: tg.addcmul(a, b, b, value=0.5),
    "addcdiv": lambda a, b: tg.addcdiv(a, b, b + 1.5, value=2),
    "where": lambda a, b: tg.where(b > 1, a, b),
}


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int8, tg.int16, tg.bool])
@pytest.mark.parametrize("name", TWO)
@few
@given(seed=SEEDS)
def test_bytes_compute_as_the_floats_that_they_stand_for(name, dtype, seed):
    """Values and derivatives, on either side: nothing wraps around at 256, nothing is rounded to half precision."""
    rng = np.random.default_rng(seed)
    floats = rng.standard_normal((3, 4)).astype(np.float32) * 3
    small = rng.integers(-30000, 30000, (3, 4)).astype(dtype)
    for swap in (False, True):
        results = []
        for other in (tg.tensor(small), tg.tensor(small).float()):
            x = tg.tensor(floats, requires_grad=True)
            y = TWO[name](other, x) if swap else TWO[name](x, other)
            g = tg.autograd.grad(y.sum(), x)[0] if y.requires_grad else y
            results.append((y.detach(), g))
        for got, expected in zip(*results, strict=True):
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got.numpy(), expected.numpy())
