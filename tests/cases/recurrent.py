"""nn.RNN, nn.LSTM, nn.GRU and their cells as functions of their inputs, first states and parameters."""

import functools

from tests.cases.case import Case, real

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
FEATURES, HIDDEN = 3, 2
STEPS, BATCH = 3, 2


def parameters(kind, num_layers=1, bias=True, bidirectional=False, proj_size=0):
    """The shapes of a layer's parameters, in PyTorch's order."""
    rows, out = GATES[kind] * HIDDEN, proj_size or HIDDEN
    shapes = {}
    for layer in range(num_layers):
        columns = out * (1 + bidirectional) if layer else FEATURES
        for suffix in (f"_l{layer}", f"_l{layer}_reverse")[: 1 + bidirectional]:
            shapes |= {"weight_ih" + suffix: (rows, columns), "weight_hh" + suffix: (rows, out)}
            if bias:
                shapes |= {"bias_ih" + suffix: (rows,), "bias_hh" + suffix: (rows,)}
            if proj_size:
                shapes["weight_hr" + suffix] = (proj_size, HIDDEN)
    return shapes


def cell_parameters(kind, bias=True):
    rows = GATES[kind] * HIDDEN
    shapes = {"weight_ih": (rows, FEATURES), "weight_hh": (rows, HIDDEN)}
    return shapes | ({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {})


def called(name, kind, shapes, settings):
    """The module `t.nn.name` on an input and, where there is one, a first state, with these parameters."""

    module = functools.cache(lambda nn: getattr(nn, name)(FEATURES, HIDDEN, **settings))

    def function(t, x, *rest):
        states, values = rest[: len(rest) - len(shapes)], rest[len(rest) - len(shapes) :]
        given = (x, states if kind == "LSTM" else states[0]) if states else (x,)
        result = t.func.functional_call(module(t.nn), dict(zip(shapes, values, strict=True)), given)
        return flat(result)

    return function


def flat(result):
    """(output, (h, c)) as three tensors."""
    if not isinstance(result, tuple):
        return [result]
    return [x for part in result for x in flat(part)]


def layer(kind, label, x=(STEPS, BATCH, FEATURES), state=True, **settings):
    known = {k: v for k, v in settings.items() if k in ("num_layers", "bias", "bidirectional", "proj_size")}
    shapes = parameters(kind, **known)
    count = settings.get("num_layers", 1) * (1 + settings.get("bidirectional", False))
    batch = () if len(x) == 2 else (x[0 if settings.get("batch_first") else 1],)
    widths = [settings.get("proj_size") or HIDDEN, HIDDEN][: 1 + (kind == "LSTM")] if state else []
    inputs = [real(*x), *(real(count, *batch, n) for n in widths), *(real(*shape) for shape in shapes.values())]
    function = called(kind, kind, shapes, settings)
    smooth = settings.get("nonlinearity") != "relu"
    return Case(kind, label, function, *inputs, smooth=smooth, float32=1e-5, covers=(kind.lower(),))


def cell(kind, label, x=(BATCH, FEATURES), state=True, bias=True, **settings):
    shapes = cell_parameters(kind, bias)
    states = [(*x[:-1], HIDDEN)] * (1 + (kind == "LSTM")) if state else []
    inputs = [real(*shape) for shape in (x, *states, *shapes.values())]
    function = called(f"{kind}Cell", kind, shapes, {"bias": bias, **settings})
    return Case(f"{kind}Cell", label, function, *inputs, float32=1e-5, smooth=settings.get("nonlinearity") != "relu")


CASES = [
    *[
        case
        for kind in GATES
        for case in (
            layer(kind, "one layer"),
            layer(kind, "zeros at the start", state=False),
            layer(kind, "no bias", bias=False),
            layer(kind, "two layers", num_layers=2),
            layer(kind, "both directions", bidirectional=True),
            layer(kind, "two layers, both directions", num_layers=2, bidirectional=True),
            layer(kind, "batch first", (BATCH, STEPS, FEATURES), batch_first=True),
            layer(kind, "no batch", (STEPS, FEATURES)),
            layer(kind, "no batch, both directions", (STEPS, FEATURES), bidirectional=True, batch_first=True),
            layer(kind, "one step", (1, BATCH, FEATURES)),
            layer(kind, "dropout 1 between layers", num_layers=2, dropout=1.0),
            cell(kind, "batch"),
            cell(kind, "zeros at the start", state=False),
            cell(kind, "no batch", (FEATURES,)),
            cell(kind, "no bias", bias=False),
        )
    ],
    layer("RNN", "relu", nonlinearity="relu"),
    layer("RNN", "relu, both directions", nonlinearity="relu", bidirectional=True),
    cell("RNN", "relu", nonlinearity="relu"),
    layer("LSTM", "projected", proj_size=1),
    layer("LSTM", "projected, two layers, both directions", proj_size=1, num_layers=2, bidirectional=True),
    layer("LSTM", "projected, no bias, no batch", (STEPS, FEATURES), proj_size=1, bias=False),
]
