"""Diagonals and triangles; all of it linear."""

from tests.cases.case import Case, function, integers, method, real


def row(op, label, call, *inputs, **flags):
    return Case(op, label, call, *inputs, linear=True, **flags)


CASES = [
    row("diagonal", "matrix", function("diagonal"), real(3, 4), covers=("diag_embed",)),
    row("diagonal", "above", function("diagonal", 1), real(3, 4)),
    row("diagonal", "below", method("diagonal", offset=-2), real(3, 4)),
    row("diagonal", "outside", function("diagonal", 7), real(3, 4)),
    row("diagonal", "outer dims", function("diagonal", 0, 0, 2), real(2, 3, 4)),
    row("diagonal", "negative dims", function("diagonal", -1, -1, 0), real(2, 3, 3)),
    row("diagonal", "twice", lambda t, x: t.diagonal(x) * t.diagonal(x, dim1=1, dim2=0), real(3, 3)),
    row("diagonal", "empty", function("diagonal"), real(0, 3)),
    row("diag_embed", "vector", function("diag_embed"), real(3)),
    row("diag_embed", "batch", function("diag_embed"), real(2, 3)),
    row("diag_embed", "offset and dims", function("diag_embed", 1, 0, 2), real(2, 3)),
    row("diag_embed", "negative offset", method("diag_embed", offset=-1), real(2, 3)),
    row("diag_embed", "dims reversed", function("diag_embed", 1, -1, -2), real(2, 3)),
    row("diag", "of a vector", function("diag"), real(3)),
    row("diag", "of a vector, above", method("diag", 1), real(3)),
    row("diag", "of a matrix", function("diag"), real(3, 4)),
    row("diag", "of a matrix, below", function("diag", diagonal=-1), real(3, 4)),
    row("diagflat", "matrix", function("diagflat"), real(2, 2)),
    row("diagflat", "0-d, offset", function("diagflat", 1), real()),
    row("trace", "square", function("trace"), real(3, 3)),
    row("trace", "wide", method("trace"), real(2, 4)),
    row("trace", "integers", function("trace"), integers(9, 3, 3)),
    row("trace", "empty", function("trace"), real(0, 3)),
    row("diagonal_scatter", "matrix", lambda t, x, s: t.diagonal_scatter(x, s), real(3, 3), real(3)),
    row("diagonal_scatter", "offset", lambda t, x, s: t.diagonal_scatter(x, s, 1), real(3, 4), real(3)),
    row(
        "diagonal_scatter",
        "batch, dims reversed",
        lambda t, x, s: t.diagonal_scatter(x, s, offset=-1, dim1=2, dim2=0),
        real(2, 3, 4),
        real(3, 2),
    ),
    row(
        "diagonal_scatter",
        "first and middle dim",
        lambda t, x, s: x.diagonal_scatter(s, dim1=0, dim2=1),
        real(3, 2, 4),
        real(4, 2),
    ),
    *(
        case
        for name in ("tril", "triu")
        for case in (
            row(name, "matrix", function(name), real(3, 4)),
            row(name, "above", function(name, 1), real(4, 3)),
            row(name, "below", method(name, diagonal=-1), real(3, 3)),
            row(name, "batch", function(name), real(2, 3, 3)),
            row(name, "outside", function(name, -9), real(2, 3)),
            row(name, "integers", function(name), integers(9, 3, 3)),
            row(name, "empty", function(name), real(0, 3)),
            row(f"{name}_indices", "square", lambda t, name=name: getattr(t, f"{name}_indices")(3, 3)),
            row(f"{name}_indices", "offset", lambda t, name=name: getattr(t, f"{name}_indices")(4, 3, -1)),
        )
    ),
    row(
        "fill_diagonal",
        "matrix",
        lambda t, x: x.clone().fill_diagonal_(2.5) if hasattr(x, "is_mps") else x.fill_diagonal(2.5),
        real(3, 4),
    ),
    row(
        "fill_diagonal",
        "wrap",
        lambda t, x: x.clone().fill_diagonal_(1, True) if hasattr(x, "is_mps") else x.fill_diagonal(1, wrap=True),
        real(5, 2),
    ),
    row(
        "fill_diagonal",
        "cube",
        lambda t, x: x.clone().fill_diagonal_(1) if hasattr(x, "is_mps") else x.fill_diagonal(1),
        real(2, 2, 2),
    ),
]
