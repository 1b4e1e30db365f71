"""Windows as columns, resizing, channels as pixels."""

from tests.cases.case import Case, functional, gradient, real, spelled

# --------------------------------------------------------------------------- unfold and fold

WINDOWS = [
    ((2, 2, 4, 5), (2,), {}),
    ((2, 2, 4, 5), ((2, 3),), {"stride": 2, "padding": 1}),
    ((1, 2, 5, 5), (2,), {"dilation": 2}),
    ((1, 1, 5, 6), ((3, 2),), {"dilation": (1, 2), "padding": (1, 0), "stride": (2, 3)}),
    ((2, 3, 3), (2,), {}),
    ((1, 1, 3, 4), (2, 1, 0, 2), {}),
    ((1, 1, 2, 2), (1,), {"padding": 3}),
    ((1, 2, 5, 5), (1,), {"stride": 3}),
]
COLUMNS = [
    ((2, 8, 12), ((4, 5), 2), {}),
    ((2, 12, 9), ((4, 5), (2, 3)), {"stride": 2, "padding": 1}),
    ((1, 4, 9), (5, 2), {"dilation": 2}),
    ((8, 4), ((3, 3), 2), {}),
    ((1, 4, 1), (3, 2, 1, 0, 2), {}),
    ((1, 1, 4), (5, 1), {"stride": 3}),
]
CASES = [
    Case(
        op,
        f"{shape} {spelled(args, static)}",
        functional(op, *args, **static),
        real(*shape),
        linear=True,
        covers=("unfold", "fold"),
    )
    for op, table in (("unfold", WINDOWS), ("fold", COLUMNS))
    for shape, args, static in table
]
CASES += [
    Case(
        "fold",
        "of unfold",
        lambda t, x: t.F.fold(t.F.unfold(x, 2, padding=1), (3, 4), 2, padding=1),
        real(1, 2, 3, 4),
        linear=True,
    ),
    Case("unfold", "gradient", gradient(functional("unfold", 2)), real(1, 2, 3, 3), real(1, 8, 4), linear=True),
    Case("fold", "gradient", gradient(functional("fold", (3, 3), 2)), real(1, 8, 4), real(1, 2, 3, 3), linear=True),
]

# --------------------------------------------------------------------------- interpolate

LINE, IMAGE, VOLUME = (2, 2, 5), (2, 2, 4, 5), (1, 2, 2, 3, 4)
SIZES = [
    (LINE, "nearest", {"size": 8}),
    (LINE, "nearest", {"size": 3}),
    (LINE, "nearest", {"scale_factor": 2}),
    (LINE, "nearest", {"scale_factor": 1.7}),
    (LINE, "nearest", {"scale_factor": 1.7, "recompute_scale_factor": True}),
    (IMAGE, "nearest", {"size": (3, 9)}),
    (IMAGE, "nearest", {"scale_factor": (2, 0.5)}),
    (IMAGE, "nearest", {"size": 1}),
    (VOLUME, "nearest", {"scale_factor": 2}),
    (LINE, "nearest-exact", {"size": 8}),
    (LINE, "nearest-exact", {"scale_factor": 0.6}),
    (IMAGE, "nearest-exact", {"size": [3, 9]}),
    (VOLUME, "nearest-exact", {"size": 3}),
    (LINE, "linear", {"size": 8}),
    (LINE, "linear", {"size": 8, "align_corners": True}),
    (LINE, "linear", {"size": 2}),
    (LINE, "linear", {"size": 5}),
    (LINE, "linear", {"scale_factor": 1.7}),
    (LINE, "linear", {"scale_factor": 1.1}),
    (LINE, "linear", {"scale_factor": 1.7, "recompute_scale_factor": True, "align_corners": False}),
    (IMAGE, "bilinear", {"size": (7, 3)}),
    (IMAGE, "bilinear", {"size": (7, 3), "align_corners": True}),
    (IMAGE, "bilinear", {"size": 1, "align_corners": True}),
    (IMAGE, "bilinear", {"scale_factor": 2}),
    (IMAGE, "bilinear", {"scale_factor": 2, "align_corners": True}),
    (IMAGE, "bilinear", {"size": (2, 3), "antialias": True}),
    (IMAGE, "bilinear", {"size": (6, 3), "antialias": True, "align_corners": True}),
    (VOLUME, "trilinear", {"size": (3, 2, 6)}),
    (VOLUME, "trilinear", {"scale_factor": 2, "align_corners": True}),
    (IMAGE, "bicubic", {"size": (7, 3)}),
    (IMAGE, "bicubic", {"size": (7, 3), "align_corners": True}),
    (IMAGE, "bicubic", {"size": (4, 5)}),
    (IMAGE, "bicubic", {"scale_factor": (1.5, 0.7)}),
    (IMAGE, "bicubic", {"size": (2, 8), "antialias": True}),
    ((1, 1, 1, 2), "bicubic", {"size": (3, 4)}),
    (LINE, "area", {"size": 3}),
    (IMAGE, "area", {"scale_factor": 0.5}),
    (VOLUME, "area", {"size": (2, 2, 3)}),
]
CASES += [
    Case(
        "interpolate",
        f"{shape} {mode} {spelled((), static)}",
        functional("interpolate", mode=mode, **static),
        real(*shape),
        linear=True,
    )
    for shape, mode, static in SIZES
]
CASES += [
    Case(
        "interpolate",
        "positional",
        functional("interpolate", None, 2.0, "bilinear", True),
        real(1, 1, 2, 3),
        linear=True,
    ),
    Case(
        "interpolate",
        "gradient",
        gradient(functional("interpolate", size=(3, 7), mode="bilinear")),
        real(1, 2, 4, 3),
        real(1, 2, 3, 7),
        linear=True,
    ),
    Case("interpolate", "of a square", lambda t, x: t.F.interpolate(x * x, scale_factor=3), real(1, 2, 3)),
]

# --------------------------------------------------------------------------- channels as pixels

CASES += [
    Case("pixel_shuffle", "2", functional("pixel_shuffle", 2), real(2, 8, 2, 3), linear=True),
    Case("pixel_shuffle", "3, no batch", functional("pixel_shuffle", 3), real(9, 1, 2), linear=True),
    Case("pixel_shuffle", "two batches", functional("pixel_shuffle", 2), real(2, 1, 4, 2, 2), linear=True),
    Case("pixel_unshuffle", "2", functional("pixel_unshuffle", 2), real(2, 2, 4, 6), linear=True),
    Case("pixel_unshuffle", "3, no batch", functional("pixel_unshuffle", 3), real(1, 3, 6), linear=True),
    Case("channel_shuffle", "2", functional("channel_shuffle", 2), real(2, 6, 2, 2), linear=True),
    Case("channel_shuffle", "3, line", functional("channel_shuffle", 3), real(1, 6, 2), linear=True),
]
