"""Writes in place, into a copy: PyTorch records them too."""

from tests.cases.case import Case, positive, real


def written(index):
    def call(t, x, v):
        y = x.clone()
        y[index] = v
        return y

    return call


def through_a_view(t, x, v):
    y = x.clone()
    row = y.t()[1]
    row *= v
    return y


def augmented(t, x, v):
    y = x.clone()
    y += v
    y *= v
    return y


def under_a_mask(t, x, v):
    y = x.clone()
    y[x > 0] = v
    return y


COVERS = ("index_put",)

CASES = [
    Case("setitem", "[1]", written(1), real(3, 4), real(4), linear=True, covers=COVERS),
    Case("setitem", "[:, 1:3]", written((slice(None), slice(1, 3))), real(3, 4), real(3, 2), linear=True),
    Case("setitem", "broadcast", written((slice(None), slice(1, 3))), real(3, 4), real(1, 2), linear=True),
    Case("setitem", "[[0, 2]]", written([0, 2]), real(3, 4), real(2, 4), linear=True),
    Case("setitem", "0-d value", written((1, 2)), real(3, 4), real(), linear=True),
    Case("setitem", "everything", written(...), real(3, 4), real(3, 4), linear=True),
    Case("setitem", "mask", under_a_mask, positive(3, 4), real()),
    Case("setitem", "through a view", through_a_view, real(3, 4), real(3)),
    Case("mul", "augmented", augmented, real(3, 4), real(3, 4)),
]
