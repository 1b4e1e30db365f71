"""Pooling."""

from tests.cases.case import Case, distinct, exactly, fixed, functional, positive, real, spelled

X = (2, 2, 5, 6)

# --------------------------------------------------------------------------- max

MAX = [
    (X, (2,), {}),
    (X, (3,), {"stride": 1}),
    (X, (2,), {"stride": 3}),
    (X, (3,), {"stride": 2, "padding": 1}),
    (X, ((2, 3),), {"stride": (2, 1)}),
    (X, (2,), {"dilation": 2}),
    (X, (2,), {"dilation": 2, "padding": 1, "stride": 1}),
    (X, ((3, 2),), {"padding": (1, 0), "dilation": (1, 2), "stride": (2, 1)}),
    (X, (2,), {"ceil_mode": True}),
    (X, (3,), {"stride": 2, "padding": 1, "ceil_mode": True}),
    ((1, 1, 3, 3), (2, 2), {"ceil_mode": True}),
    ((1, 1, 2, 2), (1, 3), {"ceil_mode": True}),
    (X, (2, 2, 1), {}),
    (X, (1,), {}),
    ((1, 3, 4, 4), (4,), {}),
    ((2, 4, 5), (2,), {}),
    ((0, 1, 4, 4), (2,), {}),
    (X, (2,), {"return_indices": True}),
    (X, (3, 2, 1, 1, True, True), {}),
    ((1, 4, 4), (2,), {"return_indices": True}),
    (X, (2,), {"dilation": 2, "padding": 1, "stride": 1, "return_indices": True}),
]
CASES = [
    Case(
        "max_pool2d",
        f"{shape} {spelled(args, static)}",
        functional("max_pool2d", *args, **static),
        distinct(*shape),
        covers=("max_pool", "pool_gather", "pool_scatter"),
    )
    for shape, args, static in MAX
]

INF, NAN = float("inf"), float("nan")
TIES = [
    ("all equal", [[1.0, 1.0], [1.0, 1.0]], {}),
    ("signed zeros", [[-0.0, 0.0], [0.0, -0.0]], {}),
    ("one nan", [[1.0, NAN], [2.0, 3.0]], {}),
    ("all -inf", [[-INF, -INF], [-INF, -INF]], {}),
    ("all -inf, padding", [[-INF, -INF], [-INF, -INF]], {"padding": 1}),
    ("negative, padding", [[-1.0, -2.0], [-3.0, -4.0]], {"padding": 1}),
]
CASES += [
    Case(
        "max_pool2d",
        label,
        functional("max_pool2d", 2, return_indices=True, **static),
        exactly([[image]]),
        smooth=False,
    )
    for label, image, static in TIES
]
CASES += [
    Case(
        "max_pool2d",
        "overlap shares a maximum",
        functional("max_pool2d", 2, 1, return_indices=True),
        exactly([[[[1.0, 2.0, 3.0], [4.0, 9.0, 5.0], [6.0, 7.0, 8.0]]]]),
    ),
    Case("max_pool2d", "of a square", lambda t, x: t.F.max_pool2d(x * x, 2), distinct(1, 2, 4, 4)),
    Case(
        "max_pool2d",
        "of itself",
        lambda t, x: t.F.max_pool2d(t.F.max_pool2d(x, 2, 1), 2),
        distinct(1, 1, 5, 5),
    ),
]

# --------------------------------------------------------------------------- average

