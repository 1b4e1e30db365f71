"""Convolution; bilinear in image and weight."""

from tests.cases.case import Case, functional, real

COVERS = ("conv", "conv_input_grad", "conv_weight_grad")


def conv(label, x, w, bias=True, op="conv2d", **static):
    b = (real(w[0]),) if bias else ()
    return Case(op, label, functional(op, **static), real(*x), real(*w), *b, linear=True, covers=COVERS)


X, W = (2, 2, 5, 6), (3, 2, 3, 3)

# --------------------------------------------------------------------------- every parameter

CASES = [
    conv("3x3", X, W),
    conv("3x3, no bias", X, W, bias=False),
    conv("padding 1", X, W, padding=1),
    conv("stride 2", X, W, stride=2),
    conv("stride 2, padding 1", X, W, stride=2, padding=1),
    conv("stride 3, kernel 2: skipped rows", (1, 1, 5, 5), (1, 1, 2, 2), stride=3),
    conv("stride above kernel", (1, 2, 5, 5), (2, 2, 1, 1), stride=2),
    conv("dilation 2", (1, 2, 6, 6), (2, 2, 2, 3), dilation=2),
    conv("dilation 2, padding 2, stride 2", (1, 2, 5, 6), (2, 2, 3, 2), dilation=2, padding=2, stride=2),
    conv("dilation 2, padding 1, input 3", (1, 1, 3, 3), (1, 1, 3, 3), dilation=2, padding=1),
    conv("different by axis", (1, 2, 5, 7), (2, 2, 2, 3), stride=(1, 2), padding=(0, 1), dilation=(1, 2)),
    conv(
        "different by axis, reversed",
        (1, 2, 7, 5),
        (2, 2, 3, 2),
        stride=(2, 1),
        padding=[1, 0],
        dilation=(2, 1),
    ),
    conv("one value for both axes", (1, 1, 4, 5), (1, 1, 2, 2), stride=(2,), padding=(1,)),
    conv("padding above kernel", (1, 1, 3, 3), (1, 1, 2, 2), padding=4),
    conv("same, odd kernel", (1, 2, 4, 5), (2, 2, 3, 3), padding="same"),
    conv("same, even kernel", (1, 2, 4, 5), (2, 2, 2, 4), padding="same"),
    conv("same, dilation", (1, 1, 5, 5), (1, 1, 3, 2), padding="same", dilation=2),
    conv("valid", (1, 2, 4, 5), (2, 2, 3, 3), padding="valid", stride=2),
    conv("groups 2", (2, 4, 4, 4), (6, 2, 3, 3), groups=2, padding=1),
    conv("groups 2, stride 2, dilation 2", (1, 4, 6, 6), (2, 2, 2, 2), groups=2, stride=2, dilation=2),
    conv("depthwise", (1, 4, 4, 4), (4, 1, 3, 3), groups=4, padding=1),
    conv("depthwise, multiplier 2", (1, 2, 4, 4), (4, 1, 2, 2), groups=2),
]

# --------------------------------------------------------------------------- sizes

CASES += [
    conv("1x1", (2, 3, 3, 4), (2, 3, 1, 1)),
    conv("1x1, stride 2", (2, 3, 3, 4), (2, 3, 1, 1), stride=2),
    conv("kernel covers the image", (2, 2, 3, 4), (3, 2, 3, 4)),
    conv("1x3", (1, 2, 4, 5), (2, 2, 1, 3), padding=(0, 1)),
    conv("3x1", (1, 2, 5, 4), (2, 2, 3, 1)),
    conv("5x5, padding 2", (1, 1, 5, 5), (2, 1, 5, 5), padding=2),
    conv("7x7, stride 2, padding 3", (1, 1, 8, 8), (1, 1, 7, 7), stride=2, padding=3),
    conv("one pixel", (1, 1, 1, 1), (1, 1, 1, 1)),
    conv("one channel", (1, 1, 4, 4), (1, 1, 2, 2)),
    conv("batch of 5", (5, 1, 3, 3), (2, 1, 2, 2)),
    conv("empty batch", (0, 1, 3, 3), (2, 1, 2, 2)),
    conv("unbatched", (2, 4, 4), (3, 2, 3, 3), padding=1),
    conv("unbatched, no bias", (1, 3, 3), (1, 1, 2, 2), bias=False),
]

# --------------------------------------------------------------------------- calls

CASES += [
    Case(
        "conv2d",
        "positional",
        functional("conv2d", 2, 1, 1, 1),
        real(1, 2, 5, 5),
        real(2, 2, 3, 3),
        real(2),
        linear=True,
    ),
    Case("conv2d", "bias=None", functional("conv2d", None, 2), real(1, 2, 4, 4), real(2, 2, 2, 2), linear=True),
    Case(
        "conv2d",
        "of itself",
        lambda t, x, w: t.F.conv2d(t.F.conv2d(x, w, padding=1), w, padding=1),
        real(1, 2, 4, 4),
        real(2, 2, 3, 3),
    ),
    Case("conv2d", "weight from the image", lambda t, x: t.F.conv2d(x, x[:, :, 1:3, 1:3]), real(1, 2, 4, 4)),
]

