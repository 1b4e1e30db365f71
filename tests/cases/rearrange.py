"""Moving, repeating, turning and sliding; joining side by side and cutting evenly; grids; borders. All linear."""

from tests.cases.case import Case, exactly, function, functional, integers, method, real


def row(op, label, call, *inputs, **flags):
    return Case(op, label, call, *inputs, linear=True, **flags)


# --------------------------------------------------------------------------- dimensions

CASES = [
    row("movedim", "one", function("movedim", 0, -1), real(2, 3, 4)),
    row("movedim", "several", function("movedim", (0, 1), (2, 0)), real(2, 3, 4)),
    row("movedim", "method", method("movedim", 2, 0), real(2, 3, 4)),
    row("movedim", "0-d", function("movedim", 0, 0), real()),
    row("moveaxis", "lists", function("moveaxis", [0, -1], [1, 0]), real(2, 3, 4)),
    row("swapaxes", "negative", function("swapaxes", 0, -1), real(2, 3, 4)),
    row("swapdims", "method", method("swapdims", 1, 0), real(2, 3)),
    row("ravel", "matrix", function("ravel"), real(2, 3)),
    row("ravel", "0-d", method("ravel"), real()),
    row("ravel", "of a transpose", lambda t, x: x.T.ravel(), real(2, 3)),
    row("unflatten", "two", function("unflatten", 1, (2, 3)), real(2, 6)),
    row("unflatten", "-1", method("unflatten", -1, (-1, 2)), real(2, 6)),
    row("unflatten", "empty", function("unflatten", 0, (2, 0)), real(0, 2)),
    row("view_as", "method", lambda t, x, y: x.view_as(y), real(2, 6), real(3, 4)),
    row("reshape_as", "method", lambda t, x, y: x.reshape_as(y), real(2, 6), real(12)),
    row("expand_as", "method", lambda t, x, y: x.expand_as(y), real(3, 1), real(2, 3, 4)),
    row("sum_to_size", "stretched", method("sum_to_size", 2, 1), real(2, 3)),
    row("sum_to_size", "added", method("sum_to_size", (3,)), real(4, 2, 3)),
    row("sum_to_size", "nothing", method("sum_to_size", 2, 3), real(2, 3)),
    *(
        row(f"atleast_{n}d", f"{len(shape)}-d", function(f"atleast_{n}d"), real(*shape))
        for n in (1, 2, 3)
        for shape in ((), (3,), (2, 3), (2, 1, 3), (2, 1, 1, 3))
    ),
    row("atleast_2d", "several", lambda t, x, y: t.atleast_2d(x, y), real(), real(3)),
    row("atleast_1d", "list", lambda t, x, y: t.atleast_1d([x, y]), real(), real(3)),
]

# --------------------------------------------------------------------------- repeating and turning

