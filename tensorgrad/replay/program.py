"""Program: the steps of a plan as the Python source of one function, without branches and without tensors.

    v1 = linear(a0, w0, w1)
    v2 = relu(v1)
    v3 = sum(v2, **k0)

A name is written once, and let go after the last line that reads it, so that its memory is there for the next ones.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from typing import Any

from tensorgrad.replay.places import PROGRAM

_NAME = re.compile(r"\b[vwan]\d+\b(?!=)")  # `name=` is a keyword


class Program:
    """Lines that are added one by one, and what their names of functions and constants stand for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}  # of lines that call an operator: what to say if they fail
        self._constants: dict[int, str] = {}
        self._counts: dict[str, int] = {}

    def new(self, kind: str) -> str:
        """A name that is not in use: of a value ``v``, a captured array ``w``, an argument ``a``, a node ``n``."""
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        return f"{kind}{number}"

    def function(self, function: Callable[..., Any], name: str) -> str:
        """The name under which lines call ``function``."""
        word = re.sub(r"\W", "_", name).strip("_") or "function"
        while keyword.iskeyword(word) or self.names.setdefault(word, function) is not function:
            word += "_"
        return word

    def constant(self, value: Any) -> str:
        """How lines say ``value``: as it is written, or by a name."""
        if value is None or type(value) in (bool, int):
            return repr(value)
        known = self._constants.get(id(value))
        if known is None:
            known = self._constants[id(value)] = self.new("k")
            self.names[known] = value
        return known

    def add(self, line: str, note: Any = None) -> None:
        """Append a line, and what to say of it."""
        self.lines.append(line)
        if note is not None:
            self.notes[line] = note

    def source(self, arguments: list[str], result: str) -> str:
        """The function as source, each value let go after its last use."""
        written = [*self.lines, f"return {result}"]
        last: dict[str, int] = {}
        for number, line in enumerate(written):
            for name in _NAME.findall(line):
                last[name] = number
        body: list[str] = []
        for number, line in enumerate(written[:-1]):
            body.append(line)
            gone = sorted({name for name in _NAME.findall(line) if last[name] == number})
            if gone:
                body.append(f"del {', '.join(gone)}")
        body.append(written[-1])
        return "\n".join([f"def replay({', '.join(arguments)}):", *(f"    {line}" for line in body)])

    def compiled(self, source: str) -> Callable[..., Any]:
        """The function that such a source defines."""
        scope = dict(self.names)
        exec(compile(source, PROGRAM, "exec"), scope)
        replay: Callable[..., Any] = scope["replay"]
        return replay
