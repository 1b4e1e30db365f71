"""Vectors of numbers in compiled loops: ``load``, ``store``, ``splat``, and ``+ - *`` between them.

LLVM turns a loop over numbers into vector instructions only if it can prove that loads and stores never overlap, which
in a loop over many rows it cannot; and sums that a loop keeps in an array it leaves in memory. With these a loop says
what is meant. ``LANES`` float32 numbers fill one register; as many float64 numbers fill two.
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
_INDEX = ir.IntType(32)
ROUNDED_ONCE = ("contract",)  # a product that meets a sum may become one instruction (FMA)


class Vector(types.Type):
    """The type of LANES numbers of one dtype in registers."""

    def __init__(self, number: types.Float) -> None:
        self.number = number
        super().__init__(name=f"{number}x{LANES}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.number).get_data_type(), LANES))


# ---- pieces of code ------------------------------------------------------------------------------------------


def address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the code for the address of ``array[index]``, counted in numbers from the array's first one."""
    return builder.gep(context.make_array(kind)(context, builder, value=array).data, [index])


def vector_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the code for the address of a vector that starts at ``array[index]``."""
    first = address(context, builder, kind, array, index)
    return builder.bitcast(first, ir.VectorType(first.type.pointee, LANES).as_pointer())


def repeated(builder: Any, number: Any) -> Any:
    """Return the code for the vector that has one number in every place."""
    empty = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def masked(builder: Any, what: str, at: Any, count: Any, *value: Any) -> Any:
    """Return the code that loads, or stores, the first ``count`` numbers of a vector at an address."""
    places = ir.Constant(ir.VectorType(count.type, LANES), list(range(LANES)))
    mask = builder.icmp_signed("<", places, repeated(builder, count))
    kind = at.type.pointee
    bits = 32 if isinstance(kind.element, ir.FloatType) else 64
    args = [*value, at, ir.Constant(_INDEX, bits // 8), mask]
    name = f"llvm.masked.{what}.v{LANES}f{bits}.p0"
    if what == "load":
        return call(builder, name, kind, [*args, ir.Constant(kind, None)])
    return call(builder, name, ir.VoidType(), args)


def call(builder: Any, name: str, result: Any, args: Any, fastmath: Any = ()) -> Any:
    """Return the code for a call of the function that LLVM knows by this name."""
    known = builder.module.globals.get(name)
    function = known or ir.Function(builder.module, ir.FunctionType(result, [a.type for a in args]), name)
    return builder.call(function, args, fastmath=fastmath)


def sums_of_lanes(builder: Any, vectors: Any) -> list[Any]:
    """Return the code for the sum of each vector's numbers; the vectors are at most LANES, and a power of two.

    Neighbours are added, of two vectors into one: each step halves the numbers of a sum, so that all sums together
    take hardly more steps than one by itself.
    """
    numbers, step = len(vectors), 1
    while step < LANES:
        pairs = zip(vectors[::2], vectors[1::2], strict=True) if len(vectors) > 1 else [(vectors[0], vectors[0])]
        vectors = [_neighbours_added(builder, *pair) for pair in pairs]
        step *= 2
    return [builder.extract_element(vectors[0], ir.Constant(_INDEX, i)) for i in range(numbers)]


def _neighbours_added(builder: Any, a: Any, b: Any) -> Any:
    """Return the code for (a0 + a1, a2 + a3, ..., b0 + b1, ...)."""
    kind = ir.VectorType(_INDEX, LANES)
    even, odd = (ir.Constant(kind, list(range(first, 2 * LANES, 2))) for first in (0, 1))
    return builder.fadd(builder.shuffle_vector(a, b, even), builder.shuffle_vector(a, b, odd))


def _size(kind: Any) -> int:
    """Return the bytes of a number: all that is known of where a vector starts in memory."""
    return int(kind.bitwidth // 8)


# ---- memory --------------------------------------------------------------------------------------------------


def _load(_typing: Any, array: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(vector_at(context, builder, signature.args[0], *args), align=_size(array.dtype))

    return Vector(array.dtype)(array, types.intp), codegen


def _store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], vector_at(context, builder, signature.args[0], *args[:2]), align=_size(array.dtype))
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


def _load_part(_typing: Any, array: Any, index: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return masked(builder, "load", vector_at(context, builder, signature.args[0], *args[:2]), args[2])

    return Vector(array.dtype)(array, types.intp, types.intp), codegen


load: Callable[..., Any] = intrinsic(_load)
"""``load(array, i)`` is the vector that starts at number ``i`` of the memory behind an array, unchecked."""
store: Callable[..., Any] = intrinsic(_store)
"""``store(array, i, vector)`` writes it there."""
load_part: Callable[..., Any] = intrinsic(_load_part)
"""``load_part(array, i, count)`` reads the first ``count`` numbers of it only; the others are 0."""


# ---- loops of numbers ----------------------------------------------------------------------------------------


def _whole_registers(_typing: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        set.add(builder.function.attributes, f'"prefer-vector-width"="{32 * LANES}"')  # llvmlite knows no values
        return context.get_dummy_value()

    return types.void(), codegen


whole_registers: Callable[..., Any] = intrinsic(_whole_registers)
"""``whole_registers()`` lets the loops of a function fill LANES places: of AVX-512's, LLVM by itself takes half.

That pays where much is done with a number, and loops are long."""


# ---- arithmetic ----------------------------------------------------------------------------------------------


def _splat(_typing: Any, number: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return repeated(builder, args[0])

    return Vector(number)(number), codegen


splat: Callable[..., Any] = intrinsic(_splat)
"""``splat(x)`` is the vector that has the number ``x`` in every place."""


def _define(instruction: str, *symbols: Callable[..., Any]) -> None:
    """Give vectors an operator."""

    def instruct(_typing: Any, a: Any, b: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args, flags=ROUNDED_ONCE)

        return a(a, b), codegen

    between: Callable[..., Any] = intrinsic(instruct)

    def choose(a: Any, b: Any) -> Any:
        if isinstance(a, Vector) and a == b:
            return lambda a, b: between(a, b)
        return None

    for symbol in symbols:
        overload(symbol, strict=False)(choose)  # the inner function carries no type hints


_define("fadd", operator.add, operator.iadd)
_define("fsub", operator.sub)
_define("fmul", operator.mul)


# ---- the larger one ------------------------------------------------------------------------------------------


def _larger_of(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _larger(_typing: Any, a: Any, b: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return _larger_of(builder, *args)

    return a(a, b), codegen


def _largest_of_lanes(_typing: Any, a: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        vector, distance = args[0], LANES // 2
        while distance:
            places = ir.Constant(ir.VectorType(_INDEX, LANES), [i ^ distance for i in range(LANES)])
            vector = _larger_of(builder, vector, builder.shuffle_vector(vector, vector, places))
            distance //= 2
        return builder.extract_element(vector, ir.Constant(_INDEX, 0))

    return a.number(a), codegen


larger: Callable[..., Any] = intrinsic(_larger)
"""``larger(a, b)`` has the larger number in every place, and that of ``b`` where one is a NaN."""
largest_of_lanes: Callable[..., Any] = intrinsic(_largest_of_lanes)
"""``largest_of_lanes(a)`` is the largest number of a vector, if none is a NaN."""