CASES += [
    row("repeat", "vector", method("repeat", 3), real(2)),
    row("repeat", "new dimension", method("repeat", 2, 3), real(2)),
    row("repeat", "tuple", method("repeat", (2, 1, 2)), real(2, 3)),
    row("repeat", "0 times", method("repeat", 0, 2), real(2, 3)),
    row("repeat", "0-d", method("repeat", 3), real()),
    row("repeat", "0-d, nothing", method("repeat", ()), real()),
    row("tile", "as many", function("tile", (2, 2)), real(2, 3)),
    row("tile", "fewer", function("tile", (2,)), real(2, 3)),
    row("tile", "more", function("tile", (2, 1, 2)), real(3)),
    row("tile", "method", method("tile", 2, 1), real(2, 3)),
    row("repeat_interleave", "number", function("repeat_interleave", 2), real(2, 3)),
    row("repeat_interleave", "number, dim", function("repeat_interleave", 2, dim=1), real(2, 3)),
    row(
        "repeat_interleave", "counts", lambda t, x, n: t.repeat_interleave(x, n, dim=0), real(3, 2), exactly([2, 0, 1])
    ),
    row("repeat_interleave", "method, dim=-1", method("repeat_interleave", 3, -1), real(2, 2)),
    row("repeat_interleave", "indices", lambda t, n: t.repeat_interleave(n), exactly([2, 0, 3])),
    row("repeat_interleave", "0-d", function("repeat_interleave", 3), real()),
    row("fliplr", "matrix", function("fliplr"), real(2, 3)),
    row("flipud", "matrix", method("flipud"), real(2, 3)),
    row("flipud", "vector", function("flipud"), real(3)),
    *(row("rot90", f"k={k}", function("rot90", k), real(2, 3)) for k in (0, 1, 2, 3, -1, 5)),
    row("rot90", "dims", function("rot90", 1, (1, 2)), real(2, 3, 4)),
    row("rot90", "dims reversed", method("rot90", 1, [2, 0]), real(2, 3, 4)),
    row("rot90", "k=3 dims", function("rot90", 3, (2, 1)), real(2, 3, 4)),
    row("unfold", "overlapping", method("unfold", 0, 3, 1), real(5)),
    row("unfold", "apart", method("unfold", 1, 2, 3), real(2, 6)),
    row("unfold", "middle dim", method("unfold", 1, 2, 1), real(2, 4, 3)),
    row("unfold", "twice", lambda t, x: x.unfold(0, 2, 1).unfold(1, 3, 2), real(3, 5)),
    row("unfold", "whole", method("unfold", -1, 4, 1), real(2, 4)),
    row("unfold", "0-d", method("unfold", 0, 1, 1), real()),
]

# --------------------------------------------------------------------------- joining


def joined(name):
    return lambda t, *tensors: getattr(t, name)(tensors)


CASES += [
    *(
        row(name, label, joined(name), *inputs)
        for name in ("hstack", "vstack", "dstack", "column_stack", "row_stack")
        for label, inputs in {
            "matrices": (real(2, 3), real(2, 3)),
            "vectors": (real(3), real(3)),
            "0-d": (real(), real()),
            "three": (real(2, 2, 1), real(2, 2, 1), real(2, 2, 1)),
        }.items()
    ),
    row("hstack", "unequal", joined("hstack"), real(2, 1), real(2, 3)),
    row("vstack", "vector and matrix", joined("vstack"), real(3), real(2, 3)),
    row("column_stack", "vector and matrix", joined("column_stack"), real(3), real(3, 2)),
    row("block_diag", "three", lambda t, x, y, z: t.block_diag(x, y, z), real(2, 2), real(3), real()),
    row("block_diag", "one", lambda t, x: t.block_diag(x), real(2, 3)),
    row("block_diag", "an empty one", lambda t, x, y: t.block_diag(x, y), real(0, 2), real(1, 2)),
    row("broadcast_tensors", "two", lambda t, x, y: t.broadcast_tensors(x, y), real(3, 1), real(4)),
    row("broadcast_tensors", "with 0-d", lambda t, x, y: t.broadcast_tensors(x, y), real(), real(2, 2)),
    row("meshgrid", "ij", lambda t, x, y: t.meshgrid(x, y, indexing="ij"), real(2), real(3)),
    row("meshgrid", "xy", lambda t, x, y, z: t.meshgrid(x, y, z, indexing="xy"), real(2), real(3), real(4)),
    row("meshgrid", "list, 0-d", lambda t, x, y: t.meshgrid([x, y], indexing="ij"), real(), real(3)),
    row("meshgrid", "one, xy", lambda t, x: t.meshgrid(x, indexing="xy"), real(3)),
    row("cartesian_prod", "two", lambda t, x, y: t.cartesian_prod(x, y), real(2), real(3)),
    row("cartesian_prod", "one", lambda t, x: t.cartesian_prod(x) * 2, real(3)),
    row("combinations", "pairs", function("combinations"), real(4)),
    row("combinations", "triples", function("combinations", 3), real(4)),
    row("combinations", "with replacement", function("combinations", 2, True), real(3)),
    row("combinations", "more than there are", function("combinations", 4), real(3)),
    row("combinations", "of integers", function("combinations", r=1), integers(9, 3)),
]

# --------------------------------------------------------------------------- cutting

