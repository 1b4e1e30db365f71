"""Folding: modules become boxes, nothing gets lost, and no circle appears."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.viz import graph
from tests.viz.nets import Deep, Net, SharedRelu, net_and_loss


def acyclic(model):
    place = {node.id: i for i, node in enumerate(model.nodes)}
    return all(place[edge.source] < place[edge.target] for edge in model.edges)


def test_small_graphs_are_not_folded():
    net, loss = net_and_loss()
    model = graph(loss, params=net).model
    assert not model.notes
    assert not any(node.kind == "module" for node in model.nodes)


def test_more_than_sixty_operators_are_folded_and_say_so():
    net = Deep()
    loss = net(tg.randn(2, 4)).sum()
    g = graph(loss, params=net)
    boxes = [node for node in g.model.nodes if node.kind in ("op", "module")]
    assert len(boxes) <= 60
    assert [node.id for node in boxes][:2] == ["Deep.blocks.0", "Deep.blocks.1"]
    assert "80 of 82 operators are folded into 20 modules" in " ".join(g.model.notes) or g.model.notes
    assert 'detail="op"' in g.to_text()
    assert "operators are folded into" in g.source
    assert sum(node.operators for node in boxes) == 82
    everything = graph(loss, params=net, detail="op").model
    assert not everything.notes
    assert sum(node.kind == "op" for node in everything.nodes) == 82


def test_depth_chooses_the_level():
    net = Net()
    loss = net(tg.randn(2, 1, 8, 8)).sum()
    ids = {depth: [n.id for n in graph(loss, net, depth=depth).model.nodes if n.kind == "module"] for depth in range(3)}
    assert ids == {
        0: ["Net"],
        1: ["Net.features", "Net.fc"],
        2: [*(f"Net.features.{i}" for i in range(4)), "Net.fc"],
    }
    root = next(node for node in graph(loss, net, depth=0).model.nodes if node.kind == "module")
    assert root.parameters == sum(p.numel() for p in net.parameters())
    assert root.shape == (2, 3)


def test_inputs_stay_and_parameters_go_inside():
    net, loss = net_and_loss()
    model = graph(loss, net, detail="module").model
    assert {node.kind for node in model.nodes} == {"input", "op", "module", "output"}
    conv = next(node for node in model.nodes if node.id == "Net.features.0")
    assert (conv.label, conv.attributes, conv.parameters) == ("features.0: Conv", "k3 s1 p1 g1", 40)
    assert conv.family == "conv, linear"


def test_a_folded_module_shows_the_norm_of_its_gradients():
    net, loss = net_and_loss()
    assert "|grad|" not in graph(loss, net, detail="module").source
    loss.backward()
    conv = next(node for node in graph(loss, net, detail="module").model.nodes if node.id == "Net.features.0")
    gradients = np.concatenate([p.grad.numpy().ravel() for p in getattr(net.features, "0").parameters()])
    assert conv.grad_norm == pytest.approx(np.linalg.norm(gradients), rel=1e-5)
    relu = next(node for node in graph(loss, net, detail="module").model.nodes if node.id == "Net.features.2")
    assert relu.grad_norm is None


def test_folding_makes_no_circle():
    net = SharedRelu()
    model = graph(net(tg.randn(2, 4)).sum(), net, detail="module").model
    assert [node.id for node in model.nodes if node.kind == "module"] == [
        "SharedRelu.a",
        "SharedRelu.relu",
        "SharedRelu.b",
        "SharedRelu.relu#1",
        "SharedRelu.c",
        "SharedRelu.relu#2",
    ]
    assert acyclic(model)
    for depth in range(3):
        assert acyclic(graph(Deep(3)(tg.randn(2, 4)), depth=depth).model)


def test_a_parameter_that_two_modules_share_stays_visible_once():
    net = SharedRelu()
    net.b.weight = net.a.weight
    model = graph(net(tg.randn(2, 4)).sum(), net, detail="module").model
    ids = [node.id for node in model.nodes]
    assert len(ids) == len(set(ids))
    assert {edge.source for edge in model.edges} | {edge.target for edge in model.edges} <= set(ids)


def test_graphs_without_modules_cannot_be_folded():
    y = x = tg.ones(2, requires_grad=True)
    for _ in range(100):
        y = y * 2.0
    assert len(graph(y, {"x": x}).model.nodes) == 102
    assert len(graph(y, {"x": x}, detail="module").model.nodes) == 102
