"""Formulas over large arrays give what they give for small ones, in any memory order, for any number of threads."""

import importlib.util
import inspect
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.autograd.primitive import REGISTRY
from tensorgrad.kernels import formula, twin
from tensorgrad.kernels.choice import choose
from tensorgrad.kernels.elementwise import power, sign
from tensorgrad.kernels.formula import one_pass
from tensorgrad.kernels.special import erf
from tensorgrad.kernels.traced import Step, Untraceable, trace

COMPILED = importlib.util.find_spec("numba") is not None
SHAPE = 5, 7, 11
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, -1e-40, 88.0, 89.0, -88.0, -104.0, 3e38, -3e38]

#: what stands in `static` of the operators that want something there
STATIC = {
    "leaky_relu": {"negative_slope": 0.1}, "elu": {"alpha": 1.5}, "celu": {"alpha": 0.5},
    "softplus": {"beta": 2.0, "threshold": 20.0}, "hardtanh": {"low": -0.5, "high": 0.75}, "hardshrink": {"lambd": 0.5},
    "softshrink": {"lambd": 0.5}, "threshold": {"threshold": 0.25, "value": 7.0}, "pow_scalar": {"exponent": 3},
    "polygamma": {"n": 1}, "logit": {"eps": 0.25}, "at_least": {"low": 0.5}, "huber": {"delta": 0.75},
}  # fmt: skip


def is_of_one_pass(prim):
    codes = [getattr(each, "__code__", None) for each in (prim.forward, *prim.rules)]
    return any(code is not None and code.co_filename == formula.__file__ for code in codes)


OPERATORS = [name for name, prim in REGISTRY.items() if is_of_one_pass(prim)]


@pytest.fixture
def large(monkeypatch):
    """Let arrays of more than 9 numbers be large, those of more than 20 worth a second thread."""
    monkeypatch.setattr(formula, "LARGE", 10)
    monkeypatch.setattr(formula, "LARGE_FOR_ONE_STEP", 10)
    monkeypatch.setattr(formula, "IN_CACHE", 9)
    monkeypatch.setattr(formula, "SHARED_FLOATS", 20)
    if COMPILED:
        monkeypatch.setattr("tensorgrad.kernels.compiled.formula.LITTLE", 0)
        monkeypatch.setattr("tensorgrad.kernels.compiled.formula._plans", {})


def operands(count, dtype, rng):
    made = []
    for _ in range(count):
        x = (2 * rng.standard_normal(SHAPE)).astype(dtype)
        x.flat[: len(SPECIAL)] = rng.permutation(SPECIAL)
        made.append(x)
    return made