CASES += [
    row("tensor_split", "number", function("tensor_split", 3), real(7, 2)),
    row("tensor_split", "more than there are", function("tensor_split", 4), real(3)),
    row("tensor_split", "places", function("tensor_split", (2, 3), dim=1), real(2, 5)),
    row("tensor_split", "negative and beyond", function("tensor_split", (-2, 9)), real(5)),
    row("tensor_split", "places going back", function("tensor_split", (3, 1)), real(5)),
    row("tensor_split", "a tensor", lambda t, x, i: t.tensor_split(x, i), real(5), exactly([1, 3])),
    row("hsplit", "number", function("hsplit", 2), real(3, 4)),
    row("hsplit", "vector", method("hsplit", 2), real(4)),
    row("hsplit", "places", function("hsplit", [1, 3]), real(2, 4)),
    row("vsplit", "number", function("vsplit", 2), real(4, 3)),
    row("vsplit", "places", method("vsplit", [1]), real(4, 3)),
    row("dsplit", "number", function("dsplit", 2), real(1, 2, 4)),
    row("dsplit", "places", method("dsplit", [1, 2]), real(1, 2, 4)),
    row("split_with_sizes", "sizes", function("split_with_sizes", [1, 3]), real(4, 2)),
    row("split_with_sizes", "dim", method("split_with_sizes", [0, 2], 1), real(4, 2)),
    row("unbind", "dim=0", function("unbind"), real(3, 2)),
    row("unbind", "dim=-1", method("unbind", -1), real(3, 2)),
    row("unbind", "vector", function("unbind"), real(3)),
    row("select", "dim=0", function("select", 0, 1), real(3, 4)),
    row("select", "negative", method("select", -1, -2), real(2, 3, 4)),
]

# --------------------------------------------------------------------------- borders

CASES += [
    *(
        row("pad", f"{mode} {amounts} of {shape}", functional("pad", amounts, mode=mode), real(*shape))
        for mode in ("reflect", "replicate", "circular")
        for amounts, shape in (
            ((2, 1), (2, 4)),
            ((0, 3), (1, 2, 4)),
            ((-1, 2), (2, 4)),
            ((2, -1), (2, 4)),
            ((1, 1, 2, 0), (1, 3, 3)),
            ((1, 2, 0, 1), (1, 2, 3, 3)),
            ((1, 0, 1, 1, 0, 1), (1, 2, 2, 2)),
        )
    ),
    row("pad", "replicate far", functional("pad", (5, 6), mode="replicate"), real(1, 2)),
    row("pad", "circular, the whole size", functional("pad", (3, 3), mode="circular"), real(1, 3)),
    row("constant_pad_nd", "value", function("constant_pad_nd", (1, 2), 3.0), real(2, 2)),
    row("constant_pad_nd", "crop", function("constant_pad_nd", (-1, 1, 0, 1)), real(2, 2)),
    row("constant_pad_nd", "integers", function("constant_pad_nd", (1, 0), 7), integers(9, 2, 2)),
]

# --------------------------------------------------------------------------- PyTorch's argument names

CASES += [
    row("swapdims", "named", lambda t, x: t.swapdims(x, dim0=0, dim1=1), real(2, 3)),
    row("tile", "named", lambda t, x: t.tile(input=x, dims=(2, 1)), real(2, 3)),
    row("repeat", "named", lambda t, x: x.repeat(repeats=(2, 1)), real(2, 3)),
    row("tensor_split", "sections=", lambda t, x: t.tensor_split(x, sections=2, dim=1), real(2, 3)),
    row("tensor_split", "indices=", lambda t, x: t.tensor_split(x, indices=(1,)), real(3)),
    row("hsplit", "indices=", lambda t, x: t.hsplit(x, indices=[1]), real(2, 3)),
    row("vsplit", "sections=", lambda t, x: t.vsplit(x, sections=2), real(2, 3)),
    row("movedim", "named", lambda t, x: t.movedim(input=x, source=0, destination=1), real(2, 3)),
    row("unfold", "named", lambda t, x: x.unfold(dimension=1, size=2, step=1), real(2, 3)),
]
