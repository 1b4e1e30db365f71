"""Reshaping, reordering, joining and cutting; all of it linear."""

from tests.cases.case import Case, function, functional, integers, method, real


def row(op, label, call, *inputs, **flags):
    return Case(op, label, call, *inputs, linear=True, **flags)


# --------------------------------------------------------------------------- same elements, other shape

CASES = [
    row("reshape", "tuple", function("reshape", (4, 3)), real(3, 4)),
    row("reshape", "-1", function("reshape", (2, -1)), real(3, 4)),
    row("reshape", "method", method("reshape", 2, 6), real(3, 4)),
    row("reshape", "method, tuple", method("reshape", (6, -1)), real(3, 4)),
    row("reshape", "of a transpose", lambda t, x: x.T.reshape(-1), real(3, 4)),
    row("reshape", "to 0-d", function("reshape", ()), real(1, 1)),
    row("reshape", "0-d to (1,1)", function("reshape", (1, 1)), real()),
    row("reshape", "empty", function("reshape", (-1,)), real(0, 3)),
    row("reshape", "same shape", function("reshape", (3, 4)), real(3, 4)),
    row("reshape", "list", function("reshape", [2, 2, 3]), real(3, 4)),
    row("view", "integers", method("view", 2, 6), real(3, 4)),
    row("view", "-1", method("view", -1), real(3, 4)),
    row("view", "x.size(0), -1", lambda t, x: x.view(x.size(0), -1), real(2, 3, 2)),
    row("view", "tuple", method("view", (4, 3)), real(3, 4)),
    row("view", "empty", method("view", 3, 0), real(0, 3)),
    row("flatten", "all", function("flatten"), real(2, 3, 2)),
    row("flatten", "start_dim=1", function("flatten", 1), real(2, 3, 2)),
    row("flatten", "start and end", function("flatten", start_dim=0, end_dim=1), real(2, 3, 2)),
    row("flatten", "negative dims", method("flatten", -2, -1), real(2, 3, 2, 2)),
    row("flatten", "0-d", function("flatten"), real()),
    row("flatten", "one axis", function("flatten", 1, 1), real(2, 3)),
    row("flatten", "empty", function("flatten", 1), real(0, 3, 2)),
    row("squeeze", "all", function("squeeze"), real(1, 3, 1)),
    row("squeeze", "dim", function("squeeze", 0), real(1, 3, 1)),
    row("squeeze", "negative dim", method("squeeze", -1), real(1, 3, 1)),
    row("squeeze", "of a larger axis is no-op", function("squeeze", 1), real(1, 3, 1)),
    row("squeeze", "several dims", function("squeeze", (0, 1)), real(1, 3, 1)),
    row("squeeze", "to 0-d", function("squeeze"), real(1, 1)),
    row("squeeze", "0-d", function("squeeze"), real()),
    row("unsqueeze", "front", function("unsqueeze", 0), real(3, 4)),
    row("unsqueeze", "middle", method("unsqueeze", 1), real(3, 4)),
    row("unsqueeze", "back", function("unsqueeze", -1), real(3, 4)),
    row("unsqueeze", "0-d", function("unsqueeze", 0), real()),
    row("unsqueeze", "empty", function("unsqueeze", dim=-2), real(0, 3)),
]

# --------------------------------------------------------------------------- same elements, other order