AVG = [
    (X, (2,), {}),
    (X, (3,), {"stride": 1}),
    (X, (2,), {"stride": 3}),
    (X, (3,), {"stride": 2, "padding": 1}),
    (X, (3,), {"stride": 2, "padding": 1, "count_include_pad": False}),
    (X, ((2, 3),), {"stride": (2, 1)}),
    (X, ((3, 2),), {"padding": (1, 0)}),
    (X, (2,), {"ceil_mode": True}),
    (X, (3,), {"stride": 2, "padding": 1, "ceil_mode": True}),
    (X, (3,), {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
    ((1, 1, 3, 3), (2, 2), {"ceil_mode": True}),
    ((1, 1, 2, 2), (2, 1), {"padding": 1}),
    (X, (2,), {"divisor_override": 3}),
    (X, (3,), {"padding": 1, "divisor_override": 5}),
    (X, (2, 2, 1, False, False, None), {}),
    (X, (1,), {}),
    ((1, 3, 4, 4), (4,), {}),
    ((2, 4, 5), (2,), {}),
    ((0, 1, 4, 4), (2,), {}),
]
CASES += [
    Case(
        "avg_pool2d",
        f"{shape} {spelled(args, static)}",
        functional("avg_pool2d", *args, **static),
        real(*shape),
        linear=True,
        covers=("avg_pool", "avg_pool_input_grad"),
    )
    for shape, args, static in AVG
]

ADAPTIVE = [
    (X, 1),
    (X, (1, 1)),
    (X, (2, 3)),
    (X, 5),
    (X, (3, 4)),
    (X, (None, 2)),
    (X, (7, 8)),
    ((1, 1, 2, 1), (3, 1)),
    ((1, 2, 6, 6), 3),
    ((2, 4, 5), (2, 2)),
    ((0, 1, 4, 4), 2),
]
CASES += [
    Case(
        "adaptive_avg_pool2d",
        f"{shape} to {size}",
        functional("adaptive_avg_pool2d", size),
        real(*shape),
        linear=True,
        covers=("adaptive_avg_pool", "adaptive_avg_pool_input_grad"),
    )
    for shape, size in ADAPTIVE
]

# --------------------------------------------------------------------------- one and three dimensions

VOLUME = (1, 2, 3, 4, 4)
OTHER = [
    ("max_pool1d", (2, 2, 7), (2,), {}),
    ("max_pool1d", (2, 2, 7), (3, 2, 1), {"dilation": 2, "ceil_mode": True}),
    ("max_pool1d", (2, 7), (3,), {"return_indices": True, "stride": 1}),
    ("max_pool3d", VOLUME, (2,), {}),
    ("max_pool3d", VOLUME, ((2, 3, 1),), {"stride": (1, 2, 3), "padding": (1, 1, 0), "return_indices": True}),
    ("max_pool3d", VOLUME[1:], (2,), {"dilation": (1, 2, 1), "ceil_mode": True}),
    ("avg_pool1d", (2, 2, 7), (2,), {}),
    ("avg_pool1d", (2, 7), (3, 2, 1), {"ceil_mode": True, "count_include_pad": False}),
    ("avg_pool3d", VOLUME, (2,), {}),
    ("avg_pool3d", VOLUME, ((2, 3, 1),), {"stride": 2, "padding": (1, 1, 0), "ceil_mode": True}),
    ("avg_pool3d", VOLUME[1:], (2,), {"divisor_override": 3}),
    ("adaptive_avg_pool1d", (2, 2, 7), (3,), {}),
    ("adaptive_avg_pool1d", (2, 7), ((2,),), {}),
    ("adaptive_avg_pool3d", VOLUME, (2,), {}),
    ("adaptive_avg_pool3d", VOLUME[1:], ((1, None, 3),), {}),
    ("adaptive_max_pool1d", (2, 2, 7), (3,), {"return_indices": True}),
    ("adaptive_max_pool1d", (2, 7), ((2,),), {}),
    ("adaptive_max_pool2d", X, ((2, 3),), {"return_indices": True}),
    ("adaptive_max_pool2d", X, (4,), {"return_indices": True}),
    ("adaptive_max_pool2d", X[1:], ((None, 1),), {}),
    ("adaptive_max_pool2d", X, ((7, 8),), {}),
    ("adaptive_max_pool2d", (0, 2, 3, 3), (2,), {}),
    ("adaptive_max_pool3d", VOLUME, (2,), {"return_indices": True}),
    ("adaptive_max_pool3d", VOLUME[1:], ((1, None, 3),), {"return_indices": True}),
]
COVERS = {
    "max": ("max_pool", "pool_gather", "pool_scatter"),
    "avg": ("avg_pool", "avg_pool_input_grad"),
    "adaptive_avg": ("adaptive_avg_pool", "adaptive_avg_pool_input_grad"),
}
CASES += [
    Case(
        op,
        f"{shape} {spelled(args, static)}",
        functional(op, *args, **static),
        distinct(*shape) if "max" in op else real(*shape),
        linear="avg" in op,
        covers=COVERS.get(op.rpartition("_")[0], ()),
    )
    for op, shape, args, static in OTHER
]
CASES += [
    Case(
        "adaptive_max_pool2d",
        label,
        functional("adaptive_max_pool2d", 1, True),
        exactly([[image]]),
        smooth=False,
    )
    for label, image, _ in TIES[:4]
]

# --------------------------------------------------------------------------- power means, and the way back of a maximum

CASES += [
    Case("lp_pool1d", "p 2", functional("lp_pool1d", 2, 2), real(2, 2, 5)),
    Case("lp_pool1d", "p 3, stride, ceil", functional("lp_pool1d", 3.0, 3, 2, True), positive(2, 6)),
    Case("lp_pool2d", "p 2", functional("lp_pool2d", 2.0, (2, 3)), real(2, 2, 4, 6)),
    Case("lp_pool2d", "p 1.5, stride 1", functional("lp_pool2d", 1.5, 2, stride=1), positive(1, 3, 3)),
    Case("lp_pool3d", "p 2", functional("lp_pool3d", 2, 2), real(1, 1, 2, 2, 4)),
    Case("lp_pool2d", "p 1, negative sums give 0", functional("lp_pool2d", 1, 2), exactly([[[[-1.0, -2], [2, -3.0]]]])),
]


def unpooled(rank, label, shape, *args, unpool=None, **static):
    def call(t, x, y):
        _, places = getattr(t.F, f"max_pool{rank}d")(x, *args, **static, return_indices=True)
        return getattr(t.F, f"max_unpool{rank}d")(y, places, *args, **static, **unpool or {})

    out = static.pop("out")
    return Case(f"max_unpool{rank}d", label, call, fixed(distinct(*shape)), real(*out), linear=True)


CASES += [
    unpooled(1, "2", (2, 2, 6), 2, out=(2, 2, 3)),
    unpooled(1, "unbatched, output_size", (2, 7), 2, out=(2, 3), unpool={"output_size": (7,)}),
    unpooled(2, "2", (2, 2, 4, 6), 2, out=(2, 2, 2, 3)),
    unpooled(
        2, "stride, padding", (1, 2, 5, 7), 2, stride=3, padding=1, out=(1, 2, 2, 3), unpool={"output_size": (5, 7)}
    ),
    unpooled(2, "output_size of four", (1, 2, 5, 5), 2, out=(1, 2, 2, 2), unpool={"output_size": (1, 2, 5, 5)}),
    unpooled(3, "2", (1, 2, 2, 4, 4), 2, out=(1, 2, 1, 2, 2)),
]
