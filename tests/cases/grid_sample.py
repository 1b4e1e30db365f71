"""Spatial transformers: images read at places, and grids of places."""

import itertools

from tests.cases.case import Case, between, exactly, fixed, functional, gradient, real

INF, NAN = float("inf"), float("nan")
COVERS = ("grid_position", "tap_weights", "grid_sample_input_grad", "grid_sample_weight_grad")
PADDINGS = ("zeros", "border", "reflection")


def places(*shape):
    """Inside the image for the most part, some far enough out to be reflected twice."""
    return between(-1.7, 1.7, *shape)


def sampling(shape, grid, mode, padding, corners, label=""):
    """PyTorch has no second derivative of this operator; central differences have."""
    call = functional("grid_sample", mode=mode, padding_mode=padding, align_corners=corners)
    name = f"{shape} {mode} {padding}{' corners' if corners else ''}{label}"
    return Case("grid_sample", name, call, real(*shape), grid, second=False, covers=COVERS, float32=1e-5)


# --------------------------------------------------------------------------- every mode

IMAGE, VOLUME = (2, 3, 4, 5), (2, 2, 3, 4, 3)
CASES = [
    sampling(IMAGE, places(2, 3, 2, 2), *settings)
    for settings in itertools.product(("bilinear", "nearest", "bicubic"), PADDINGS, (False, True))
]
CASES += [
    sampling(VOLUME, places(2, 2, 1, 3, 3), *settings)
    for settings in itertools.product(("bilinear", "nearest"), PADDINGS, (False, True))
]
CASES += [
    sampling((1, 2, 1, 3), places(1, 2, 2, 2), "bilinear", "reflection", True, ", one row"),
    sampling((1, 2, 3, 1), places(1, 2, 2, 2), "bicubic", "border", True, ", one column"),
    sampling((2, 1, 3, 3), between(-30, 30, 2, 2, 3, 2), "bilinear", "reflection", False, ", far outside"),
    sampling((2, 1, 3, 3), between(-30, 30, 2, 2, 3, 2), "bicubic", "reflection", True, ", far outside"),
    sampling((2, 1, 3, 3), between(-30, 30, 2, 2, 3, 2), "bilinear", "zeros", False, ", far outside"),
]

# --------------------------------------------------------------------------- edges


def edge(label, points, mode, padding="zeros", corners=False, shape=(1, 2, 3, 4), values=None, **flags):
    call = functional("grid_sample", mode=mode, padding_mode=padding, align_corners=corners)
    x = real(*shape) if values is None else exactly(values)
    grid = exactly([[points]])
    flags = {"smooth": False, "second": False, **flags}
    return Case("grid_sample", f"{label}: {mode} {padding} {corners}", call, x, grid, **flags)


#: corners, borders and centres of pixels of an image of 3 x 4, and halves, which are rounded to even
EXACT = [[1.0, 1.0], [-1.0, -1.0], [1.25, 0.5], [-0.25, 0.0], [0.25, -1.0], [0.5, 1 / 3], [0.0, 1.0], [-1.5, 2.0]]
CASES += [
    edge("on pixels and borders", EXACT, mode, padding, corners)
    for mode, padding, corners in itertools.product(("bilinear", "nearest", "bicubic"), PADDINGS, (False, True))
]
# PyTorch's derivative reads outside its memory for NaN under border and reflection
CASES += [
    edge("huge", [[1e20, 0.0], [-1e20, 0.2], [1e6, 0.3]], mode, padding)
    for mode, padding in itertools.product(("bilinear", "nearest"), PADDINGS)
]
CASES += [
    edge("NaN", [[NAN, 0.0], [0.0, NAN]], "bilinear"),
    edge("NaN", [[NAN, 0.0], [0.0, NAN]], "bicubic"),
    edge("NaN", [[NAN, 0.0], [0.0, NAN]], "bicubic", "border"),
    *[edge("NaN", [[NAN, 0.0], [0.0, NAN]], "nearest", padding) for padding in PADDINGS],
    edge("infinite", [[INF, 0.1], [-INF, 0.2]], "bilinear"),
    edge("infinite", [[INF, 0.1], [-INF, 0.2]], "bilinear", "border"),
    edge("infinite", [[INF, 0.1], [-INF, 0.2]], "nearest", "border"),
    edge("infinite", [[INF, 0.1], [-INF, 0.2]], "nearest", "reflection"),
    # what lies outside is not there: no infinity times zero
    edge("an infinite pixel", [[1.2, 1.2], [-1.2, -1.2]], "bilinear", values=[[[[INF, 1.0], [2.0, 3.0]]]]),
    edge("an infinite pixel", [[1.0, 1.0], [1.2, 0.9]], "bilinear", "border", values=[[[[1.0, 1.0], [2.0, INF]]]]),
]
CASES += [
    Case("grid_sample", label, functional("grid_sample", align_corners=False), x, grid, second=False)
    for label, x, grid in (
        ("an empty batch", real(0, 2, 3, 4), places(0, 2, 2, 2)),
        ("an empty grid", real(2, 2, 3, 4), places(2, 0, 2, 2)),
    )
]
CASES += [
    Case(
        "grid_sample",
        "no channels",
        functional("grid_sample", align_corners=True),
        real(1, 0, 2, 2),
        places(1, 1, 2, 2),
        second=False,
    ),
    Case(
        "grid_sample",
        "a fixed grid: linear",
        functional("grid_sample", mode="bicubic", align_corners=False),
        real(1, 2, 3, 4),
        fixed(places(1, 2, 3, 2)),
        linear=True,
        second=False,
    ),
    Case(
        "grid_sample",
        "positional",
        functional("grid_sample", "bilinear", "border", True),
        real(1, 1, 2, 3),
        places(1, 1, 3, 2),
        second=False,
    ),
]
# what PyTorch cannot: the gradient as a function of x, of the grid and of g
for mode in ("bilinear", "bicubic"):
    in_image = gradient(lambda t, x, grid, mode=mode: t.F.grid_sample(x, grid, mode, align_corners=False))
    in_grid = gradient(lambda t, grid, x, mode=mode: t.F.grid_sample(x, grid, mode, align_corners=False))
    image, grid, g = real(1, 2, 3, 4), places(1, 2, 2, 2), real(1, 2, 2, 2)
    like = {"torch": False, "covers": COVERS, "float32": 1e-5}
    CASES += [
        Case("grid_sample", f"gradient {mode}", in_image, image, grid, g, **like),
        Case("grid_sample", f"gradient in the grid {mode}", in_grid, grid, image, g, **like),
    ]

# --------------------------------------------------------------------------- affine_grid

CASES += [
    Case(
        "affine_grid",
        f"{size}{' corners' if corners else ''}",
        functional("affine_grid", size, align_corners=corners),
        real(size[0], len(size) - 2, len(size) - 1),
        linear=True,
    )
    for size in ((2, 3, 3, 4), (1, 1, 1, 2), (2, 1, 2, 1, 3))
    for corners in (False, True)
]
CASES += [
    Case(
        "affine_grid",
        "a spatial transformer",
        lambda t, x, theta: t.F.grid_sample(x, t.F.affine_grid(theta, (2, 2, 3, 3), False), align_corners=False),
        real(2, 2, 4, 4),
        real(2, 2, 3),
        second=False,
        float32=1e-5,
    )
]
