"""Sharing compiled loops between threads without the GIL: to hand work over takes a tenth of a microsecond.

    @shared
    @jit
    def double(at, x, y):                       # one task of several
        for i in range(*piece(at, x.size)):
            y[i] = 2 * x[i]

    double(tasks, x, y)                         # all of them, on all threads

The threads of the pool stay in `serve` and look at a number in memory. Who opens a region writes there which loop to
run on which arguments, and then works along; each thread takes a task until there is none. So nobody waits for a
thread that sleeps: the others do its share. Who opened the region takes tasks from the front, the others from the back:
what a core wrote in one region, it most often reads in the next, and finds in its own cache.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.extending import intrinsic

from tensorgrad.kernels.compiled.jit import jit
from tensorgrad.kernels.flag import Flag
from tensorgrad.kernels.threads import (
    ALONE,
    BACK,
    BUSY,
    COURTESY,
    ENTERED,
    ENTRY,
    INSIDE,
    LOOKING,
    PACKED,
    PATIENCE,
    POSTED,
    REGION,
    TASKS,
    THREADS,
    TICKET,
    team,
)

_WORD = ir.IntType(64)
_ORDER = "seq_cst"
_AT = types.UniTuple(types.int64, 3)

# ---- numbers that several threads look at --------------------------------------------------------------------------


def _at(builder: Any, box: Any, place: Any) -> Any:
    """Return the code for the address of a number of the memory that starts at ``box``."""
    return builder.gep(builder.inttoptr(box, _WORD.as_pointer()), [place])


def _look(_typing: Any, box: Any, place: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load_atomic(_at(builder, *args), _ORDER, 8)

    return types.int64(types.int64, types.int64), codegen


def _put(_typing: Any, box: Any, place: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _at(builder, *args[:2]), _ORDER, 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def _add(_typing: Any, box: Any, place: Any, value: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _at(builder, *args[:2]), args[2], _ORDER)

    return types.int64(types.int64, types.int64, types.int64), codegen


def _claim(_typing: Any, box: Any, place: Any) -> Any:
    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        free, mine = ir.Constant(_WORD, 0), ir.Constant(_WORD, 1)
        return builder.extract_value(builder.cmpxchg(_at(builder, *args), free, mine, _ORDER, _ORDER), 1)

    return types.boolean(types.int64, types.int64), codegen


look: Callable[..., Any] = intrinsic(_look)
"""``look(box, place)`` is a number of the memory that starts at address ``box``, as it is now."""
put: Callable[..., Any] = intrinsic(_put)
"""``put(box, place, value)`` writes it."""
add: Callable[..., Any] = intrinsic(_add)
"""``add(box, place, value)`` adds to it and returns what it was before; of two threads one comes first."""
claim: Callable[..., Any] = intrinsic(_claim)
"""``claim(box, place)`` makes a 0 a 1; returns whether this thread did."""


# ---- the thread that opens a region --------------------------------------------------------------------------------


def _entry_type(context: Any) -> Any:
    """Return the type of the function that does one task: ``entry(arguments, task, tasks, thread)``, all words."""
    return context.call_conv.get_function_type(types.none, (types.int64,) * 4)


def _packing(loop: Any) -> Callable[..., Any]:
    """Return the intrinsic that puts arguments of ``loop`` into memory, and a function that calls it with them."""

    def describe(typing: Any, args: Any) -> Any:
        call = typing.resolve_function_type(types.Dispatcher(loop), (_AT, *args.types), {})

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            memory = cgutils.alloca_once_value(builder, values[0])
            entry = ir.Function(builder.module, _entry_type(context), builder.module.get_unique_name("entry"))
            entry.linkage = "internal"
            inner = ir.IRBuilder(entry.append_basic_block())
            where, *words = context.call_conv.get_arguments(entry)
            at = context.make_tuple(inner, _AT, words)
            unpacked = cgutils.unpack_tuple(inner, inner.load(inner.inttoptr(where, memory.type)))
            context.get_function(types.Dispatcher(loop), call)(inner, [at, *unpacked])
            context.call_conv.return_value(inner, context.get_constant_null(types.none))
            found = [builder.ptrtoint(each, _WORD) for each in (entry, memory)]
            return context.make_tuple(builder, signature.return_type, found)

        return types.UniTuple(types.int64, 2)(args), codegen

    packing: Callable[..., Any] = intrinsic(describe)
    return packing


def _call(_typing: Any, entry: Any, packed: Any, task: Any, tasks: Any, thread: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        kind = _entry_type(context)
        result, error = (cgutils.alloca_once(builder, pointer.pointee) for pointer in kind.args[:2])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [result, error, *args[1:]])
        return context.get_dummy_value()

    return types.void(*(types.int64,) * 5), codegen


call: Callable[..., Any] = intrinsic(_call)
"""``call(entry, packed, task, tasks, thread)`` does one task of the region that wrote ``entry`` and ``packed``."""


def shared(loop: Any) -> Callable[..., None]:
    """Return ``run(tasks, *args)``: it calls the compiled ``loop(at, *args)`` for every task, on all threads.

    Tasks should take 10 to 20 us; if they take longer, ``worth=`` tells as how many they count.
    ``at`` is (task, tasks, thread); the thread is 0 for the one that calls, and below `get_num_threads`. Two tasks must
    not write the same place, unless it is the same number. The loop must not raise.
    """
    region = jit(_named_after(loop.py_func, _region, {"pack": _packing(loop)}))

    def run(tasks: int, *args: Any, worth: int = 0) -> None:
        region(ALONE if tasks < 2 else team(tasks, worth or tasks), tasks, *args)

    return run


def _region(team: Any, tasks: Any, *args: Any) -> None:
    entry, packed = pack(args)
    box = team[0]
    if tasks > 1 and team[1] > 1 and claim(box, BUSY):  # else another thread of the program uses the pool
        put(box, ENTRY, entry)
        put(box, PACKED, packed)
        put(box, TASKS, tasks)
        put(box, THREADS, team[1])
        put(box, ENTERED, 0)
        put(box, BACK, 0)
        put(box, TICKET, 0)
        add(box, REGION, 1)  # odd: open
        task = 0
        while add(box, TICKET, 1) < tasks:
            call(entry, packed, task, tasks, 0)  # by its address, so that the loop is compiled once
            task += 1
        add(box, REGION, 1)
        while look(box, INSIDE):
            pass
        put(box, BUSY, 0)
    else:
        for task in range(tasks):
            call(entry, packed, task, tasks, 0)


def pack(args: Any) -> Any:
    """Stand in `_region` for the intrinsic of the loop that a copy of it runs."""


def _named_after(model: Any, function: Any, names: dict[str, Any]) -> Any:
    """Return a copy of ``function`` that sees ``names`` and looks as if it stood where ``model`` stands.

    Numba keeps compiled code on disk by the place of its source; a closure it would compile in every process anew.
    """
    place = model.__code__
    code = function.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    copy = FunctionType(code, {**globals(), **names}, f"{model.__name__}_region")
    copy.__module__, copy.__qualname__ = model.__module__, f"{model.__qualname__}_region"
    return copy


# ---- the threads of the pool ---------------------------------------------------------------------------------------


def serve(box: int, posted: int, called: Flag) -> None:
    """Wait for a job, and help in the regions that open, for a while."""
    _serve(box, posted)


@jit
def _serve(box: Any, posted: Any) -> None:
    add(box, LOOKING, 1)
    looks, last = 0, 0
    while looks < PATIENCE and look(box, POSTED) == posted:
        looks += 1
        region = look(box, REGION)
        if region % 2 == 1 and region != last:
            last = region
            add(box, INSIDE, 1)  # from here on a region that is open now does not end
            if look(box, REGION) == region:
                looks = 0
                thread = 1 + add(box, ENTERED, 1)
                if thread < look(box, THREADS):
                    entry, packed, tasks = look(box, ENTRY), look(box, PACKED), look(box, TASKS)
                    while add(box, TICKET, 1) < tasks:
                        call(entry, packed, tasks - 1 - add(box, BACK, 1), tasks, thread)
            add(box, INSIDE, -1)
    add(box, LOOKING, -1)
    if looks < PATIENCE:
        for _ in range(COURTESY):
            look(box, POSTED)