def assert_alike(found, expected, name, dtype):
    """Equal, up to a few units in the last place of the largest that met in the formula."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    scale = {np.float32: 2e-6, np.float64: 1e-14}[dtype]
    np.testing.assert_allclose(found, expected, rtol=scale, atol=scale, err_msg=name)


def test_there_are_operators_of_one_pass():
    assert {"gelu", "tanh", "mul", "where", "clamp", "leaky_relu", "erf"} <= set(OPERATORS)


def sample(name, dtype):
    """Operands of an operator with NaN, infinities and zeros of both signs, a gradient, and the numbers it wants."""
    rng = np.random.default_rng(0)
    arity = 3 if name in ("where", "lerp", "clamp") else len(REGISTRY[name].rules)
    g, *inputs = operands(1 + arity, dtype, rng)
    if name == "where":
        inputs[0] = inputs[0] > 0
    return g, inputs, STATIC.get(name, {})


def calls(name, dtype):
    """Each formula of an operator with its arguments: the forward, and the rules."""
    prim = REGISTRY[name]
    g, inputs, static = sample(name, dtype)
    yield prim.forward, inputs, static
    y = inspect.unwrap(prim.forward)(*inputs, **static)
    if y.dtype.kind == "f":
        yield from ((rule, [g, y, *inputs], static) for rule in prim.rules if rule is not None)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("large")
def test_every_operator_in_slices(name, dtype):
    with np.errstate(all="ignore"), twin.using("numpy"):
        for each, args, static in calls(name, dtype):
            expected = inspect.unwrap(each)(*args, **static)
            assert_alike(each(*args, **static), expected, name, dtype)


def taken(steps, operands):
    """The result of a trace whose steps are taken by NumPy."""
    known = dict(operands)
    for step in steps.steps:
        function = {"erf": erf, "sign": sign}.get(step.function) or getattr(np, step.function)
        known[step.result] = function(*[known[o] if isinstance(o, str) else np.float32(o) for o in step.operands])
    return known[steps.result]


def traced(each, args, static):
    """The trace of a formula and its operands by name; None where it has none."""
    dtypes = {i: a.dtype for i, a in enumerate(args)} | {n: np.float32 for n, v in static.items() if type(v) is float}
    try:
        steps = trace(each, tuple(args), static, dtypes)
    except Untraceable:
        return None
    return steps, {f"x{i}": a for i, a in enumerate(args)} | {n: np.float32(v) for n, v in static.items()}


@pytest.mark.parametrize("name", OPERATORS)
def test_every_trace(name):
    with np.errstate(all="ignore"):
        for each, args, static in calls(name, np.float32):
            found = traced(each, args, static)
            if found is not None:
                assert_alike(taken(*found), inspect.unwrap(each)(*args, **static), name, np.float32)


#: operators whose loops are compiled in the tests; together they take every step there is
CHOSEN = ["gelu", "mish", "clamp", "xlogy", "square", "expm1", "sqrt", "abs", "erf", "logaddexp", "tan", "sin", "fmax",
          "fmin", "softshrink"]  # fmt: skip


@pytest.mark.skipif(not COMPILED, reason="needs Numba")
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("name", CHOSEN)
def test_compiled_loops(name):
    with np.errstate(all="ignore"), twin.using("compiled"):
        for each, args, static in calls(name, np.float32):
            expected = inspect.unwrap(each)(*args, **static)
            assert_alike(each(*args, **static), expected, name, np.float32)


@pytest.mark.skipif(not COMPILED, reason="needs Numba")
def test_every_step_is_taken_in_the_tests():
    from tensorgrad.kernels.compiled.formula_source import STEPS

    with np.errstate(all="ignore"):
        found = [traced(*each) for name in CHOSEN for each in calls(name, np.float32)]
    assert set(STEPS) <= {step.function for steps, _ in filter(None, found) for step in steps.steps}


@pytest.mark.usefixtures("one_thread_or_two", "version", "large")
@pytest.mark.parametrize(
    "view",
    [lambda a: a, lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a[:0], lambda a: a[1, 2, 3]],
    ids=["plain", "transposed", "reversed", "every other", "empty", "one number"],
)
def test_memory_orders(view):
    x, g = (view(a) for a in np.random.default_rng(0).standard_normal((2, *SHAPE)).astype(np.float32))
    before = x.copy(), g.copy()
    run = one_pass(lambda g, x: g * (1 - x * x))
    found = run(g, x)
    np.testing.assert_array_equal(found, g * (1 - x * x))
    np.testing.assert_array_equal(run(g, 2.0), g * np.float32(-3))
    np.testing.assert_array_equal((x, g), before)
    if x.size > 1 and x.flags.forc:
        assert found.strides == x.strides


#: operands that are repeated beside one of SHAPE
REPEATED = {
    "row": lambda a: a[0, 0],
    "row with ones": lambda a: a[:1, :1],
    "matrix": lambda a: a[0],
    "repeated view": lambda a: np.broadcast_to(a[0, 0], SHAPE),
    "column": lambda a: a[:, :1, :1].copy(),
    "two columns": lambda a: a[:, :, :1].copy(),
    "column of a matrix": lambda a: a[:, :, :1],
    "one": lambda a: a[:1, :1, :1],
    "0-d": lambda a: a[1, 2, 3].reshape(()),
    "one, repeated": lambda a: np.broadcast_to(a[:1, :1, :1], SHAPE),
    "in the middle": lambda a: a[:1, :, :1],
    "every other number of a longer row": lambda a: np.repeat(a[0, 0], 2)[::2],
    "conditions": lambda a: a[0] > 0,
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("order", ["rows", "channels last"])
@pytest.mark.usefixtures("one_thread_or_two", "version", "large")
def test_repeated_operands(name, order):
    x, a, b = np.random.default_rng(0).standard_normal((3, *SHAPE)).astype(np.float32)
    if order == "channels last":
        x, a, b = (np.moveaxis(np.ascontiguousarray(np.moveaxis(v, 1, -1)), -1, 1) for v in (x, a, b))
    other = REPEATED[name](a)
    run = one_pass(lambda x, b, y: np.where(b, x * y, x - y))
    for args in ((x, other.astype(bool), b), (b, other.astype(bool), x)):
        np.testing.assert_array_equal(run(*args), run.__wrapped__(*args))
    for formula_of_two in (lambda a, b: a - b * 2, lambda a, b: b - a * 2):
        run = one_pass(formula_of_two)
        np.testing.assert_array_equal(run(x, other), formula_of_two(x, other))
        np.testing.assert_array_equal(run(other, x), formula_of_two(other, x))


@pytest.mark.usefixtures("version", "large")
def test_rows_and_columns_together():
    x, r, c = (np.random.default_rng(0).standard_normal(s).astype(np.float32) for s in ((6, 8), 8, (6, 1)))
    run = one_pass(lambda x, r, c: (x - c) * r)
    np.testing.assert_array_equal(run(x, r, c), (x - c) * r)
    deep = np.random.default_rng(0).standard_normal((4, 5, 6)).astype(np.float32)
    two, one = deep[:, :, :1].copy(), deep[:, :1, :1].copy()
    for row, column in ((deep[0, 0], two), (deep[0, 0], one), (deep[0], one), (deep[0], two)):
        np.testing.assert_array_equal(run(deep, row, column), (deep - column) * row)


@pytest.mark.usefixtures("version", "large")
def test_what_is_not_alike_is_left_to_the_formula():
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    run = one_pass(lambda a, b: a + b)
    for other in (x[0], x[:, :1], x.astype(np.float64), np.arange(x.size).reshape(SHAPE), x.T.copy().T, np.float64(2)):
        found = run(x, other)
        expected = x + other
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="broadcast"):
        run(x, x[:3])


@pytest.mark.usefixtures("version", "large")
def test_numbers_may_change_from_call_to_call():
    x = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    run = one_pass(lambda x, low, *, slope: np.maximum(x, low) * slope)
    for low, slope in ((0.0, 2.0), (-1, 0.5), (1, 3), (2, 7)):
        np.testing.assert_array_equal(run(x, low, slope=slope), np.maximum(x, np.float32(low)) * np.float32(slope))


@pytest.mark.usefixtures("version", "large")
def test_constants_are_told_apart():
    x = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    run = one_pass(lambda x, factor: x * np.float32(factor) if factor else -x)
    for factor in (np.float64(2), np.float64(3), True, False, 0.5):
        np.testing.assert_array_equal(run(x, factor), run.__wrapped__(x, factor))


@pytest.mark.usefixtures("version", "large")
def test_one_number_for_all_may_change_from_call_to_call():
    x = np.random.default_rng(0).standard_normal((10, 10)).astype(np.float32)
    run = one_pass(lambda x, factor, choice: np.where(choice, x * factor, -x))
    for factor, choice in itertools.product((2.0, 3.0), (True, False)):
        one, other = np.full((1, 1), factor, np.float32), np.full((1, 1), choice)
        np.testing.assert_array_equal(run(x, one, other), run.__wrapped__(x, one, other))


@pytest.mark.skipif(not COMPILED, reason="needs Numba")
@pytest.mark.usefixtures("large")
def test_what_a_formula_does_not_read_is_not_remembered():
    from tensorgrad.kernels.compiled.formula import _plans

    x = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    run = one_pass(lambda x, unread: x * 2)
    with twin.using("compiled"):
        before = len(_plans)
        for _ in range(3):
            run(x, object())
    assert len(_plans) == before + 1


@pytest.mark.usefixtures("version", "large")
def test_a_list_may_decide_over_the_steps():
    x = np.random.default_rng(0).standard_normal(100).astype(np.float32)
    run = one_pass(lambda x, *, powers: sum(x**k for k in powers))
    for powers in ([1, 2], [2], [True]):
        np.testing.assert_allclose(run(x, powers=powers), run.__wrapped__(x, powers=powers), rtol=1e-6)


@pytest.mark.usefixtures("version", "large")
def test_a_formula_without_steps_returns_its_operand():
    x = np.ones(100, np.float32)
    assert one_pass(lambda g, y, a: g)(x, None, x) is x


@pytest.mark.usefixtures("version", "large")
def test_errors_come_out():
    def broken(x):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        one_pass(broken)(np.ones(100, np.float32))


# ---- traces ------------------------------------------------------------------------------------------------------


def test_a_trace_notes_each_step():
    found = trace(lambda g, y, x: g * (1 - y * y), (None,) * 3, {}, dict.fromkeys(range(3), np.float32))
    assert found.steps == (
        Step("t0", "multiply", ("x1", "x1")),
        Step("t1", "subtract", (1.0, "t0")),
        Step("t2", "multiply", ("x0", "t1")),
    )
    assert (found.result, found.operands, found.dtype) == ("t2", (0, 1), np.float32)


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x * math.exp(x),
        lambda x: x.sum(),
        lambda x: x.astype(np.float64),
        lambda x: np.cumsum(x),
        lambda x: x[0],
        lambda x: np.zeros(x.shape),
        lambda x: np.add.reduce(x),
        lambda x: x + np.ones(3, np.float32),
        lambda x: sorted([x, x]),
    ],
)
def test_what_is_no_step_for_one_number_is_refused(formula):
    with pytest.raises(Untraceable):
        trace(formula, (None,), {}, {0: np.float32})


@pytest.mark.skipif(not COMPILED, reason="needs Numba")
def test_the_page_on_kernels_shows_what_is_written():
    from tensorgrad.kernels.compiled.formula_source import source_of

    rule = inspect.unwrap(REGISTRY["tanh"].rules[0])
    x = np.zeros(1, np.float32)
    steps = trace(rule, (x, x, x), {}, {0: x.dtype, 1: x.dtype, 2: x.dtype})
    source, _ = source_of(steps, dict.fromkeys(("x0", "x1"), "whole"))
    assert source in (Path(__file__).parents[2] / "docs/kernels.md").read_text()


# ---- functions ---------------------------------------------------------------------------------------------------

#: whole quarters of a turn; numbers of all sizes, some too large for the short way, the first nearest to whole quarters
QUARTERS, SIZES = np.arange(-50_000, 50_000, 7) * (np.pi / 2), np.exp(np.linspace(-80, 88, 20_000))
SIZES[0] = 16367173 * 2.0**72
POINTS = np.concatenate([s * np.random.default_rng(1).standard_normal(20_000) for s in (1e-6, 0.1, 1, 4, 40)])


def units(found, exact):
    """The largest error, in units of the last place of float32."""
    exact = exact.astype(np.float64)
    ok = np.isfinite(exact) & (np.abs(exact) < 3e38)
    spacing = np.spacing(np.abs(exact[ok]).astype(np.float32)).astype(np.float64)
    return np.max(np.abs(found[ok] - exact[ok]) / spacing)


@pytest.mark.skipif(not COMPILED, reason="needs Numba")
@pytest.mark.parametrize(
    ("name", "function", "most"),
    [
        ("exp", np.exp, 1.5), ("expm1", np.expm1, 2), ("log", np.log, 1.5), ("log1p", np.log1p, 3),
        ("tanh", np.tanh, 3), ("sin", np.sin, 2), ("cos", np.cos, 2), ("tan", np.tan, 4),
    ],
)  # fmt: skip
def test_functions_of_compiled_loops(name, function, most, monkeypatch):
    monkeypatch.setattr(formula, "LARGE_FOR_ONE_STEP", 1)
    with twin.using("compiled"), np.errstate(all="ignore"):
        for points in (POINTS, QUARTERS, SIZES) if name in ("sin", "cos", "tan") else (POINTS,):
            x = (np.abs(points) if name.startswith("log") else points).astype(np.float32)
            assert units(one_pass(function)(x), function(x.astype(np.float64))) < most
        for values in (SPECIAL, [v for v in SPECIAL if not abs(v) > 100]):  # NaN among large numbers, and without them
            special = np.resize(np.float32(values), 1 << 15)
            found, expected = one_pass(function)(special), function(special)
            np.testing.assert_allclose(found, expected, rtol=5e-7)
            zero = expected == 0
            np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def test_erf(version):
    x = POINTS.astype(np.float32)
    exact = np.array([math.erf(v) for v in x])
    assert units(one_pass(erf)(x), exact) < 2
    assert units(erf(x[:100]), exact[:100]) < 2


# ---- choices and powers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", [7, 5000])
def test_a_choice_is_that_of_numpy(dtype, size):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        a, b = np.resize(SPECIAL, (2, size)).astype(dtype)
    b = rng.permutation(b)
    mask = rng.random(size) < 0.5
    for first, second in ((a, b), (a, 0.0), (1, b), (a, b[:1]), (a.astype(np.float64), b)):
        expected = np.where(mask, first, second)
        found = choose(mask, first, second)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, -1, -2, 0.5, -0.5, 1.7])
def test_powers(exponent):
    x = np.abs(np.random.default_rng(0).standard_normal(100))
    np.testing.assert_allclose(power(x, exponent), np.power(x, exponent), rtol=1e-15)
