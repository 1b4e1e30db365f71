"""Layout is Graphviz's job: `dot`, or the executable `graphviz-pure`, which pip can install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

#: Seconds for one layout, and the most nodes that are sent to one: beyond it nobody can read the picture.
TIMEOUT = 60.0
MOST_NODES = 3000

WAYS_OUT = (
    "install Graphviz (https://graphviz.org/download) so that `dot` is on PATH; or `pip install graphviz-pure`, "
    "which brings a dot without system dependencies; or save as .dot, .json or .txt, which needs neither"
)


class RendererNotFound(RuntimeError):
    """Neither Graphviz's `dot` nor `graphviz-pure` is installed."""


def find_renderer(format: str = "svg") -> str:
    """Path of the program that lays graphs out: `dot` from PATH, else `graphviz-pure`.

    Raises RendererNotFound, which names the ways out, when there is none for ``format``.
    """
    dot = shutil.which("dot")
    if dot is not None:
        return dot
    pure = shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=os.pathsep.join(_script_folders()))
    if pure is None:
        raise RendererNotFound(f"a drawing in {format.upper()} needs Graphviz, and it was not found: {WAYS_OUT}")
    if format.lower() in ("pdf", "ps", "eps"):
        raise RendererNotFound(
            f"graphviz-pure writes SVG and PNG but not {format.upper()}: save as .svg or .png, "
            "or install Graphviz (https://graphviz.org/download) so that `dot` is on PATH"
        )
    return pure


def layout(
    source: str,
    format: str = "svg",
    *,
    engine: str = "dot",
    timeout: float = TIMEOUT,
    dpi: int | None = None,
) -> bytes:
    """The picture of DOT text, as bytes of an SVG, PNG or PDF file.

    Parameters: ``source``, DOT; ``format``; ``engine``, the layout program; ``timeout`` in seconds; ``dpi``, of PNG.
    Raises RendererNotFound without a program, RuntimeError when it fails or takes longer than ``timeout``.

    >>> layout("digraph { a -> b }")[:5]
    b'<?xml'
    """
    command = [find_renderer(format), f"-K{engine}", f"-T{format}"]
    if dpi is not None:
        command.append(f"-Gdpi={dpi}")
    try:
        done = subprocess.run(command, input=source.encode("utf-8"), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"graph: the layout took longer than {timeout:g} s and was stopped; draw less (depth=, "
            'detail="module"), allow more (timeout=), or save as .dot, .json or .txt'
        ) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip()[:500] or "nothing"
        raise RuntimeError(f"graph: {Path(command[0]).name} failed with status {done.returncode} and said: {said}")
    return done.stdout


def _script_folders() -> list[str]:
    """Where pip puts executables: the environment may not be activated, so that it is not on PATH."""
    user = sysconfig.get_preferred_scheme("user")
    return [
        os.path.dirname(os.path.abspath(sys.executable)),
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", user),
    ]