CASES += [
    row("permute", "tuple", function("permute", (2, 0, 1)), real(2, 3, 4)),
    row("permute", "method", method("permute", 1, 2, 0), real(2, 3, 4)),
    row("permute", "negative", method("permute", (0, -1, -2)), real(2, 3, 4)),
    row("permute", "identity", function("permute", (0, 1)), real(2, 3)),
    row("permute", "0-d", function("permute", ()), real()),
    row("permute", "twice", lambda t, x: x.permute(1, 2, 0).permute(1, 2, 0), real(2, 3, 4)),
    row("permute", "empty", function("permute", (2, 1, 0)), real(2, 0, 3)),
    row("transpose", "0, 1", function("transpose", 0, 1), real(3, 4)),
    row("transpose", "negative", method("transpose", -1, -3), real(2, 3, 4)),
    row("transpose", "same axis", function("transpose", 1, 1), real(3, 4)),
    row("transpose", "named", function("transpose", dim0=0, dim1=2), real(2, 3, 4)),
    row("T", "matrix", lambda t, x: x.T, real(3, 4)),
    row("T", "t()", lambda t, x: x.t(), real(2, 3)),
    row("T", "t.t of a vector", lambda t, x: t.t(x), real(3)),
    row("T", "mT", lambda t, x: x.mT, real(2, 3, 4)),
    row("transpose", "swapaxes", method("swapaxes", 0, -1), real(2, 3, 4)),
    row("T", "times x", lambda t, x: x.T * 2, real(2, 3)),
    row("T", "empty", lambda t, x: x.T, real(0, 3)),
    row("flip", "one axis", function("flip", (0,)), real(3, 4)),
    row("flip", "several axes", function("flip", (0, -1)), real(2, 3, 4)),
    row("flip", "method", method("flip", 1), real(3, 4)),
    row("flip", "list", function("flip", dims=[1]), real(3, 4)),
    row("flip", "no axis", function("flip", ()), real(3)),
    row("flip", "empty", function("flip", (0,)), real(0, 3)),
    row("roll", "one axis", function("roll", 1, 0), real(3, 4)),
    row("roll", "negative shift", function("roll", -2, dims=1), real(3, 4)),
    row("roll", "several axes", function("roll", (1, -1), (0, 2)), real(2, 3, 4)),
    row("roll", "no axis: flattened", function("roll", 2), real(3, 4)),
    row("roll", "more than the size", method("roll", shifts=7, dims=0), real(3, 4)),
    row("roll", "same axis twice", function("roll", (1, 1), (0, 0)), real(4)),
    row("roll", "empty", function("roll", 1, 0), real(0, 3)),
]

# --------------------------------------------------------------------------- copies and dtypes

CASES += [
    row("clone", "method", method("clone"), real(3, 4)),
    row("clone", "of a transpose", lambda t, x: x.T.clone() * 2, real(2, 3)),
    row("clone", "contiguous", method("contiguous"), real(2, 3)),
    row("cast", "to float64", lambda t, x: x.to(t.float64) * 2, real(2, 3), float32=None),
    row("cast", "to float32", lambda t, x: x.to(t.float32), real(2, 3), smooth=False, float32=None),
    row("cast", "there and back", lambda t, x: (x.float() * 2).double(), real(2, 3), smooth=False, float32=None),
    row("cast", "to integers", lambda t, x: x.to(t.int64), real(2, 3)),
    row("cast", "type_as", lambda t, x, i: i.type_as(x) * x, real(3), integers(5, 3)),
]

# --------------------------------------------------------------------------- broadcasting

CASES += [
    row("expand", "new axis", method("expand", 2, 3), real(3)),
    row("expand", "size-1 axis", method("expand", 3, 4), real(3, 1)),
    row("expand", "-1 keeps", method("expand", -1, 4), real(3, 1)),
    row("expand", "tuple", method("expand", (2, 3, -1)), real(3, 1)),
    row("expand", "0-d", method("expand", 2, 2), real()),
    row("expand", "to empty", method("expand", 0), real(1)),
    row("expand", "no change", method("expand", 3, 4), real(3, 4)),
    row("broadcast_to", "both", function("broadcast_to", (2, 3, 4)), real(3, 1)),
    row("broadcast_to", "method", method("broadcast_to", (4, 3)), real(3)),
    row("broadcast_to", "0-d", function("broadcast_to", (2, 2)), real()),
    row(
        "broadcast_to",
        "used twice",
        lambda t, x: t.broadcast_to(x, (2, 3)) * t.broadcast_to(x, (2, 3)),
        real(3),
    ),
    # the reverse of broadcasting is a sum over the axes that were added or stretched
    row("add", "undone over two axes", lambda t, x, y: x + y, real(2, 3, 4), real(3, 1), covers=("sum_to",)),
]

# --------------------------------------------------------------------------- joining and cutting

