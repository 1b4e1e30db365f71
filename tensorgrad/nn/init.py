"""Initialisers: they fill a tensor in place, in its own dtype, from the package's generator, and return it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad import random
from tensorgrad.autograd import in_place
from tensorgrad.errors import op_error
from tensorgrad.tensor import Tensor


def _fill(tensor: Tensor, values: Any) -> Tensor:
    """Write into the tensor's memory; backward through an older graph that saved it will say so."""
    in_place.write(tensor._data)
    tensor._data[...] = values
    return tensor


def _draw(tensor: Tensor, distribution: str, generator: np.random.Generator | None, op: str) -> np.ndarray:
    """Random numbers in the tensor's shape and dtype: float64 only where the tensor is."""
    if tensor.dtype.kind != "f":
        raise op_error(TypeError, op, f"expected a floating-point tensor, got {tensor.dtype}")
    draw = getattr(generator or random.generator(), distribution)
    dtype = np.float64 if tensor.dtype == np.float64 else np.float32
    return np.asarray(draw(tensor.shape, dtype=dtype))


# --- plain fills ----------------------------------------------------------------------------------------------------


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill with the uniform distribution on ``[a, b)``. Source: ``torch.nn.init.uniform_``.

    >>> import tensorgrad as tg
    >>> w = tg.nn.init.uniform_(tg.empty(100), -1, 1)
    >>> bool((w.abs() <= 1).all())
    True
    """
    values = _draw(tensor, "random", generator, "uniform_")
    values *= float(b) - float(a)
    values += float(a)
    return _fill(tensor, values)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Fill with the normal distribution; ValueError for a negative ``std``. Source: ``torch.nn.init.normal_``.

    >>> import tensorgrad as tg
    >>> tg.nn.init.normal_(tg.empty(2), mean=3, std=0)
    tensor([3., 3.])
    """
    if std < 0:
        raise op_error(ValueError, "normal_", f"std must not be negative, got {std}")
    values = _draw(tensor, "standard_normal", generator, "normal_")
    values *= float(std)
    values += float(mean)
    return _fill(tensor, values)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Fill with the normal distribution restricted to ``[a, b]``: what falls outside is drawn again.

    ``a`` and ``b`` are values, not multiples of ``std``. Raises ValueError when less than a thousandth of the
    distribution lies between them. Source: ``torch.nn.init.trunc_normal_``.

    >>> import tensorgrad as tg
    >>> w = tg.nn.init.trunc_normal_(tg.empty(100), std=0.02, a=-0.04, b=0.04)
    >>> bool((w.abs() <= 0.04).all())
    True
    """
    op = "trunc_normal_"
    below = [0.5 * math.erfc(-(bound - mean) / (std * math.sqrt(2))) for bound in (a, b)] if std > 0 else [0, 0]
    if below[1] - below[0] < 1e-3:
        raise op_error(ValueError, op, f"[{a}, {b}] holds next to nothing of the normal ({mean}, {std})")
    values = _draw(tensor, "standard_normal", generator, op).reshape(-1)
    again = np.arange(values.size)
    while True:
        values[again] = values[again] * float(std) + float(mean)
        again = again[(values[again] < a) | (values[again] > b)]
        if not again.size:
            return _fill(tensor, values.reshape(tensor.shape))
        values[again] = (generator or random.generator()).standard_normal(again.size, dtype=values.dtype.type)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value. Source: ``torch.nn.init.constant_``.

    >>> import tensorgrad as tg
    >>> tg.nn.init.constant_(tg.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones. Source: ``torch.nn.init.ones_``."""
    return _fill(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros. Source: ``torch.nn.init.zeros_``."""
    return _fill(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix; ValueError unless the tensor is 2-D. Source: ``torch.nn.init.eye_``.

    >>> import tensorgrad as tg
    >>> tg.nn.init.eye_(tg.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise op_error(ValueError, "eye_", f"expected a 2-d tensor, got shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


# --- scaled by the number of connections ------------------------------------------------------------------------------


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output sees, and how many outputs an input reaches, for a (out, in, *kernel) weight."""
    if tensor.ndim < 2:
        raise op_error(
            ValueError, "fan_in", f"a weight of shape {tensor.shape} has no fan: two or more dimensions needed"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what factor a layer must scale so that the nonlinearity keeps the variance.

    1 for linear, conv and sigmoid, 5/3 for tanh, ``sqrt(2)`` for relu, ``sqrt(2 / (1 + param^2))`` for leaky_relu
    (``param`` 0.01), 3/4 for selu; ValueError for others. Source: ``torch.nn.init.calculate_gain``.

    >>> calculate_gain("leaky_relu", 0)
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise op_error(ValueError, "calculate_gain", f"the negative slope must be a number, got {param!r}")
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity == "linear" or nonlinearity.startswith("conv"):
        return 1.0
    gains = {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        raise op_error(ValueError, "calculate_gain", f"unknown nonlinearity {nonlinearity!r}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform on ``[-a, a]`` with ``a = gain sqrt(6 / (fan_in + fan_out))``.

    Source: ``torch.nn.init.xavier_uniform_``; Glorot and Bengio 2010.

    >>> import tensorgrad as tg
    >>> w = tg.nn.init.xavier_uniform_(tg.empty(3, 3))
    >>> bool((w.abs() <= 1).all())
    True
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Normal with ``std = gain sqrt(2 / (fan_in + fan_out))``.

    Source: ``torch.nn.init.xavier_normal_``; Glorot and Bengio 2010.
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / max(1, sum(_calculate_fan_in_and_fan_out(tensor))))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Uniform on ``[-b, b]`` with ``b = gain sqrt(3 / fan)``; ``a`` is the negative slope that the gain is for.

    ``mode`` is "fan_in" or "fan_out", else ValueError. Source: ``torch.nn.init.kaiming_uniform_``; He et al. 2015.

    >>> import tensorgrad as tg
    >>> w = tg.nn.init.kaiming_uniform_(tg.empty(3, 6))
    >>> bool((w.abs() <= 1).all())
    True
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Normal with ``std = gain / sqrt(fan)``; arguments as :func:`kaiming_uniform_`.

    Source: ``torch.nn.init.kaiming_normal_``; He et al. 2015.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise op_error(ValueError, "kaiming", f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(1, fan))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: np.random.Generator | None = None) -> Tensor:
    """``gain`` times a random (semi-)orthogonal matrix: the first dimension by all others.

    Uniform over such matrices: Q of a normal matrix, with the signs of R's diagonal. ValueError below two dimensions.
    Source: ``torch.nn.init.orthogonal_``; Saxe et al. 2013.

    >>> import tensorgrad as tg
    >>> w = tg.nn.init.orthogonal_(tg.empty(3, 5))
    >>> bool(((w @ w.T - tg.eye(3)).abs() < 1e-5).all())
    True
    """
    if tensor.ndim < 2:
        raise op_error(ValueError, "orthogonal_", f"expected two or more dimensions, got shape {tensor.shape}")
    normal = _draw(tensor, "standard_normal", generator, "orthogonal_")
    if not normal.size:
        return tensor
    matrix = normal.reshape(tensor.shape[0], -1)
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    q, r = np.linalg.qr(tall)
    q *= np.copysign(np.ones((), q.dtype), np.diagonal(r)) * q.dtype.type(gain)
    return _fill(tensor, (q if tall is matrix else q.T).reshape(tensor.shape))


__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_",
    "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip
