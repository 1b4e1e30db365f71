"""Tiles of sums that stay in registers: for each of some rows, one or more vectors of columns.

A tile is a tuple of vectors, row after row. How many rows it has says the length of a tuple of row numbers, how many
vectors a row has that of a tuple of column numbers; both are known when a loop is compiled, so that it comes without
inner loops, and one kernel serves tiles of every form. Rows lie anywhere in memory, ``places`` says where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.simd import (
    LANES,
    ROUNDED_ONCE,
    Vector,
    address,
    masked,
    repeated,
    sums_of_lanes,
    vector_at,
)


def _part(builder: Any, values: Any) -> list[Any]:
    """Return the code for each entry of a tuple."""
    return [builder.extract_value(values, i) for i in range(values.type.count)]


def _beyond(builder: Any, index: Any, number: int) -> Any:
    return builder.add(index, ir.Constant(index.type, number))


def _multiply_add(builder: Any, a: Any, b: Any, total: Any) -> Any:
    return builder.fadd(builder.fmul(a, b, flags=ROUNDED_ONCE), total, flags=ROUNDED_ONCE)


# ---- places ------------------------------------------------------------------------------------------------


def _rows_from(builder: Any, first: Any, last: Any, count: int) -> list[Any]:
    """Return the code for the numbers of so many rows: first, first + 1 ... but never beyond the last one."""
    numbers = [_beyond(builder, first, i) for i in range(count)]
    return [builder.select(builder.icmp_signed("<", number, last), number, last) for number in numbers]


def _places(_typing: Any, table: Any, first: Any, last: Any, rows: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, first, last, _ = args
        numbers = _rows_from(builder, first, last, len(rows))
        found = [builder.load(address(context, builder, signature.args[0], table, number)) for number in numbers]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.intp, len(rows))(table, types.intp, types.intp, rows), codegen


def _spaced(_typing: Any, step: Any, first: Any, last: Any, rows: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        step, first, last, _ = args
        found = [builder.mul(index, step) for index in _rows_from(builder, first, last, len(rows))]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.intp, len(rows))(types.intp, types.intp, types.intp, rows), codegen


def _entry(_typing: Any, table: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(address(context, builder, signature.args[0], *args))

    return table.dtype(table, types.intp), codegen


def _in_runs(_typing: Any, rows: Any, run: Any, step: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, _, step = args
        found = [
            builder.add(place, builder.mul(step, ir.Constant(step.type, j)))
            for place in _part(builder, rows)
            for j in range(len(run))
        ]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(types.intp, len(rows) * len(run))(rows, run, types.intp), codegen


entry: Callable[..., Any] = intrinsic(_entry)
"""``entry(table, i)`` is number ``i`` of a table, which is not negative; to look at that takes longer than to read."""
in_runs: Callable[..., Any] = intrinsic(_in_runs)
"""``in_runs(places, run, step)`` are the places of all rows where each of ``places`` is that of a run, a step apart."""
places: Callable[..., Any] = intrinsic(_places)
"""``places(table, first, last, rows)`` are the entries ``first``, ``first + 1`` ... of a table, one a row; instead of
those beyond ``last`` that one again: a tile that is too long does its last row twice, with the same result."""
spaced: Callable[..., Any] = intrinsic(_spaced)
"""``spaced(step, first, last, rows)`` are the places in a table of multiples of ``step``."""


# ---- rows and tiles ----------------------------------------------------------------------------------------


def _load_row(_typing: Any, array: Any, index: Any, count: Any, columns: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array, index, count, _ = args
        row = []
        for j in range(len(columns)):
            rest = None if whole else _beyond(builder, count, -j * LANES)
            row.append(_load(context, builder, signature.args[0], array, _beyond(builder, index, j * LANES), rest))
        return context.make_tuple(builder, signature.return_type, row)

    whole = isinstance(count, types.NoneType)
    row = types.UniTuple(Vector(array.dtype), len(columns))
    return row(array, types.intp, count, columns), codegen


def _tile(_typing: Any, row: Any, rows: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_tuple(builder, signature.return_type, _part(builder, args[0]) * len(rows))

    return types.UniTuple(row.dtype, len(row) * len(rows))(row, rows), codegen


def _add_tile(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, count = args
        vectors = tile.type.count // rows.type.count
        sums = []
        for i, value in enumerate(_part(builder, tile)):
            row, j = divmod(i, vectors)
            index = _beyond(builder, builder.add(builder.extract_value(rows, row), shift), j * LANES)
            at = vector_at(context, builder, signature.args[1], array, index)
            there = masked(builder, "load", at, _beyond(builder, count, -j * LANES))
            sums.append(builder.fadd(value, there))
        return context.make_tuple(builder, signature.return_type, sums)

    return tile(tile, array, rows, types.intp, types.intp), codegen


def _store_tile(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, count = args
        vectors = tile.type.count // rows.type.count

        def store(put: Callable[..., Any]) -> None:
            for i, value in enumerate(_part(builder, tile)):
                row, j = divmod(i, vectors)
                index = _beyond(builder, builder.add(builder.extract_value(rows, row), shift), j * LANES)
                put(vector_at(context, builder, signature.args[1], array, index), value, j * LANES)

        whole = builder.icmp_signed(">=", count, ir.Constant(count.type, vectors * LANES))
        with builder.if_else(whole) as (if_whole, if_part):
            with if_whole:  # a store through a mask can take ten times as long
                store(lambda at, value, _: builder.store(value, at, align=array_size))
            with if_part:
                store(lambda at, value, before: masked(builder, "store", at, _beyond(builder, count, -before), value))
        return context.get_dummy_value()

    array_size = array.dtype.bitwidth // 8
    return types.void(tile, array, rows, types.intp, types.intp), codegen


def _load_each(_typing: Any, array: Any, rows: Any, shift: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array, rows, shift, count = args
        vectors = [
            _load(context, builder, signature.args[0], array, builder.add(place, shift), count)
            for place in _part(builder, rows)
        ]
        return context.make_tuple(builder, signature.return_type, vectors)

    return types.UniTuple(Vector(array.dtype), len(rows))(array, rows, types.intp, count), codegen


def _load(context: Any, builder: Any, kind: Any, array: Any, index: Any, count: Any) -> Any:
    """Return the code for the vector at a place, of which ``count`` numbers are read (None: all)."""
    at = vector_at(context, builder, kind, array, index)
    if count is not None and isinstance(count.type, ir.IntType):
        return masked(builder, "load", at, count)
    return builder.load(at, align=kind.dtype.bitwidth // 8)


def _store_totals(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, columns: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, columns = args
        totals = iter(sums_of_lanes(builder, _part(builder, tile)))
        for row in _part(builder, rows):
            for column in _part(builder, columns):
                index = builder.add(builder.add(row, shift), column)
                builder.store(next(totals), address(context, builder, signature.args[1], array, index))
        return context.get_dummy_value()

    return types.void(tile, array, rows, types.intp, columns), codegen


load_row: Callable[..., Any] = intrinsic(_load_row)
"""``load_row(array, i, count, columns)`` are the vectors from number ``i`` on, of which ``count`` are read (None: all);
then 0."""
load_each: Callable[..., Any] = intrinsic(_load_each)
"""``load_each(array, places, shift, count)`` is a row too: the vectors at each place + shift (``count`` None: all)."""
tile: Callable[..., Any] = intrinsic(_tile)
"""``tile(row, rows)`` is the tile in which every row is that one."""
add_tile: Callable[..., Any] = intrinsic(_add_tile)
"""``add_tile(tile, array, places, shift, count)`` adds ``count`` numbers at each place + shift of an array."""
store_tile: Callable[..., Any] = intrinsic(_store_tile)
"""``store_tile(tile, array, places, shift, count)`` writes the first ``count`` numbers of the rows there."""
store_totals: Callable[..., Any] = intrinsic(_store_totals)
"""``store_totals(tile, array, places, shift, columns)`` writes the sum of each vector at place + shift + column; the
tile is one of `inner_form`."""


# ---- steps of a sum ----------------------------------------------------------------------------------------


def _plus_products(builder: Any, sums: list[Any], factors: list[Any], row: list[Any]) -> list[Any]:
    """Return the code for the sums of a tile plus the products of each row's factor with each vector of ``row``."""
    products = [(factor, column) for factor in factors for column in row]
    return [_multiply_add(builder, *each, total) for each, total in zip(products, sums, strict=True)]


