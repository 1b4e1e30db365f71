"""Every public function of NumPy on a tensor that requires grad: a tensor with a gradient, or a clear refusal."""

import inspect

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.interop import FUNCTIONS, UFUNCS

ELSEWHERE = {
    # settings, files, text: nothing that is computed from an array's values
    *("seterr", "seterrcall", "setbufsize", "set_printoptions", "printoptions", "errstate", "show_config", "info"),
    *("show_runtime", "test", "get_include", "save", "savez", "savez_compressed", "savetxt", "load", "loadtxt"),
    *("genfromtxt", "fromfile", "fromregex", "from_dlpack"),
    # goes through Python's iteration and float(), as any loop does
    "fromiter",
    # any values at all
    *("empty", "empty_like"),
}


def functions():
    """Functions and ufuncs, each once, by name."""
    found = {}
    for prefix, module in (("np.fft", np.fft), ("np.linalg", np.linalg), ("np", np)):
        for name in dir(module):
            function = getattr(module, name)
            if not name.startswith("_") and callable(function) and not isinstance(function, type):
                found[function] = f"{prefix}.{name}"
    return [pytest.param(f, id=name) for f, name in found.items() if name.split(".")[-1] not in ELSEWHERE]


def as_it_is(row):
    return row


CALLS = [
    lambda x: (x,),
    lambda x: (x, x),
    lambda x: (x, x, x),
    lambda x: (x, 1),
    lambda x: (1.5, x),
    lambda x: (x, 0, x),
    lambda x: (x, 1, 0),
    lambda x: (x, [0, 1]),
    lambda x: (x, (3, 3)),
    lambda x: ([x, x],),
    lambda x: ([x, 1.0],),
    lambda x: ([1.5, x[0]],),
    lambda x: ([[1.0, 2.0, 3.0], x],),
    lambda x: (x > 0, x),
    lambda x: (x > 0, x, x),
    lambda x: (np.ones(3), x),
    lambda x: (np.ones((3, 3)), x),
    lambda x: (x, np.ones(3)),
    lambda x: ("ij->ji", x),
    lambda x: (as_it_is, x),
    lambda x: (as_it_is, 0, x),
]


def leaves(value):
    """Whatever stands in nested tuples, lists and dictionaries."""
    if isinstance(value, (tuple, list, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from leaves(v)
    else:
        yield value


def is_detached(value):
    """A real number or array of them that carries no gradient."""
    if isinstance(value, tg.Tensor):
        return value.dtype.kind == "f" and not value.requires_grad
    return isinstance(value, (float, np.inexact)) or (isinstance(value, np.ndarray) and value.dtype.kind in "fcO")


def results(function, call, x):
    """The leaves of what a call gives; nothing for a refusal, or arguments that the function does not take."""
    try:
        return list(leaves(function(*call(x))))
    except Exception:
        return []


def same(a, b):
    return np.array_equal(*(v.numpy(force=True) if isinstance(v, tg.Tensor) else v for v in (a, b)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", functions())
@pytest.mark.parametrize("shape", [(3, 3), (3,)], ids=str)
def test_no_silent_detach(function, shape):
    """Whatever changes with the values of the tensor has a gradient."""
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape) / 7 + (np.eye(3) if len(shape) == 2 else 0)
    x, other = (tg.tensor(values * factor, requires_grad=True) for factor in (1, 1.125))
    for call in CALLS:
        found = results(function, call, x)
        if any(map(is_detached, found)):
            moved = results(function, call, other)
            assert all(same(a, b) for a, b in zip(found, moved, strict=True) if is_detached(a)), (
                f"{found} from {call(x)}"
            )


DISPATCHED = [p for p in functions() if isinstance(p.values[0], np.ufunc) or hasattr(p.values[0], "_implementation")]


@pytest.mark.parametrize("function", DISPATCHED)
def test_a_refusal_is_a_clear_one(function):
    """With tensors in all places: whatever is not in the tables says so, and what to do instead."""
    x = tg.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    known = function in UFUNCS or function in FUNCTIONS
    count = function.nin if isinstance(function, np.ufunc) else 1
    if not known and takes(function, count):
        with pytest.raises(TypeError, match=r"np\.\w+: .*is not defined for tensors; use .*detach"):
            function(*[x] * count)


def takes(function, count):
    """True when ``function`` can be called with that many positional arguments."""
    if isinstance(function, np.ufunc):
        return True
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    return True
