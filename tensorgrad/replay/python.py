"""What Python does while a tape runs, seen through `sys.setprofile`: what code of the user mentions, and whom it calls.

It may call the package, its own functions, and built-in functions that look at nothing but their arguments. What it
mentions is watched (`guard`). Anything else, a clock, a file, an error that is caught, makes the tape void.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from tensorgrad import random
from tensorgrad.autograd import in_place, lent
from tensorgrad.autograd.backward import accumulate_grad, grad
from tensorgrad.autograd.function import Function
from tensorgrad.autograd.mistakes import fail
from tensorgrad.autograd.node import Node
from tensorgrad.errors import op_error
from tensorgrad.kernels import threads, winograd
from tensorgrad.kernels.twin import Twin
from tensorgrad.nn.module import Module
from tensorgrad.replay.guard import Guard
from tensorgrad.replay.kinds import is_pure
from tensorgrad.replay.places import NUMPY, PACKAGE, STANDARD, is_users_frame, users_line
from tensorgrad.tensor import Tensor

_DATA = os.path.join(PACKAGE, "data") + os.sep
_HARMLESS = tuple(
    os.path.join(STANDARD, name)
    for name in ("contextlib.py", "functools.py", "collections", "typing.py", "enum.py", "dataclasses.py", "abc.py")
)
_PURE_CLASSES = (str, int, float, tuple, list, dict, set, frozenset, bytes, bool, slice, range)
_APPLIED = frozenset(
    ["map", "filter", "reduce", "partial", "starmap", "accumulate", "defaultdict", "sorted", "min", "max", "sum"]
)
_IMPURE = frozenset(
    [
        "print",
        "open",
        "input",
        "id",
        "hash",
        "next",
        "eval",
        "exec",
        "compile",
        "globals",
        "locals",
        "vars",
        "__import__",
    ]
)


def _code(function: Any) -> CodeType:
    code: CodeType = getattr(function, "__func__", function).__code__
    return code


_REFUSED: dict[CodeType, str] = {
    _code(random.generator): "it draws random numbers",
    _code(random.manual_seed): "it seeds the generator",
    _code(Tensor.grad.fget): "it looks at .grad",  # type: ignore[attr-defined]
    _code(Tensor.grad.fset): "it sets .grad",  # type: ignore[attr-defined]
    _code(Tensor.register_hook): "it registers a hook",
    _code(Tensor.retain_grad): "it keeps the gradient of a computed tensor",
    _code(Tensor.detach_): "it detaches a tensor in place",
    _code(Node._register): "it registers a hook",
    _code(lent.lend): "it hands an array to NumPy, or takes one",
    _code(op_error): "it meets an error",
    _code(fail): "it meets an error",
    _code(grad): "it asks for gradients (autograd.grad)",
    _code(Function.apply): "it applies a Function, whose Python runs on the way back",
    _code(threads.set_num_threads): "it sets the number of threads",
    _code(winograd.set_float32_conv_precision): "it sets a precision",
}
_REFUSED_TO_USERS: dict[CodeType, str] = {
    _code(threads.get_num_threads): "it asks for the number of threads",
    _code(winograd.get_float32_conv_precision): "it asks for a precision",
}
for _manager in (contextlib.suppress, contextlib.ExitStack, contextlib.redirect_stdout, contextlib.closing):
    for _method in vars(_manager).values():
        if isinstance(_method, FunctionType):
            _REFUSED_TO_USERS[_method.__code__] = "it uses a context that may catch errors"
_KERNEL = _code(Twin.__call__)
_WRITE = _code(in_place.write)
_ACCUMULATE = _code(accumulate_grad)
_REQUIRES_GRAD = _code(Tensor.requires_grad.fset)  # type: ignore[attr-defined]
_TRAIN = _code(Module.train)


class Facts(NamedTuple):
    """What the bytecode of a function says: globals and other names that it mentions, and why it cannot be noted."""

    names: tuple[str, ...]
    attributes: frozenset[str]
    problem: str | None


@functools.lru_cache(maxsize=4096)
def facts_of(code: CodeType) -> Facts:
    """See :class:`Facts`."""
    names, handlers, problem, dynamic = set(), 0, None, False
    before = None
    for step in dis.get_instructions(code):
        if step.opname == "IS_OP" and (before is None or before.opname != "LOAD_CONST"):
            problem = "it asks whether two things are the same (is)"
        before = step
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(step.argval)
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            problem = f"it sets the global name {step.argval}"
        elif step.opname == "IMPORT_NAME":
            problem = "it imports a module"
        elif step.opname == "BUILD_SET" and step.argval:
            problem = "it makes a set"
        dynamic = dynamic or step.opname == "MATCH_CLASS"
        handlers += (step.opname == "PUSH_EXC_INFO") - (step.opname == "WITH_EXCEPT_START")
    if handlers > 0:
        problem = f"{code.co_name} has a try statement, whose ways cannot be followed"
    if names & _APPLIED and names & _IMPURE:
        problem = f"it mentions {min(names & _IMPURE)} beside {min(names & _APPLIED)}"
    mentioned = {*code.co_names, *code.co_freevars, *_strings(code.co_consts), *(["getattr"] if dynamic else [])}
    return Facts(tuple(sorted(names)), frozenset(mentioned), problem)


def _strings(constants: Any) -> set[str]:
    """The strings in constants, and in tuples of them: names that patterns and `getattr` go by."""
    found = {constant for constant in constants if type(constant) is str}
    return found.union(*(_strings(part) for part in constants if type(part) is tuple))


class Observer:
    """Looks at every call of a thread, while a tape runs on it."""

    def __init__(self, tape: Any, guard: Guard) -> None:
        self.tape, self.guard = tape, guard
        #: The kernel at work: it runs nothing of the user, but may load parts of Numba by any import hook there is.
        self._kernel: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """What `sys.setprofile` calls."""
        tape = self.tape
        if self._kernel is not None:
            if event == "return" and frame is self._kernel:
                self._kernel = None
        elif tape.reason is not None or tape.is_paused:
            return
        elif event == "call" and frame.f_code is _KERNEL:
            self._kernel = frame
        elif event == "call":
            try:
                self._python(frame)
            except RecursionError:
                tape.void("what it can reach is nested too deeply")
        elif event == "c_call" and is_users_frame(frame):
            self._builtin(argument)

    def _python(self, frame: FrameType) -> None:
        code = frame.f_code
        if code in _REFUSED:
            self._void(_REFUSED[code])
        elif code is _WRITE:
            if frame.f_back is None or frame.f_back.f_code is not _ACCUMULATE:
                self._void("it writes into a tensor in place")
        elif code is _REQUIRES_GRAD:
            if frame.f_locals["self"]._requires_grad is not bool(frame.f_locals["value"]):
                self._void("it sets requires_grad")
        elif code is _TRAIN:
            wanted = frame.f_locals["mode"]
            if any(vars(module)["training"] is not wanted for module in frame.f_locals["self"].modules()):
                self._void("it switches between training and evaluation")
        elif code.co_filename.startswith(_DATA):
            self._void("it reads a data set")
        elif is_users_frame(frame):
            self._users(frame)
        elif frame.f_back is not None and is_users_frame(frame.f_back):
            if code in _REFUSED_TO_USERS:
                self._void(_REFUSED_TO_USERS[code])
            elif not _is_harmless(code):
                self._void(f"it calls {frame.f_globals.get('__name__')}.{code.co_name}")

    def _users(self, frame: FrameType) -> None:
        code, scope, guard = frame.f_code, frame.f_globals, self.guard
        facts = facts_of(code)
        if facts.problem is not None:
            self._void(facts.problem)
        if code.co_name in ("__enter__", "__exit__"):
            self._void("it uses a context of its own, which may catch errors")
        if code.co_flags & inspect.CO_GENERATOR and code.co_name != "<genexpr>":
            self._void(f"{code.co_name} is a generator")
        guard.mention(facts.attributes)
        for name in facts.names:
            guard.watch_name(scope, name, facts.attributes)
        for name in code.co_freevars:
            guard.watch_free(frame.f_locals.get(name), name)
        arguments = list(frame.f_locals.values())
        if code.co_name == "__init__" and arguments:
            guard.ignore(arguments.pop(0))  # it is made here, whatever it becomes
        for value in arguments:
            guard.watch_argument(value)
        if guard.problem is not None:
            self._void(guard.problem)

    def _builtin(self, function: Any) -> None:
        owner = getattr(function, "__self__", None)
        of_value = isinstance(owner, _PURE_CLASSES) or getattr(function, "__objclass__", None) in _PURE_CLASSES
        if not of_value and not is_pure(function):
            module = getattr(function, "__module__", None)
            prefix = f"{module}." if module and module != "builtins" else ""
            self._void(f"it calls {prefix}{function.__name__}")

    def _void(self, reason: str) -> None:
        if self.tape.reason is None:
            self.tape.void(f"{reason}, at {users_line()}")


def _is_harmless(code: CodeType) -> bool:
    name = code.co_filename
    asks_whose = name.startswith(NUMPY) and code.co_name.endswith("_dispatcher")  # `np.round(x)`, which is ours then
    return asks_whose or name.startswith((PACKAGE, *_HARMLESS, "<string>", "<frozen importlib", "<frozen abc"))


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Let the observer see every call of this thread."""
    sys.setprofile(observer)
    try:
        yield
    finally:
        if sys.getprofile() is observer:
            sys.setprofile(None)
