"""Normalization layers as functions."""

import numpy as np

from tests.cases.case import Case, distinct, exactly, fixed, functional, nonzero, positive, real

# --------------------------------------------------------------------------- batch norm


def training(label, shape, **static):
    """Statistics of the batch; running ones are tested where they change, in test_semantics_norm."""
    c = shape[1]
    return Case(
        "batch_norm",
        f"training {label}",
        lambda t, x, w, b: t.F.batch_norm(x, None, None, w, b, training=True, **static),
        real(*shape),
        real(c),
        real(c),
        float32=5e-6,
    )


def evaluating(label, shape, **static):
    c = shape[1]
    return Case(
        "batch_norm",
        f"eval {label}",
        lambda t, x, mean, var, w, b: t.F.batch_norm(x, mean, var, w, b, **static),
        real(*shape),
        fixed(real(c)),
        fixed(positive(c)),
        real(c),
        real(c),
        linear=True,
        covers=("standardize",),
    )


CASES = [
    training("(2,3,3,2)", (2, 3, 3, 2)),
    training("(4,3)", (4, 3)),
    training("(2,3,4)", (2, 3, 4)),
    training("one image", (1, 2, 2, 3)),
    training("one channel", (3, 1, 2, 2)),
    training("5-d", (2, 2, 2, 1, 2)),
    training("eps", (2, 3, 2, 2), eps=0.1),
    evaluating("(2,3,3,2)", (2, 3, 3, 2)),
    evaluating("(4,3)", (4, 3)),
    evaluating("(2,3,4)", (2, 3, 4)),
    evaluating("one value", (1, 2)),
    evaluating("eps", (2, 3, 2, 2), eps=0.1),
    evaluating("empty batch", (0, 3, 2, 2)),
    Case(
        "batch_norm",
        "eval, moments that learn",
        lambda t, x, mean, var: t.F.batch_norm(x, mean, var),
        real(2, 3, 2),
        real(3),
        positive(3),
        torch=False,
        numpy=lambda x, mean, var: (x - mean[:, None]) / np.sqrt(var[:, None] + 1e-5),
        float32=5e-6,
    ),
    Case(
        "batch_norm",
        "training, no affine",
        lambda t, x: t.F.batch_norm(x, None, None, training=True),
        real(3, 2, 2, 2),
        float32=5e-6,
    ),
    Case(
        "batch_norm",
        "training, weight only",
        lambda t, x, w: t.F.batch_norm(x, None, None, w, training=True),
        real(3, 2, 2, 2),
        real(2),
        float32=5e-6,
    ),
    Case(
        "batch_norm",
        "training, bias only",
        lambda t, x, b: t.F.batch_norm(x, None, None, None, b, True),
        real(3, 2, 2, 2),
        real(2),
        float32=5e-6,
        second=False,  # PyTorch's fails without a weight
    ),
    Case(
        "batch_norm",
        "eval, no affine",
        lambda t, x, mean, var: t.F.batch_norm(x, mean, var),
        real(3, 2, 2, 2),
        fixed(real(2)),
        fixed(positive(2)),
        linear=True,
    ),
    Case(
        "batch_norm",
        "constant input",
        lambda t, x, w, b: t.F.batch_norm(x, None, None, w, b, training=True),
        exactly([[2.0, -1.0]] * 4),
        real(2),
        real(2),
        smooth=False,
        float32=None,
    ),
    Case(
        "batch_norm",
        "training, weight fixed",
        lambda t, x, w, b: t.F.batch_norm(x, None, None, w, b, training=True),
        real(4, 2),
        fixed(real(2)),
        fixed(real(2)),
        float32=5e-6,
    ),
    Case(
        "batch_norm",
        "training, input fixed",
        lambda t, x, w, b: t.F.batch_norm(x, None, None, w, b, training=True),
        fixed(real(4, 2)),
        real(2),
        real(2),
        linear=True,
    ),
]

# --------------------------------------------------------------------------- layer norm


def layer(label, shape, normalized, affine=2, **static):
    inputs = [real(*normalized) for _ in range(affine)]
    call = lambda t, x, *wb: t.F.layer_norm(x, normalized, *wb, **static)
    return Case("layer_norm", label, call, real(*shape), *inputs, float32=5e-6)


