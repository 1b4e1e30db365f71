"""Vectors of float32 numbers in compiled loops: ``load``, ``store``, ``splat``, and ``+ - *`` between them.

LLVM turns a loop over numbers into vector instructions only if it can prove that loads and stores never overlap, which
in a loop over many rows it cannot. With these a loop says what is meant. ``LANES`` numbers fill one register.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core.extending import intrinsic, models, overload, register_model

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8

FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INDICES = ir.VectorType(ir.IntType(32), LANES)
ROUNDED_ONCE = ("contract",)  # a product that meets a sum may become one instruction (FMA)


class Vector(types.Type):
    """The type of LANES float32 numbers in a register."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, FLOATS)


def address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the code for the address of ``array[index]``, counted in numbers from the array's first one."""
    return builder.gep(context.make_array(kind)(context, builder, value=array).data, [index])


def vector_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the code for the address of a vector that starts at ``array[index]``."""
    return builder.bitcast(address(context, builder, kind, array, index), FLOATS.as_pointer())


def repeated(builder: Any, number: Any) -> Any:
    """Return the code for the vector that has one number in every place."""
    empty = ir.Constant(FLOATS, ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, empty, ir.Constant(_INDICES, [0] * LANES))


def _load(_typing: Any, array: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(vector_at(context, builder, signature.args[0], *args), align=4)

    return vector(array, types.intp), codegen


def _store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], vector_at(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


def _splat(_typing: Any, number: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return repeated(builder, args[0])

    return vector(types.float32), codegen


load: Callable[..., Any] = intrinsic(_load)
"""``load(array, i)`` is the vector that starts at number ``i`` of the memory behind a float32 array, unchecked."""
store: Callable[..., Any] = intrinsic(_store)
"""``store(array, i, vector)`` writes it there."""
splat: Callable[..., Any] = intrinsic(_splat)
"""``splat(x)`` is the vector that has the float32 number ``x`` in every place."""


def _define(symbol: Callable[..., Any], instruction: str) -> None:
    """Give vectors the operator ``symbol``."""

    def instruct(_typing: Any, a: Any, b: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args, flags=ROUNDED_ONCE)

        return vector(vector, vector), codegen

    between: Callable[..., Any] = intrinsic(instruct)

    @overload(symbol, strict=False)  # the inner function carries no type hints
    def choose(a: Any, b: Any) -> Any:
        if a is vector and b is vector:
            return lambda a, b: between(a, b)
        return None


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
