"""One step of an optimizer by both versions of its kernel, on numbers of every kind."""

import itertools

import numpy as np

from tensorgrad.kernels import twin

SIZES = [(), (0,), (7,), (3, 5), (300, 250)]


def arrays(shape, dtype, count):
    """Ordinary numbers, and where there is room infinities, NaNs, zeros and subnormal numbers among them."""
    rng = np.random.default_rng(0)
    found = [rng.standard_normal(shape).astype(dtype) for _ in range(count)]
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).tiny / 4, np.finfo(dtype).max]
    for a in found:
        if a.size > 100:
            a.reshape(-1)[rng.choice(a.size, 30)] = rng.choice(special, 30)
    return found


def combinations(**choices):
    """Every way to choose one value for each setting."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def after(step, choice, given, **settings):
    """What is in the arrays after one step of the version ``choice``."""
    given = [None if a is None else a.copy(order="K") for a in given]
    with twin.using(choice), np.errstate(all="ignore"):
        step(*given, **settings)
    return [a for a in given if a is not None]


def assert_same_bits(step, given, **settings):
    for a, b in zip(*(after(step, c, given, **settings) for c in ("numpy", "compiled")), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
