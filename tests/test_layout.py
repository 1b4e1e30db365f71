"""The rooms and the arrows between them: who may import whom (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "tensorgrad"

#: room -> the rooms that it may import at module level; a room may always import itself
ROOMS = {
    "kernels": set(),
    "state": set(),
    "pytree": set(),
    "random": set(),
    "files": set(),
    "errors": {"state"},
    "device": {"errors"},
    "cuda": set(),
    "backends": set(),
    "generator": {"device"},
    "legacy": {"creation", "tensor", "errors"},
    "autograd": {"kernels", "state", "errors"},
    "ops": {"autograd", "kernels", "state", "errors", "random"},
    "methods": {"device", "ops", "autograd", "errors", "random"},
    "interop": {"ops", "errors", "autograd"},
    "formatting": set(),
    "tensor": {"device", "methods", "interop", "formatting", "ops", "autograd", "errors", "state"},
    "creation": {"device", "tensor", "ops", "autograd", "errors", "random"},
    "linalg": {"ops", "autograd"},
    "func": {"creation", "tensor", "pytree", "ops", "autograd", "errors", "state", "random"},
    "testing": {"creation", "tensor", "autograd", "errors", "func", "ops"},
    "utils": {"state", "tensor", "autograd", "random", "errors", "pytree", "creation", "data"},
    "nn": {"device", "creation", "tensor", "ops", "autograd", "errors", "state", "random"},
    "optim": {"nn", "tensor", "autograd", "kernels", "errors"},
    "data": {"creation", "tensor", "random", "errors", "ops", "files"},
    "replay": {
        "nn",
        "optim",
        "methods",
        "creation",
        "tensor",
        "ops",
        "autograd",
        "kernels",
        "errors",
        "state",
        "random",
    }
    | {"pytree"},
    "serialization": {"tensor", "autograd", "errors", "files"},
    "viz": {"nn", "tensor", "autograd", "errors", "ops", "state", "creation", "data", "random"},
}
#: tools that stand beside the engine and use tensors; the engine itself never imports them
TOOLS = {"gradient_check", "function", "anomaly", "explain", "gradcheck", "saved_hooks", "graph", "functional"}


def room_of(name: str) -> str:
    """The room that a file or a folder of the package belongs to."""
    return next((room for room in ("methods", "interop") if name.startswith(room)), name.removesuffix(".py"))


def imports(path: Path) -> set[str]:
    """Rooms imported when the module itself is imported; imports for type checkers only do not count."""
    found = set()
    tree = ast.parse(path.read_text())
    for statement in tree.body:
        modules = []
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("tensorgrad"):
            base = statement.module.split(".")
            modules = [base] if len(base) > 1 else [["tensorgrad", alias.name] for alias in statement.names]
        elif isinstance(statement, ast.Import):
            modules = [a.name.split(".") for a in statement.names if a.name.startswith("tensorgrad.")]
        found |= {room_of(module[1]) for module in modules}
    return found


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_go_one_way(path):
    room = room_of(path.relative_to(PACKAGE).parts[0])
    allowed = ROOMS[room] | {room}
    if room == "autograd" and path.stem in TOOLS:
        allowed |= ROOMS["func"] | {"func", "nn"}
    assert imports(path) <= allowed, f"{room} may not import {imports(path) - allowed}"


def test_the_package_reads_a_tensors_array_from_its_slot():
    """``t.numpy(force=True)`` is a tensor, and ``t.numpy()`` lends the array out: inside, it is ``t._data``."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        if "kernels" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "data" and ast.unparse(node) != "array.data"
    ]
    assert not found


def test_there_is_no_circle_between_rooms():
    order = []
    while len(order) < len(ROOMS):
        ready = [room for room, below in ROOMS.items() if room not in order and below <= set(order)]
        assert ready, f"a circle among {sorted(set(ROOMS) - set(order))}"
        order += ready


def test_importing_the_package_loads_nothing_that_only_some_programs_need():
    import subprocess
    import sys

    heavy = ("graphviz", "matplotlib", "tqdm", "numba", "torch", "numpy.random", "safetensors", "threadpoolctl")
    rooms = ("data", "func", "linalg", "nn", "optim", "replay", "serialization", "testing", "utils", "viz")
    unwanted = (*heavy, *(f"tensorgrad.{room}" for room in rooms))
    code = f"""
import sys
import tensorgrad as tg
print([m for m in {unwanted} if m in sys.modules])
print([room for room in {rooms} if room not in dir(tg) or getattr(tg, room).__name__ != "tensorgrad." + room])
print(tg.summary is tg.viz.summary)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["[]", "[]", "True"]