CASES += [
    layer("last axis", (2, 3, 4), (4,)),
    layer("two axes", (2, 3, 4), (3, 4)),
    layer("all axes", (3, 4), (3, 4)),
    layer("no affine", (2, 5), (5,), affine=0),
    layer("weight only", (2, 5), (5,), affine=1),
    layer("eps", (2, 5), (5,), eps=0.1),
    layer("empty batch", (0, 5), (5,)),
    Case("layer_norm", "list", functional("layer_norm", [4]), real(2, 4), float32=5e-6),
    Case("layer_norm", "one value", functional("layer_norm", (1,)), real(3, 1), smooth=False, float32=None),
    Case("layer_norm", "constant row", functional("layer_norm", (3,)), exactly([[2.0] * 3]), smooth=False),
]

# --------------------------------------------------------------------------- group, instance, root mean square


def group(label, shape, groups, affine=2, **static):
    inputs = [real(shape[1]) for _ in range(affine)]
    call = lambda t, x, *wb: t.F.group_norm(x, groups, *wb, **static)
    return Case("group_norm", label, call, real(*shape), *inputs, float32=5e-6)


def instance(label, shape, affine=2, **static):
    inputs = [real(shape[1]) for _ in range(affine)]
    call = lambda t, x, *wb: t.F.instance_norm(x, None, None, *wb, **static)
    return Case("instance_norm", label, call, real(*shape), *inputs, float32=5e-6, covers=("group_norm",))


def rms(label, shape, normalized, affine=1, **static):
    inputs = [real(*normalized) for _ in range(affine)]
    call = lambda t, x, *w: t.F.rms_norm(x, normalized, *w, **static)
    return Case("rms_norm", label, call, real(*shape), *inputs, float32=5e-6)


def response(label, shape, *args, **static):
    return Case("local_response_norm", label, functional("local_response_norm", *args, **static), real(*shape))


def unit(label, x, *args, **static):
    return Case("normalize", f"F.normalize {label}", functional("normalize", *args, **static), x, float32=5e-6)


CASES += [
    group("two groups", (2, 4, 3, 2), 2),
    group("one group", (2, 3, 4), 1),
    group("a group each", (2, 3, 4), 3),
    group("no affine", (2, 4, 2), 2, affine=0),
    group("weight only", (2, 4, 2), 2, affine=1),
    group("no positions", (3, 6), 2),
    group("eps", (2, 4, 3), 2, eps=0.1),
    instance("(2,3,4)", (2, 3, 4)),
    instance("(2,2,3,2)", (2, 2, 3, 2)),
    instance("5-d", (1, 2, 2, 1, 2)),
    instance("no affine", (2, 2, 3), affine=0),
    instance("eps", (2, 2, 3), eps=0.1),
    Case(
        "instance_norm",
        "by running moments",
        lambda t, x, mean, var, w, b: t.F.instance_norm(x, mean, var, w, b, use_input_stats=False),
        real(2, 3, 4),
        fixed(real(3)),
        fixed(positive(3)),
        real(3),
        real(3),
        linear=True,
        covers=("standardize",),
    ),
    rms("last axis", (2, 3, 4), (4,)),
    rms("two axes", (2, 3, 4), (3, 4)),
    rms("no weight", (2, 5), (5,), affine=0),
    rms("eps", (2, 5), (5,), eps=0.1),
    response("size 2", (2, 5, 3), 2),
    response("size 3, strong", (2, 5, 3), 3, 0.5, 0.6, 2.0),
    response("4-d", (1, 4, 2, 3), size=4, alpha=1.0),
    response("5-d", (1, 4, 1, 2, 2), 5, alpha=1.0),
    unit("rows", real(3, 4)),
    unit("p 1, dim 0", nonzero(3, 4), 1.0, 0),
    unit("p 3, dim -1", nonzero(2, 3, 2), p=3, dim=-1),
    unit("infinity", distinct(3, 4), float("inf")),
    unit("two dims", real(2, 3, 2), dim=(1, 2)),
    unit("large eps", real(3, 4), eps=10.0),
]