# --------------------------------------------------------------------------- one and three dimensions

CASES += [
    conv("3", (2, 2, 6), (3, 2, 3), op="conv1d"),
    conv("stride 2, padding 1, dilation 2", (1, 2, 8), (2, 2, 3), op="conv1d", stride=2, padding=1, dilation=2),
    conv("groups 2, no bias", (2, 4, 5), (2, 2, 2), bias=False, op="conv1d", groups=2),
    conv("depthwise", (1, 3, 6), (3, 1, 3), op="conv1d", groups=3, padding=1),
    conv("same, even kernel", (1, 1, 5), (2, 1, 4), op="conv1d", padding="same"),
    conv("unbatched", (2, 5), (1, 2, 2), op="conv1d"),
    conv("empty batch", (0, 2, 5), (1, 2, 2), op="conv1d"),
    conv("2x2x2", (1, 2, 3, 3, 3), (2, 2, 2, 2, 2), op="conv3d"),
    conv("1x3x2, padding", (1, 1, 2, 3, 4), (2, 1, 1, 3, 2), op="conv3d", padding=(0, 1, 1)),
    conv("stride, dilation", (1, 1, 4, 4, 5), (1, 1, 2, 2, 2), op="conv3d", stride=2, dilation=(1, 2, 1)),
    conv("groups 2", (1, 2, 2, 3, 3), (2, 1, 2, 2, 2), op="conv3d", groups=2),
    conv("same", (1, 1, 3, 2, 3), (1, 1, 2, 3, 1), op="conv3d", padding="same"),
    conv("unbatched", (1, 2, 3, 3), (1, 1, 2, 2, 2), op="conv3d"),
]

# --------------------------------------------------------------------------- transposed: the input gradient by itself


def transposed(label, x, w, bias=True, op="conv_transpose2d", **static):
    b = (real(w[1] * static.get("groups", 1)),) if bias else ()
    return Case(op, label, functional(op, **static), real(*x), real(*w), *b, linear=True, covers=COVERS)


X, W = (2, 2, 3, 4), (2, 3, 3, 2)
CASES += [
    transposed("3x2", X, W),
    transposed("3x2, no bias", X, W, bias=False),
    transposed("stride 2", X, W, stride=2),
    transposed("stride 2, padding 1, output_padding 1", X, W, stride=2, padding=1, output_padding=1),
    transposed("dilation 2, output_padding 1, stride 1", X, W, dilation=2, output_padding=1),
    transposed(
        "dilation 3, output_padding 2, stride 2",
        (1, 1, 2, 3),
        (1, 1, 2, 2),
        stride=2,
        dilation=3,
        output_padding=2,
        padding=1,
    ),
    transposed("stride above kernel", (1, 1, 2, 3), (1, 2, 1, 1), stride=3, output_padding=2),
    transposed("different by axis", (1, 2, 3, 2), (2, 1, 2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1)),
    transposed("output_padding by axis", X, W, stride=(2, 3), output_padding=(0, 2), padding=(0, 1)),
    transposed("padding above kernel", (1, 1, 5, 5), (1, 1, 2, 2), padding=2),
    transposed("groups 2", (1, 4, 3, 3), (4, 3, 2, 2), groups=2, stride=2),
    transposed("depthwise", (1, 3, 3, 3), (3, 1, 3, 3), groups=3, stride=2, padding=1, output_padding=1),
    transposed("1x1", (2, 3, 2, 2), (3, 2, 1, 1)),
    transposed("unbatched", (2, 3, 3), (2, 2, 2, 2), stride=2),
    transposed("empty batch", (0, 2, 3, 3), (2, 2, 2, 2)),
    transposed("3", (2, 2, 4), (2, 3, 3), op="conv_transpose1d"),
    transposed("stride 3, groups", (1, 4, 3), (4, 1, 2), op="conv_transpose1d", stride=3, groups=2, output_padding=1),
    transposed("unbatched", (2, 3), (2, 1, 2), op="conv_transpose1d", dilation=2),
    transposed("2x2x2", (1, 2, 2, 2, 3), (2, 2, 2, 2, 2), op="conv_transpose3d", stride=2),
    transposed("by axis", (1, 1, 2, 2, 2), (1, 2, 2, 1, 3), op="conv_transpose3d", stride=(1, 2, 2), padding=(0, 0, 1)),
    transposed("unbatched", (1, 2, 2, 2), (1, 1, 2, 2, 2), op="conv_transpose3d", output_padding=1, stride=2),
    Case(
        "conv_transpose2d",
        "positional",
        functional("conv_transpose2d", 2, 1, 1, 1, 1),
        real(1, 2, 3, 3),
        real(2, 2, 3, 3),
        real(2),
        linear=True,
    ),
    Case(
        "conv_transpose2d",
        "of a convolution",
        lambda t, x, w: t.F.conv_transpose2d(t.F.conv2d(x, w, stride=2), w, stride=2),
        real(1, 2, 4, 4),
        real(2, 2, 2, 2),
    ),
]
