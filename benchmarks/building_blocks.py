"""What custom models are made of: activations, rows that are normalised, losses, joins, each there and back.

    python benchmarks/building_blocks.py
    python benchmarks/building_blocks.py --filter gelu softmax
    python benchmarks/building_blocks.py --small

Each row is one function of arrays with 262,144 float32 numbers, (256, 1024) where nothing else is said, and the
gradients of its inputs; with ``--small`` they have a 64th of their rows, and Python takes most of the time. A ratio is
PyTorch over ours, so above 1 ours is faster.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from alternate import OURS, TORCH, Comparison, Step, Unsupported, compare_by_name, run
from libraries import Library, load

ROWS, COLUMNS = 256, 1024
IMAGE = 16, 16, 32, 32
HEADS = 64, 4, 32, 32  # batch, heads, steps, features

Inputs = tuple[Callable[..., Any], list[Any]]
Block = Callable[[Library, int], Inputs]  # the function and its inputs, of which the first dimensions are divided


def of(function: Callable[..., Any], *shapes: tuple[int, ...], weights: tuple[tuple[int, ...], ...] = ()) -> Block:
    """``function(lib, *tensors)`` of tensors of these shapes, one (ROWS, COLUMNS) if none is given, and of weights."""

    def block(lib: Library, share: int) -> Inputs:
        parts = [(max(1, rows // share), *rest) for rows, *rest in shapes or ((ROWS, COLUMNS),)]
        inputs = [lib.tg.randn(*shape).requires_grad_() for shape in (*parts, *weights)]
        return lambda *tensors: function(lib, *tensors), inputs

    return block


def of_positive(name: str) -> Block:
    """A function of ``tg`` that is defined above 0."""

    def block(lib: Library, share: int) -> Inputs:
        return getattr(lib.tg, name), [(lib.tg.rand(ROWS // share, COLUMNS) + 0.5).requires_grad_()]

    return block


def with_target(function: Callable[..., Any]) -> Block:
    """``function(lib, x, target)`` with a target between 0 and 1 that wants no gradient."""

    def block(lib: Library, share: int) -> Inputs:
        target = lib.tg.rand(ROWS // share, COLUMNS)
        return lambda x: function(lib, x, target), [lib.tg.randn(ROWS // share, COLUMNS).requires_grad_()]

    return block


def with_indices(function: Callable[..., Any], *columns: int) -> Block:
    """``function(lib, x, indices)`` with random indices of rows, as many as there are rows, or so many for each."""

    def block(lib: Library, share: int) -> Inputs:
        rows = ROWS // share
        indices = lib.tg.randint(rows, (rows, *columns))
        return lambda x: function(lib, x, indices), [lib.tg.randn(rows, COLUMNS).requires_grad_()]

    return block


BOTH = (ROWS, COLUMNS), (ROWS, COLUMNS)
BLOCKS: dict[str, Block] = {
    "leaky_relu": of(lambda lib, x: lib.F.leaky_relu(x)),
    "elu": of(lambda lib, x: lib.F.elu(x)),
    "gelu": of(lambda lib, x: lib.F.gelu(x)),
    "gelu, tanh": of(lambda lib, x: lib.F.gelu(x, approximate="tanh")),
    "silu": of(lambda lib, x: lib.F.silu(x)),
    "mish": of(lambda lib, x: lib.F.mish(x)),
    "hardswish": of(lambda lib, x: lib.F.hardswish(x)),
    "softplus": of(lambda lib, x: lib.F.softplus(x)),
    "sigmoid": of(lambda lib, x: x.sigmoid()),
    "tanh": of(lambda lib, x: x.tanh()),
    "erf": of(lambda lib, x: x.erf()),
    "exp": of(lambda lib, x: x.exp()),
    "log": of_positive("log"),
    "sqrt": of_positive("sqrt"),
    "sin": of(lambda lib, x: x.sin()),
    "abs": of(lambda lib, x: x.abs()),
    "x ** 2": of(lambda lib, x: x**2),
    "x ** 3": of(lambda lib, x: x**3),
    "clamp": of(lambda lib, x: x.clamp(-1, 1)),
    "a + b": of(lambda lib, a, b: a + b, *BOTH),
    "a * b": of(lambda lib, a, b: a * b, *BOTH),
    "a / b": of(lambda lib, a, b: a / b, *BOTH),
    "maximum": of(lambda lib, a, b: lib.tg.maximum(a, b), *BOTH),
    "where(a > 0, a, b)": of(lambda lib, a, b: lib.tg.where(a > 0, a, b), *BOTH),
    "a + row": of(lambda lib, a, b: a + b, (ROWS, COLUMNS), weights=((COLUMNS,),)),
    "a * column": of(lambda lib, a, b: a * b, (ROWS, COLUMNS), (ROWS, 1)),
    "2 * x + 1": of(lambda lib, x: 2 * x + 1),
    "softmax": of(lambda lib, x: x.softmax(-1)),
    "softmax over 64": of(lambda lib, x: x.softmax(-1), (4096, 64)),
    "softmax over rows": of(lambda lib, x: x.softmax(0)),
    "log_softmax": of(lambda lib, x: x.log_softmax(-1)),
    "logsumexp": of(lambda lib, x: x.logsumexp(-1)),
    "layer_norm": of(lambda lib, x, w, b: lib.F.layer_norm(x, (COLUMNS,), w, b), weights=((COLUMNS,),) * 2),
    "layer_norm over 64": of(lambda lib, x, w, b: lib.F.layer_norm(x, (64,), w, b), (4096, 64), weights=((64,),) * 2),
    "group_norm": of(lambda lib, x, w, b: lib.F.group_norm(x, 4, w, b), IMAGE, weights=((16,),) * 2),
    "sum over rows": of(lambda lib, x: x.sum(0)),
    "sum over columns": of(lambda lib, x: x.sum(1)),
    "mean": of(lambda lib, x: x.mean()),
    "var over columns": of(lambda lib, x: x.var(1)),
    "max over columns": of(lambda lib, x: x.max(1).values),
    "norm": of(lambda lib, x: x.norm()),
    "cumsum": of(lambda lib, x: x.cumsum(1)),
    "cat": of(lambda lib, a, b: lib.tg.cat([a, b]), *BOTH),
    "stack": of(lambda lib, a, b: lib.tg.stack([a, b], 1), *BOTH),
    "transposed copy": of(lambda lib, x: x.t().contiguous()),
    "pad": of(lambda lib, x: lib.F.pad(x, (1, 1, 1, 1)), IMAGE),
    "flip": of(lambda lib, x: x.flip(-1)),
    "x[:, ::2]": of(lambda lib, x: x[:, ::2] * 2),
    "rows by index": with_indices(lambda lib, x, i: x[i]),
    "embedding": with_indices(lambda lib, x, i: lib.F.embedding(i, x)),
    "gather": with_indices(lambda lib, x, i: x.gather(1, i), COLUMNS),
    "mse_loss": with_target(lambda lib, x, t: lib.F.mse_loss(x, t)),
    "smooth_l1_loss": with_target(lambda lib, x, t: lib.F.smooth_l1_loss(x, t)),
    "binary_cross_entropy_with_logits": with_target(lambda lib, x, t: lib.F.binary_cross_entropy_with_logits(x, t)),
    "kl_div": with_target(lambda lib, x, t: lib.F.kl_div(x, t, reduction="batchmean")),
    "linear": of(lambda lib, x, w, b: lib.F.linear(x, w, b), weights=((256, COLUMNS), (256,))),
    "batched product": of(lambda lib, a, b: a @ b.transpose(-1, -2), HEADS, HEADS),
    "attention": of(lambda lib, q, k, v: lib.F.scaled_dot_product_attention(q, k, v), HEADS, HEADS, HEADS),
    "einsum": of(lambda lib, a, b: lib.tg.einsum("bhqd,bhkd->bhqk", a, b), HEADS, HEADS),
}  # fmt: skip


def build(column: str, name: str, share: int, threads: int) -> Step:
    """The function, and the gradients of its inputs for a random gradient of its result."""
    if column == "torch_last":
        raise Unsupported("no images, no memory order")
    lib = load(column, threads)
    function, inputs = BLOCKS[name](lib, share)
    shape = function(*inputs).shape
    g = lib.tg.randn(*shape) if len(shape) else lib.tg.ones(())
    return lambda: lib.tg.autograd.grad(function(*inputs), inputs, g)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a 64th of the rows")
    bench = Comparison(__file__, OURS | TORCH, parser)
    share = 64 if bench.args.small else 1
    compare_by_name(bench, "Building blocks, there and back", ("block", "<34"), BLOCKS, share=share)


if __name__ == "__main__":
    run(main, build)
