"""Every row of the table, without an oracle: derivatives, dtypes, memory; and no operator is missing."""

import numpy as np
import pytest

from tensorgrad.autograd.primitive import REGISTRY
from tests.cases import all_cases
from tests.cases.library import cotangents_of, flat, is_float, run
from tests.cases.ours import OURS

CASES = all_cases()
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
smooth_case = pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=lambda case: case.id)

EXACT = {"rtol": 1e-10, "atol": 1e-10}  # central differences of an affine function, h = 1
CLOSE = {"rtol": 1e-6, "atol": 1e-8}  # of a smooth one, h = 1e-5
SAME = 1e-12  # the same arithmetic in another order
FEW = 120  # numbers of all inputs that are moved one at a time; of modules with more, all numbers of an input together


def largest(x):
    """The largest finite magnitude of an array, and at least 1: what absolute tolerances are relative to."""
    x = np.abs(x[np.isfinite(x)])
    return max(1.0, x.max()) if x.size else 1.0


def assert_same(actual, expected, tolerance=SAME, what=""):
    """Two lists of arrays agree in shape, dtype and value."""
    assert len(actual) == len(expected), what
    for k, (a, b) in enumerate(zip(actual, expected, strict=True)):
        assert a.shape == b.shape, f"{what} {k}"
        np.testing.assert_allclose(a, b, tolerance, tolerance * largest(b), err_msg=f"{what} {k}")


def moved(arrays, k, step):
    """The arrays, the k-th of them moved by a step."""
    return [array + step if j == k else array for j, array in enumerate(arrays)]


# --------------------------------------------------------------------------- values and derivatives


@pytest.mark.parametrize("case", [c for c in CASES if c.numpy], ids=lambda case: case.id)
def test_value(case):
    """Rows without a PyTorch counterpart have NumPy's value."""
    arrays = case.arrays()
    np.testing.assert_allclose(run(OURS, case, arrays).values[0], case.numpy(*arrays), rtol=1e-14)


def is_small(case, arrays):
    return sum(x.size for x, recipe in zip(arrays, case.inputs, strict=True) if recipe.differentiable) <= FEW


def each_alone(shape):
    """The steps along which one number changes."""
    for place in np.ndindex(shape):
        step = np.zeros(shape)
        step[place] = 1
        yield step


@smooth_case
def test_first_derivative(case):
    """Every entry of every gradient is the central difference of <outputs, v>.

    Where that are many: the product of the gradient and a random direction is, which no wrong entry leaves as it was.
    """
    arrays = case.arrays()
    outcome = run(OURS, case, arrays, order=1)
    if outcome.first is None:
        return
    v = cotangents_of(case, outcome.values)
    h = 1.0 if case.linear else 1e-5

    def scalar(arrays):
        values = run(OURS, case, arrays).values
        return sum(np.vdot(y, w) for y, w in zip(values, v, strict=True) if is_float(y))

    wanted = [k for k, recipe in enumerate(case.inputs) if recipe.differentiable]
    few = is_small(case, arrays)
    for k, gradient in zip(wanted, outcome.first, strict=True):
        assert gradient.shape == arrays[k].shape
        shape = gradient.shape
        steps = list(each_alone(shape)) if few else [case.weights("s", k, shape)]
        actual = [np.vdot(gradient, step) for step in steps]
        expected = [
            (scalar(moved(arrays, k, h * step)) - scalar(moved(arrays, k, -h * step))) / (2 * h) for step in steps
        ]
        np.testing.assert_allclose(actual, expected, **(EXACT if case.linear else CLOSE), err_msg=f"input {k}")


@smooth_case
def test_second_derivative(case):
    """The gradient of <first, u> is its central difference along a direction of each input and each v, or along two.

    On the way: gradients that record themselves (create_graph) are the gradients that do not.
    """
    arrays = case.arrays()
    first = run(OURS, case, arrays, order=1)
    if first.first is None:
        return
    outcome = run(OURS, case, arrays, order=2)
    assert_same(outcome.first, first.first, what="create_graph changes gradient")
    v = cotangents_of(case, outcome.values)
    h = 1.0 if case.linear else 1e-5

    def scalar(arrays, v):
        gradients = run(OURS, case, arrays, order=1, cotangents=v).first
        return sum(np.vdot(g, case.weights("u", k, g.shape)) for k, g in enumerate(gradients))

    wanted = [k for k, recipe in enumerate(case.inputs) if recipe.differentiable]
    targets = [(arrays, k) for k in wanted] + [(v, k) for k, y in enumerate(outcome.values) if is_float(y)]
    for number, (group, k) in enumerate(targets[: len(outcome.second)]):
        for i in range(2 if is_small(case, arrays) else 1):
            direction = case.weights("d", 2 * number + i, group[k].shape)
            plus, minus = moved(group, k, h * direction), moved(group, k, -h * direction)
            if group is arrays:
                expected = (scalar(plus, v) - scalar(minus, v)) / (2 * h)
            else:
                expected = (scalar(arrays, plus) - scalar(arrays, minus)) / (2 * h)
            actual = np.vdot(outcome.second[number], direction)
            message = f"{'input' if group is arrays else 'cotangent'} {k}"
            np.testing.assert_allclose(actual, expected, **(EXACT if case.linear else CLOSE), err_msg=message)


# --------------------------------------------------------------------------- dtypes and memory


