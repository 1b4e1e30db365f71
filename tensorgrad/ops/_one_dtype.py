"""Input, weight and bias must have one dtype, and whoever mixes them is told how to convert."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.autograd.between import reads_shapes
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import raw

_FLOAT32 = np.dtype(np.float32)


@reads_shapes
def check_one_dtype(op: str, x: Any, w: Any, bias: Any) -> None:
    """TypeError unless input, weight and bias have the same dtype, one of real numbers."""
    dtype = raw(x).dtype
    if dtype is not _FLOAT32 and dtype.kind not in "biuf":
        raise op_error(TypeError, op, f"expected real numbers, {dtype} is not supported; use x.real or x.imag")
    if raw(w).dtype != dtype or (bias is not None and raw(bias).dtype != dtype):
        dtypes = [raw(p).dtype for p in (x, w, bias) if p is not None]
        odd_bias = f", bias {dtypes[2]}" if dtypes[1] != dtypes[-1] else ""
        advice = _conversion(dtypes[0], dtypes[1], isinstance(x, np.ndarray))
        raise op_error(TypeError, op, f"expected one dtype, input is {dtype}, weight {dtypes[1]}{odd_bias}: {advice}")


def _conversion(input: np.dtype[Any], weight: np.dtype[Any], is_array: bool) -> str:
    """How to bring the input to the weight's dtype, or the model to the input's."""
    if weight.kind != "f" or input == weight:
        name, dtype = ("weight", input) if input != weight else ("bias", weight)
        return f"convert with {name}.to(tg.{dtype})"
    to = {"float64": "double()", "float32": "float()", "float16": "half()"}
    x = f'x.astype("{weight}")' if is_array else f"x.{to.get(weight.name, 'to(weight.dtype)')}"
    if input.kind in "iu":
        return f"convert with {x}, pixels with {x} / 255"
    why = " (NumPy makes float64)" if input == np.float64 else ""
    model = f", or model.{to[input.name]}" if input in (np.float32, np.float64) else ""
    return f"convert with {x}{why}{model}"
