"""The model: names that are the same everywhere, every tensor once, modules around their operators."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.autograd.node import FREED
from tensorgrad.autograd.primitive import REGISTRY
from tensorgrad.nn.parameter import Parameter
from tensorgrad.viz import Graph, graph
from tensorgrad.viz.labels import FAMILIES, family
from tensorgrad.viz.tape import read_tape
from tests.viz.nets import Chain, Dense, Net, Norm, Relu, SharedRelu, net_and_loss

ROOT = Path(__file__).parents[2]


def by_id(drawn):
    return {node.id: node for node in drawn.nodes}


def without_saved(model):
    data = model.to_dict()
    for node in data["nodes"]:
        for key in ("saved_bytes", "value", "grad", "grad_norm"):
            node.pop(key, None)
    return data


def test_ids_are_paths_operators_and_ordinals():
    net, loss = net_and_loss()
    assert list(by_id(read_tape(loss, net))) == [
        "input#0",
        "features.0.weight",
        "features.0.bias",
        "Net.features.0/conv2d#0",
        *(id for id in by_id(read_tape(loss, net)) if "features.1" in id),
        "Net.features.2/relu#0",
        "Net.features.3/max_pool2d#0",
        "Net/reshape#0",
        "fc.weight",
        "fc.bias",
        "Net.fc/linear#0",
        *(id for id in by_id(read_tape(loss, net)) if "/" not in id and "#" in id and id != "input#0"),
    ]


def test_attributes_shapes_and_sizes():
    net, loss = net_and_loss()
    nodes = by_id(read_tape(loss, net))
    conv = nodes["Net.features.0/conv2d#0"]
    assert (conv.label, conv.operator, conv.attributes) == ("conv2d", "conv", "k3 s1 p1 g1")
    assert (conv.shape, conv.dtype, conv.bytes, conv.family) == ((2, 4, 8, 8), "float32", 2048, "conv, linear")
    assert conv.saved_bytes == 2 * 64 * 4  # the image; the weight is kept anyway
    assert nodes["Net.features.3/max_pool2d#0"].attributes == "k2 s2 p0"
    assert nodes["fc.weight"].kind == "parameter"
    assert nodes["fc.weight"].parameters == 192
    assert nodes["output#0"].value == pytest.approx(loss.item())


@pytest.mark.parametrize(
    ("call", "label", "attributes"),
    [
        (lambda x: F.conv2d(x, tg.ones(2, 1, 3, 5), stride=(1, 2), padding=(1, 0)), "conv2d", "k3x5 s1x2 p1x0 g2"),
        (lambda x: F.conv2d(x, tg.ones(2, 1, 3, 3), dilation=2), "conv2d", "k3 s1 p0 d2 g2"),
        (lambda x: F.conv1d(x[:, :, 0], tg.ones(2, 2, 3)), "conv1d", "k3 s1 p0 g1"),
        (lambda x: F.avg_pool2d(x, 2), "avg_pool2d", "k2 s2 p0"),
        (lambda x: F.adaptive_avg_pool2d(x, 1), "adaptive_avg_pool2d", "to 1"),
        (lambda x: x.sum(dim=1), "sum", "dim=(1,)"),
        (lambda x: x[:, 1:, ::2, 0], "getitem", "[:, 1:, ::2, 0]"),
        (lambda x: x[np.array([0, 0])], "getitem", "[int64(2,)]"),
        (lambda x: x.transpose(0, 1), "permute", "dims=(1, 0, 2, 3)"),
        (lambda x: x.reshape(-1), "reshape", ""),
        (lambda x: F.dropout(x, 0.25, True), "dropout", "p=0.25"),
        (lambda x: F.cross_entropy(x, tg.tensor([[[0] * 8] * 8] * 2)), "cross_entropy", ""),
    ],
)
def test_static_arguments_in_short(call, label, attributes):
    x = tg.randn(2, 2, 8, 8, requires_grad=True)
    if "g2" in attributes:
        conv, groups = F.conv2d, 2
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(F, "conv2d", lambda *a, **k: conv(*a, groups=groups, **k))
            y = call(x)
    else:
        y = call(x)
    node = [node for node in read_tape(y).nodes if node.kind == "op"][-1]
    assert (node.label, node.attributes) == (label, attributes)


def test_arrays_among_static_arguments_are_summarised():
    x = tg.randn(100, 100, requires_grad=True)
    text = graph(F.dropout(x, 0.5, True)).to_json()
    assert "bool(100, 100)" in text
    assert len(text) < 2000


def test_two_processes_give_identical_bytes():
    program = (
        "import sys, tensorgrad as tg; tg.manual_seed(1)\n"
        "from tests.viz.nets import net_and_loss\n"
        "from tensorgrad.viz import graph\n"
        "junk = [tg.ones(2, requires_grad=True) * 2 for _ in range(int(sys.argv[1]))]\n"
        "net, loss = net_and_loss()\n"
        "for options in ({}, {'detail': 'module'}, {'depth': 0}):\n"
        "    g = graph(loss, params=net, **options)\n"
        "    print(g.to_json(), g.source, g.to_text())\n"
        "print(graph(loss).source)\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program, junk],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, junk in (("1", "0"), ("2", "17"))
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 1000


def test_before_and_after_backward_are_the_same():
    net, loss = net_and_loss()
    before, source = read_tape(loss, net), graph(loss, params=net).source
    loss.backward()
    after = read_tape(loss, net)
    assert without_saved(before) == without_saved(after)
    shown = graph(loss, params=net).source
    assert re.sub(r"\\n\|grad\| [^\\\]\"]+", "", shown) == source != shown
    assert {node.saved_bytes for node in after.nodes if node.kind == "op"} == {None}
    assert None not in {node.saved_bytes for node in before.nodes}


def test_drawing_leaves_the_tape_alone():
    net, loss = net_and_loss()
    graph(loss, params=net).source  # noqa: B018
    assert loss.node.saved is not FREED
    loss.backward()
    assert all(p.grad is not None for p in net.parameters())


def test_scalars_show_data_and_gradient():
    a, b = tg.tensor(2.0, requires_grad=True), tg.Tensor(-3.0, requires_grad=True, name="b")
    product = a * b
    product.retain_grad()
    total = product + a
    total.backward()
    g = graph(total, params={"a": a})
    nodes = by_id(g.model)
    assert (nodes["a"].value, nodes["a"].grad, nodes["a"].kind) == (2.0, -2.0, "parameter")
    assert (nodes["b"].value, nodes["b"].grad, nodes["b"].kind) == (-3.0, 2.0, "input")
    assert (nodes["mul#0"].value, nodes["mul#0"].grad) == (-6.0, 1.0)
    assert "data -6 | grad 1" in g.source


def test_larger_tensors_show_the_norm_of_their_gradient():
    x = tg.Tensor([3.0, 4.0], requires_grad=True, name="x")
    middle = x * 1.0
    middle.retain_grad()
    loss = (middle * middle).sum()
    assert "|grad|" not in graph(loss).source
    loss.backward()
    nodes = by_id(read_tape(loss))
    assert (nodes["x"].grad_norm, nodes["x"].grad) == (10.0, None)
    assert nodes["mul#0"].grad_norm == 10.0
    assert nodes["mul#1"].grad_norm is None
    assert graph(loss).source.count("|grad| 10") == 2
    x.grad = None
    assert read_tape(x.sum(), {"x": x}).nodes[0].grad_norm is None


def test_every_operator_has_a_family():
    families = {name: family(op) for name, op in REGISTRY.items() if op.differentiable}
    for name, expected in (
        ("linear", "conv, linear"),
        ("matmul", "conv, linear"),
        ("relu", "activation"),
        ("tanh", "activation"),
        ("softmax", "activation"),
        ("layer_norm", "normalise, dropout"),
        ("group_norm", "normalise, dropout"),
        ("max_pool", "pool, shape"),
        ("reshape", "pool, shape"),
        ("sum_to", "pool, shape"),
        ("cross_entropy", "loss"),
        ("exp", "elementwise, reduce"),
    ):
        assert families[name] == expected
    assert set(families.values()) == set(FAMILIES)


def test_a_view_is_drawn_as_it_is_now():
    x = tg.ones(3, requires_grad=True) * 1.0
    first = x[:1]
    x.mul_(2.0)
    assert "mul" in {node.operator for node in read_tape(first).nodes}
    (g,) = (node for node in read_tape(first).nodes if node.kind == "output")
    assert g.value == 2.0


def test_pairs_of_names_and_tensors_are_as_good_as_a_dictionary():
    net, loss = net_and_loss()
    pairs = read_tape(loss, net.named_parameters())
    assert pairs == read_tape(loss, dict(net.named_parameters()))
    assert by_id(pairs)["fc.weight"].kind == "parameter"


def test_params_name_results_too():
    x = tg.ones(3, requires_grad=True)
    hidden = x * 2
    nodes = by_id(read_tape(hidden.sum(), {"hidden": hidden, "x": x}))
    assert nodes["mul#0"].label == "mul = hidden"


def test_a_tensor_used_twice_is_one_node():
    x, w = tg.randn(3, 3), tg.randn(3, 3, requires_grad=True)
    half = tg.tensor(0.5)
    model = read_tape((w @ x + w @ x) * half * half)
    assert [node.kind for node in model.nodes].count("input") == 2  # w, without a name, and x
    constants = [node for node in model.nodes if node.kind == "constant"]
    assert [(node.id, node.value) for node in constants] == [("constant#0", 0.5)]
    assert sum(edge.source == "constant#0" for edge in model.edges) == 2


def test_an_input_that_layers_reshape_is_one_node_under_its_name():
    """A layer for vectors makes rows of a sequence: of an input that is no operator, and no second input."""
    words = tg.randn(5, 2, 8)
    words.name = "words"
    net = tg.nn.LSTM(8, 4, bidirectional=True)
    drawn = by_id(read_tape(net(words)[0], params=net))
    assert [(node.id, node.shape) for node in drawn.values() if node.shape[-1] == 8 and node.kind == "input"] == [
        ("words", (5, 2, 8))
    ]
    w = tg.ones(2, requires_grad=True)
    part, all_of_it = words[0], words.permute(2, 0, 1)
    labels = [node.label for node in read_tape((part * w[0]).sum() + (all_of_it * w[1]).sum()).nodes]
    assert labels.count("words") == 1  # a part is another input
    with tg.no_grad():
        turned = w.reshape(2, 1)
    assert "input 0" in [node.label for node in read_tape((turned * w).sum()).nodes]


def test_a_square_has_two_edges():
    x = tg.ones(2, requires_grad=True)
    edges = [(e.source, e.target, e.position) for e in read_tape(x * x, {"x": x}).edges]
    assert edges == [("x", "mul#0", 0), ("x", "mul#0", 1), ("mul#0", "output#0", 0)]


def test_kinds_of_leaves():
    net = Net().eval()
    frozen = Parameter(tg.ones(1, 3), requires_grad=False)
    y = net(tg.randn(2, 1, 8, 8)) * frozen * tg.tensor([[True], [False]])
    nodes = by_id(read_tape(y, {"net": net, "frozen": frozen}))
    assert (nodes["frozen"].kind, nodes["frozen"].trainable) == ("parameter", False)
    assert nodes["net.fc.weight"].trainable
    assert nodes["constant#0"].shape == (4,)  # of the normalisation, from its running variance
    assert nodes["constant#1"].dtype == "bool"
    assert nodes["input#0"].kind == "input"


def test_module_calls_and_their_parameters():
    net, loss = net_and_loss()
    modules = {m.id: m for m in read_tape(loss, net).modules}
    assert list(modules) == [
        "Net",
        "Net.features",
        *(f"Net.features.{i}" for i in range(4)),
        "Net.fc",
    ]
    assert modules["Net"].parameters == sum(p.numel() for p in net.parameters())
    assert (modules["Net.fc"].cls, modules["Net.fc"].parameters, modules["Net.fc"].parent) == ("Dense", 195, "Net")
    assert modules["Net.features.0"].name == "features.0"


def test_every_call_of_a_shared_module_is_a_call():
    net = SharedRelu()
    model = read_tape(net(tg.randn(2, 4)).sum(), net)
    assert [m.id for m in model.modules if m.path == "SharedRelu.relu"] == [
        "SharedRelu.relu",
        "SharedRelu.relu#1",
        "SharedRelu.relu#2",
    ]
    assert [n.id for n in model.nodes if n.label == "relu"] == [f"SharedRelu.relu/relu#{i}" for i in range(3)]


def test_without_params_parameters_are_called_by_their_module():
    net, loss = net_and_loss()
    model = read_tape(loss)
    nodes = by_id(model)
    assert nodes["Net.fc/weight#0"].shape == (3, 64)
    assert (nodes["Net.fc/weight#0"].kind, nodes["Net.fc/weight#0"].module) == ("parameter", "Net.fc")
    assert [node.label for node in model.nodes if node.kind == "parameter"] == ["weight", "bias"] * 3
    assert {m.id: m.parameters for m in model.modules}["Net"] == sum(p.numel() for p in net.parameters())


def test_several_outputs_and_a_leaf():
    x = tg.Tensor([1.0, 1.0], requires_grad=True, name="x")
    model = read_tape({"double": x * 2, "sum": x.sum(), "same": x})
    assert [node.id for node in model.nodes if node.kind == "output"] == ["double", "sum", "same"]
    assert ("x", "same") in [(edge.source, edge.target) for edge in model.edges]


def test_names_that_collide_stay_apart():
    x, y = (
        tg.Tensor([1.0, 1.0], requires_grad=True, name="mul#0"),
        tg.Tensor([1.0, 1.0], requires_grad=True, name="mul#0"),
    )
    ids = [node.id for node in read_tape(x * y).nodes]
    assert ids == ["mul#0", "mul#0~2", "mul#0~3", "output#0"]


def test_gradients_of_create_graph_are_drawn():
    layer = Dense(3, 2)
    loss = (layer(tg.randn(4, 3)) ** 2).sum()
    (dw,) = tg.autograd.grad(loss, layer.weight, create_graph=True)
    model = read_tape((dw**2).sum(), layer)
    assert "weight" in by_id(model)
    assert sum(node.kind == "op" for node in model.nodes) > sum(n.kind == "op" for n in read_tape(loss, layer).nodes)
    graph((dw**2).sum(), params=layer).pipe("svg")


def test_the_seed_that_a_sum_spreads_is_a_constant():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    (slope,) = tg.autograd.grad((x * x).sum(), x, create_graph=True)
    g = graph(slope)
    (seed,) = [node for node in g.model.nodes if node.kind != "op" and node.id not in ("x", "output#0")]
    assert (seed.kind, seed.label, seed.attributes, seed.shape) == ("constant", "constant 0", "all 1", (2,))
    assert by_id(read_tape(x * tg.ones(2)))["input#0"].attributes == ""


def test_a_long_chain_needs_no_recursion():
    x = tg.ones(1, requires_grad=True)
    y = x
    for _ in range(200_000):
        y = y + 1.0
    g = graph(y, params={"x": x})
    assert len(g.model.nodes) == 200_002
    assert g.model.nodes[-2].id == "add#199999"
    assert len(g.to_json().splitlines()) > 400_000
    with pytest.raises(RuntimeError, match="200,002 nodes are more than"):
        g.pipe("svg")
    g.model = y = None


def test_json_round_trip():
    net, loss = net_and_loss()
    model = graph(loss, params=net).model
    assert Graph.from_json(model.to_json()) == model
    assert Graph.from_json(model.to_json()).to_json() == model.to_json()
    folded = graph(loss, params=net, detail="module").model
    assert Graph.from_json(folded.to_json()) == folded


def test_json_has_no_nan():
    x = tg.tensor(float("inf"), requires_grad=True)
    text = graph(x * 2).to_json()
    assert '"value": "inf"' in text
    assert Graph.from_json(text).nodes[0].value == float("inf")


@pytest.mark.parametrize("data", [{}, {"version": 99}, []])
def test_other_json_is_refused(data):
    with pytest.raises(ValueError, match="version 1"):
        Graph.from_dict(data)


@pytest.mark.parametrize(
    ("outputs", "params", "words"),
    [
        (3, None, "outputs must be a tensor"),
        ([], None, "got none"),
        ([1], None, "got int"),
        (tg.ones(1), [tg.ones(1)], "params must be.*got list of Tensor"),
        (tg.ones(1), Net().parameters(), r"as pairs \(net.named_parameters\(\)\).*generator of Parameter"),
        (tg.ones(1), tg.ones(1), "got Tensor"),
        (tg.ones(1), "weight", "got str"),
        (Net(), None, r"graph\(net\(x\), params=net\); got the model, a Net"),
        ([Net()], None, r"graph\(net\(x\), params=net\)"),
        (tg.ones(1), {"x": 3}, r"params\['x'\] must be"),
    ],
)
def test_wrong_arguments(outputs, params, words):
    with pytest.raises(TypeError, match=words):
        graph(outputs, params)


@pytest.mark.parametrize("options", [{"detail": "all"}, {"detail": "op", "depth": 1}, {"rankdir": "up"}, {"depth": -1}])
def test_wrong_options(options):
    net, loss = net_and_loss()
    with pytest.raises(ValueError, match=r"detail|rankdir|depth"):
        graph(loss, net, **options)


def test_importing_viz_does_not_import_graphviz():
    program = "import sys, tensorgrad.viz; assert 'graphviz' not in sys.modules, 'graphviz'"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def test_two_networks_of_one_class_are_told_apart():
    first, second = (Chain(Dense(4, 4), Relu()) for _ in range(2))
    both = second(first(tg.randn(2, 4))).sum()
    named = read_tape(both, {"first": first, "second": second})
    assert [m.id for m in named.modules] == ["first", "first.0", "first.1", "second", "second.0", "second.1"]
    assert {m.cls for m in named.modules if m.parent is None} == {"Chain"}
    assert [n.id for n in named.nodes if n.kind == "op"][2] == "second.0/linear#0"
    unnamed = read_tape(both)
    assert [m.id for m in unnamed.modules if m.parent is None] == ["Chain", "Chain#1"]
    assert [m.cls for m in unnamed.modules] == ["Chain", "Dense", "Relu"] * 2
    again = read_tape(first(first(tg.randn(2, 4))).sum(), {"first": first})
    assert [m.id for m in again.modules if m.parent is None] == ["first"]


def test_a_part_that_is_called_by_itself_goes_by_its_name_in_the_network():
    net = Chain(Chain(Dense(4, 4), Relu()), Chain(Dense(4, 2), Norm(2)))
    x = tg.randn(2, 4)
    parts = read_tape(getattr(net, "1")(getattr(net, "0")(x)), net)
    classes = {m.id: m.cls for m in parts.modules}
    assert classes == {"0": "Chain", "0.0": "Dense", "0.1": "Relu", "1": "Chain", "1.0": "Dense", "1.1": "Norm"}
    assert {m.id for m in read_tape(net(x), net).modules} == {"Chain", *(f"Chain.{id}" for id in classes)}
    assert {m.id: m.parameters for m in parts.modules}["1"] == 14


def test_a_copy_of_a_network_is_not_taken_for_it():
    net = Chain(Dense(4, 4))
    net(tg.randn(1, 4))
    twin = copy.deepcopy(net)
    pair = read_tape(twin(tg.randn(1, 4)), {"net": net, "twin": twin})
    assert [m.id for m in pair.modules] == ["twin", "twin.0"]


def test_a_result_without_history_says_so():
    with tg.no_grad():
        y = net_and_loss()[1]
    assert "nothing was recorded: no_grad, detach" in graph(y).to_text()
    assert graph(tg.ones(2, requires_grad=True)).model.notes == []