CASES += [
    row("cat", "dim=0", lambda t, x, y: t.cat([x, y]), real(2, 3), real(1, 3)),
    row("cat", "dim=1", lambda t, x, y: t.cat((x, y), 1), real(2, 3), real(2, 1)),
    row("cat", "negative dim", lambda t, x, y: t.cat([x, y], dim=-2), real(2, 1, 3), real(2, 2, 3)),
    row("cat", "three", lambda t, x, y, z: t.cat([x, y, z], 0), real(1, 2), real(3, 2), real(2, 2)),
    row("cat", "twice the same", lambda t, x: t.cat([x, x]), real(2, 3)),
    row("cat", "one tensor", lambda t, x: t.cat([x], 1), real(2, 3)),
    row("cat", "with an empty one", lambda t, x, y: t.cat([x, y]), real(0, 3), real(2, 3)),
    row("cat", "all empty", lambda t, x, y: t.cat([x, y], 1), real(0, 3), real(0, 2)),
    row("cat", "with a constant", lambda t, x: t.cat([x, t.ones_like(x), x * 2]), real(2, 3)),
    row("stack", "dim=0", lambda t, x, y: t.stack([x, y]), real(2, 3), real(2, 3)),
    row("stack", "dim=1", lambda t, x, y: t.stack((x, y), 1), real(2, 3), real(2, 3)),
    row("stack", "dim=-1", lambda t, x, y, z: t.stack([x, y, z], dim=-1), real(2), real(2), real(2)),
    row("stack", "0-d", lambda t, x, y: t.stack([x, y]), real(), real()),
    row("stack", "empty", lambda t, x, y: t.stack([x, y], 1), real(0, 3), real(0, 3)),
    row("split", "even", function("split", 2), real(4, 3)),
    row("split", "uneven", function("split", 2), real(5, 3)),
    row("split", "sizes", function("split", [1, 3], dim=1), real(2, 4)),
    row("split", "method, negative dim", method("split", 3, -1), real(2, 4)),
    row("split", "larger than the axis", function("split", 9), real(3, 2)),
    row("split", "with a size of 0", function("split", [0, 3]), real(3, 2)),
    row("split", "one piece used", lambda t, x: t.split(x, 2)[1], real(5, 3)),
    row("narrow", "dim=1", function("narrow", 1, 1, 2), real(2, 4)),
    row("narrow", "negative dim", function("narrow", -1, 0, 3), real(2, 4)),
    row("narrow", "length 0", function("narrow", 0, 1, 0), real(2, 4)),
    row("chunk", "even", function("chunk", 2), real(4, 3)),
    row("chunk", "uneven", function("chunk", 3), real(7, 2)),
    row("chunk", "more than the axis", function("chunk", 5), real(3, 2)),
    row("chunk", "dim=1", method("chunk", 2, 1), real(2, 5)),
    row("chunk", "dim=-1", function("chunk", chunks=2, dim=-1), real(2, 2, 3)),
]

# --------------------------------------------------------------------------- padding

CASES += [
    row("pad", "last axis", functional("pad", (1, 2)), real(2, 3)),
    row("pad", "two axes", functional("pad", (1, 0, 2, 1)), real(2, 3)),
    row("pad", "three axes", functional("pad", (0, 1, 1, 0, 2, 0)), real(2, 2, 3)),
    row("pad", "value", functional("pad", (1, 1), value=1.5), real(2, 3)),
    row("pad", "mode and value", functional("pad", (1, 1), "constant", -2.0), real(2, 3)),
    row("pad", "negative crops", functional("pad", (-1, 1)), real(2, 4)),
    row("pad", "crop only", functional("pad", [-1, -1, -1, 0]), real(3, 4)),
    row("pad", "nothing", functional("pad", (0, 0)), real(2, 3)),
    row("pad", "empty batch", functional("pad", (1, 1)), real(0, 3)),
    row("pad", "an empty axis", functional("pad", (1, 1)), real(2, 0)),
    row("pad", "images", functional("pad", (1, 1, 1, 1)), real(1, 2, 3, 3)),
]