def _add_outer(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, row: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, row = args
        there = [builder.add(place, shift) for place in _part(builder, rows)]
        numbers = [builder.load(address(context, builder, signature.args[1], array, place)) for place in there]
        factors = [repeated(builder, number) for number in numbers]
        sums = _plus_products(builder, _part(builder, tile), factors, _part(builder, row))
        return context.make_tuple(builder, signature.return_type, sums)

    return tile(tile, array, rows, types.intp, row), codegen


def _neighbours(context: Any, builder: Any, kind: Any, array: Any, rows: Any, shift: Any, run: Any) -> list[list[Any]]:
    """Return the code for so many numbers from each place + shift on, as vectors that repeat them.

    The places do not change in the loops that call for them, so each stays in a register, and the next numbers are
    found from it without another one.
    """
    found = []
    for place in _part(builder, rows):
        first = builder.gep(address(context, builder, kind, array, place), [shift])
        each = [builder.gep(first, [ir.Constant(shift.type, j)]) for j in range(len(run))]
        found.append([repeated(builder, builder.load(at)) for at in each])
    return found


def _add_outer_runs(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, run: Any, row: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, _, row = args
        neighbours = _neighbours(context, builder, signature.args[1], array, rows, shift, run)
        factors = [factor for each in neighbours for factor in each]
        sums = _plus_products(builder, _part(builder, tile), factors, _part(builder, row))
        return context.make_tuple(builder, signature.return_type, sums)

    return tile(tile, array, rows, types.intp, run, row), codegen


def _add_products(
    _typing: Any, tile: Any, array: Any, rows: Any, shift: Any, run: Any, weights: Any, first: Any, columns: Any
) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, _, weights, first, _ = args
        sums, count = _part(builder, tile), len(columns)
        neighbours = _neighbours(context, builder, signature.args[1], array, rows, shift, run)
        for j in range(len(run)):
            begin = _beyond(builder, first, j * count * LANES)
            row = [
                _load(context, builder, signature.args[5], weights, _beyond(builder, begin, c * LANES), None)
                for c in range(count)
            ]
            sums = _plus_products(builder, sums, [factors[j] for factors in neighbours], row)
        return context.make_tuple(builder, signature.return_type, sums)

    return tile(tile, array, rows, types.intp, run, weights, types.intp, columns), codegen


def _add_inner(_typing: Any, tile: Any, array: Any, rows: Any, shift: Any, row: Any, count: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, array, rows, shift, row, count = args
        sums, factors, result = _part(builder, tile), _part(builder, row), []
        for place in _part(builder, rows):
            there = _load(context, builder, signature.args[1], array, builder.add(place, shift), count)
            result += [_multiply_add(builder, there, factor, sums.pop(0)) for factor in factors]
        return context.make_tuple(builder, signature.return_type, result)

    return tile(tile, array, rows, types.intp, row, count), codegen


def inner_form(columns: int, itemsize: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows and the columns of a tile for `add_inner` that has no column to spare, or as few as can be.

    Together they are at most LANES, a power of two: half the registers for sums, as many as `store_totals` takes.
    """
    width = min((4, 2, 1), key=lambda width: -(-columns // width) * width)
    return tuple(range(min(8, LANES * 4 // (itemsize * width)))), tuple(range(width))


add_outer: Callable[..., Any] = intrinsic(_add_outer)
"""``add_outer(tile, array, places, shift, row)`` adds number place + shift of the array times ``row`` to each row."""
add_outer_runs: Callable[..., Any] = intrinsic(_add_outer_runs)
"""``add_outer_runs(tile, array, places, shift, run, row)``: each place is that of so many rows, and of as many numbers
beside each other. A tile of many rows needs few places then, and these stay in registers too."""
add_products: Callable[..., Any] = intrinsic(_add_products)
"""``add_products(tile, array, places, shift, run, weights, i, columns)`` adds, for so many numbers from place + shift
on, each times its own row of ``weights``; the rows lie one after the other from number ``i`` on."""
add_inner: Callable[..., Any] = intrinsic(_add_inner)
"""``add_inner(tile, array, places, shift, row, count)`` adds the vector at place + shift of the array, its first
``count`` numbers (None: all), times each vector of ``row`` to each row."""