@pytest.mark.parametrize("case", [c for c in CASES if c.float32 is not None], ids=lambda case: case.id)
def test_float32(case):
    """float32 in, float32 out: values, gradients and second derivatives, as accurate as float32 can be."""
    arrays = case.arrays()
    wide = run(OURS, case, arrays, order=1)
    narrow = run(OURS, case, [x.astype(np.float32) if is_float(x) else x for x in arrays], order=2)
    for x, y in zip(wide.values, narrow.values, strict=True):
        assert type(y) is np.ndarray
        assert y.dtype == (np.float32 if is_float(x) else x.dtype)
    assert_same(narrow.values, wide.values, case.float32, "value")
    if wide.first is not None:
        assert {x.dtype for x in narrow.first + narrow.second} == {np.dtype(np.float32)}
        assert_same(narrow.first, wide.first, 5 * case.float32, "gradient")


def layouts(x):
    """The array in other memory orders, each with the contiguous array of the same values."""
    if x.ndim == 0:
        return
    backwards = (slice(None, None, -1),) * x.ndim
    sparse = np.full((*x.shape[:-1], 2 * x.shape[-1]), x.dtype.type(77))
    sparse[..., ::2] = x
    yield "Fortran order", np.asfortranarray(x), x
    yield "negative strides", x[backwards].copy()[backwards], x
    yield "every second element", sparse[..., ::2], x
    if x.ndim >= 3:
        yield "channels last", np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1), x
    if x.shape[0]:
        constant = np.broadcast_to(x[:1], x.shape)
        yield "zero strides", constant, constant.copy()


@every_case
def test_memory_layouts(case):
    """Values and gradients do not depend on the strides of inputs and of incoming gradients."""
    arrays = case.arrays()
    by_layout = [{name: pair for name, *pair in layouts(x)} for x in arrays]
    plain = [(x, x) for x in arrays]
    for name in dict.fromkeys(name for variants in by_layout for name in variants):
        pairs = [variants.get(name, same) for variants, same in zip(by_layout, plain, strict=True)]
        if name == "zero strides":  # indices keep their values: equal ones may be another case
            pairs = [pair if is_float(x) else (x, x) for pair, x in zip(pairs, arrays, strict=True)]
        outcome = run(OURS, case, [x for x, _ in pairs], order=1)
        expected = run(OURS, case, [x for _, x in pairs], order=1)
        assert_same(outcome.values, expected.values, what=f"{name}: value")
        assert_same(outcome.first or [], expected.first or [], what=f"{name}: gradient")

    values = run(OURS, case, arrays).values
    constant = [np.broadcast_to(1.5, y.shape) for y in values]
    outcome = run(OURS, case, arrays, order=1, cotangents=constant)
    expected = run(OURS, case, arrays, order=1, cotangents=[y.copy() for y in constant])
    assert_same(outcome.first or [], expected.first or [], what="incoming gradient with zero strides")


@every_case
def test_inputs_are_not_modified(case):
    """Inputs and incoming gradients, read-only arrays here, are what they were after two backward passes."""
    arrays = case.arrays()
    assert not any(x.flags.writeable for x in arrays)
    values = run(OURS, case, arrays).values
    v = cotangents_of(case, values)
    for x in v:
        x.flags.writeable = False
    outcome = run(OURS, case, arrays, order=2, cotangents=v)
    for x, before in zip([*arrays, *v], [*case.arrays(), *cotangents_of(case, values)], strict=True):
        np.testing.assert_array_equal(x, before)
    assert_same(outcome.values, values, what="recording changes value")


@every_case
def test_leaves_own_their_gradients(case):
    """backward() gives the gradients of grad(), each leaf in memory of its own that may be written to."""
    arrays = case.arrays()
    expected = run(OURS, case, arrays, order=1)
    if expected.first is None:
        return
    leaves = [OURS.new_tensor(x, recipe.differentiable) for x, recipe in zip(arrays, case.inputs, strict=True)]
    outputs = flat(case.function(OURS, *leaves))
    v = [
        OURS.new_tensor(w.astype(y.dtype), False) if y.requires_grad else None
        for y, w in zip(outputs, cotangents_of(case, expected.values), strict=True)
    ]
    roots = [(y, w) for y, w in zip(outputs, v, strict=True) if w is not None]
    OURS.autograd.backward([y for y, _ in roots], [w for _, w in roots])
    wanted = [x for x in leaves if x.requires_grad]
    gradients = [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in wanted]
    assert_same(gradients, expected.first, what="backward() is not grad()")
    others = [x.numpy(force=True) for x in (*leaves, *outputs, *v) if x is not None]
    for k, gradient in enumerate(gradients):
        assert gradient.flags.c_contiguous
        assert gradient.flags.writeable
        assert not any(np.may_share_memory(gradient, other) for other in [*others, *gradients[:k]])


# --------------------------------------------------------------------------- completeness


def recorded(root):
    """The names of the operators in the graph below a tensor."""
    names, seen, stack = set(), set(), [getattr(root, "node", None)]
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen or not hasattr(node, "edges"):
            continue
        seen.add(id(node))
        names.add(node.op.name)
        stack.extend(node.edges)
    return names


def test_every_primitive_has_a_row():
    """A primitive is in the table when a row names it and really records it, forward or in its derivative.

    Comparisons and the like, which are never recorded, need only be named.
    """
    missing = set(REGISTRY)
    for case in CASES:
        named = {case.op, *case.covers} & missing
        if any(REGISTRY[name].differentiable for name in named):
            named &= set().union(*map(recorded, run(OURS, case, order=2).roots))
        missing -= named
    assert not missing, f"no row of tests/cases exercises {sorted(missing)}"


def test_rows_have_different_names():
    ids = [case.id for case in CASES]
    assert not {name for name in ids if ids.count(name) > 1}
