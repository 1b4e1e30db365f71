"""Drawings: DOT that parses whatever things are called, pictures without a Graphviz installation, clear errors."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import graphviz
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.nn.module import Module
from tensorgrad.viz import Drawing, RendererNotFound, graph, render
from tests.viz.nets import Chain, Dense, Net, Relu, net_and_loss

HOSTILE = [
    "&#0; &bogus;",
    'quote " quote',
    "back\\slash",
    "ends in backslash\\",
    "\\N \\G \\l",
    "<b>bold</b>",
    "<<TABLE></TABLE>>",
    "<",
    "a:b:c",
    "&lt; &amp; &#65;",
    "new\nline\r\n",
    "tab\tnull\0bell\a",
    "digraph",
    "",
    " ",
    "]; evil [label=x]; }",
    "%3A",
    "ümlaut 日本 ∂",
    "\u202ereversed",
    "\ud800",
    "x" * 500,
    "// comment",
    "/* comment",
    "--> -> --",
    "${HOME} `id` $(id)",
]


@pytest.fixture(scope="module")
def drawn():
    tg.manual_seed(0)
    net, loss = net_and_loss()
    return graph(loss, params=net)


def texts_of(svg):
    """The visible lines of an SVG."""
    return [
        "".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
    ]


def dot_json(g):
    """What Graphviz understood of the DOT text."""
    return json.loads(render.layout(g.source, "dot_json").decode("utf-8"))


def test_it_is_a_digraph(drawn):
    assert isinstance(drawn, graphviz.Digraph)
    assert drawn.source.startswith("digraph tensorgrad {")
    plain = drawn.to_graphviz()
    assert type(plain) is graphviz.Digraph
    assert plain.source == drawn.source
    changed = drawn.copy()
    changed.node("extra")
    assert "extra" in changed.source
    assert "extra" not in drawn.source
    with changed.subgraph(name="cluster_mine") as part:
        part.node("inside")
    assert "cluster_mine" in changed.source


def test_dot_holds_what_the_model_holds(drawn):
    understood = dot_json(drawn)
    objects = {item["name"]: item for item in understood["objects"]}
    assert {node.id for node in drawn.model.nodes} <= set(objects)
    names = [item["name"] for item in understood["objects"]]
    seen = [e for e in understood["edges"] if e.get("style") != "invis"]
    edges = sorted((names[e["tail"]], names[e["head"]]) for e in seen)
    assert edges == sorted((edge.source, edge.target) for edge in drawn.model.edges)
    assert "k3 s1 p1 g1" in objects["Net.features.0/conv2d#0"]["label"]
    assert objects["fc.weight"]["fillcolor"] != objects["Net.fc/linear#0"]["fillcolor"]


def test_modules_are_clusters_in_clusters(drawn):
    understood = dot_json(drawn)
    objects = understood["objects"]
    clusters = {item["name"]: item for item in objects if item["name"].startswith("cluster_")}
    assert {"cluster_Net", "cluster_Net.features", "cluster_Net.features.0", "cluster_Net.fc"} <= set(clusters)
    inner = {objects[i]["name"] for i in clusters["cluster_Net"]["subgraphs"]}
    assert {"cluster_Net.features", "cluster_Net.fc"} <= inner
    nodes = {objects[i]["name"] for i in clusters["cluster_Net.fc"]["nodes"]}
    assert nodes == {"fc.weight", "fc.bias", "Net.fc/linear#0"}
    assert "dashed" in clusters["cluster_Net.fc"]["style"]
    assert re.fullmatch(r"fc: Dense\\l195 parameters, \d+%\\l", clusters["cluster_Net.fc"]["label"])
    relu = next(item for item in objects if item["name"] == "Net.features.2/relu#0")
    assert relu["label"].startswith("features.2: Relu")  # a module of one box needs no cluster


def test_the_data_passes_right_of_every_title():
    class Gate(Module):
        def __init__(self, inner):
            self.inner = inner

        def forward(self, x):
            return self.inner(F.sigmoid(x) * x) if self.inner is not None else F.relu(F.tanh(x))

    for net in (Net(), Gate(Dense(4, 4)), Gate(Gate(None))):
        x = tg.randn(2, 1, 8, 8, requires_grad=True) if isinstance(net, Net) else tg.randn(2, 4, requires_grad=True)
        svg = ElementTree.fromstring(graph(net(x), params=net).pipe("svg"))
        groups = [item for item in svg.iter() if item.get("class") in ("cluster", "edge")]
        titles = [text for item in groups if item.get("class") == "cluster" for text in item.iter() if text.get("x")]
        assert len(titles) >= 2
        for edge in (item for item in groups if item.get("class") == "edge"):
            path = next(item for item in edge.iter() if item.tag.endswith("path"))
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d"))]
            points = list(zip(numbers[::2], numbers[1::2], strict=True))
            for title in titles:
                left, base = float(title.get("x")), float(title.get("y"))
                right = left + 4.7 * len(title.text)
                low, high = min(y for _, y in points), max(y for _, y in points)
                if low < base and high > base - 10:  # it comes past the line
                    assert min(x for x, _ in points) > right or max(x for x, _ in points) < left, title.text


def test_a_second_call_does_not_count_its_parameters_again():
    class Twice(Module):
        def __init__(self):
            self.block = Chain(Dense(4, 4), Relu())

        def forward(self, x):
            return self.block(self.block(x) + 1.0)

    net = Twice()
    objects = dot_json(graph(net(tg.randn(2, 4)), params=net))["objects"]
    labels = [item["label"] for item in objects if item["name"].startswith("cluster_Twice.block")]
    assert labels == ["block: Chain\\l20 parameters, 100%\\l", "block: Chain\\l"]


def test_svg_shows_shapes_legend_and_counts(drawn):
    shown = " ".join(texts_of(drawn.pipe("svg")))
    for word in (
        "conv2d",
        "(2, 4, 8, 8)",
        "fc: Dense",
        "(3, 64) = 192",
        "parameter: rounded",
        "conv, linear",
        "k kernel",
    ):
        assert word in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_they_are(name):
    x = tg.ones(2, requires_grad=True)
    y = x * tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    g = graph({name: y.sum()}, params={name: x})
    understood = dot_json(g)
    nodes = [item for item in understood["objects"] if "_gvid" in item and "nodes" not in item]
    assert len(nodes) == len(g.model.nodes)
    assert len(understood["edges"]) == len(g.model.edges)
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)[:20]
    first_words = [text.replace("\xa0", " ") for text in texts_of(g.pipe("svg"))]
    assert any(text.startswith(visible.strip()) for text in first_words), (visible, first_words)
    assert tg.viz.Graph.from_json(g.to_json()) == g.model
    assert len(g.to_text().splitlines()) == len(g.model.nodes)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_module_paths(name):
    from tensorgrad.viz.model import Graph, GraphModule, GraphNode

    model = Graph(
        nodes=[GraphNode(f"{name}/op#{i}", "op", name, (1,), "float32", module=name, operators=1) for i in range(2)],
        modules=[GraphModule(name, f"Net.{name}", cls=name)],
        notes=[name],
    )
    understood = dot_json(Drawing("tensorgrad", model=model))
    assert len(understood["objects"]) == 3


def test_files_by_suffix(drawn, tmp_path):
    assert Path(drawn.save(tmp_path / "g.svg")).read_bytes().startswith(b"<?xml")
    assert Path(drawn.save(tmp_path / "g.PNG")).read_bytes().startswith(b"\x89PNG")
    assert Path(drawn.save(tmp_path / "g.dot")).read_text(encoding="utf-8") == drawn.source
    assert Path(drawn.save("g.gv", tmp_path / "new")).read_text(encoding="utf-8") == drawn.source
    assert tg.viz.Graph.from_json(Path(drawn.save(tmp_path / "g.json")).read_text()) == drawn.model
    assert "Net.features.0/conv2d#0  k3 s1 p1 g1  float32[2, 4, 8, 8] <- input#0" in Path(
        drawn.save(tmp_path / "g.txt")
    ).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"\.svg, \.png"):
        drawn.save(tmp_path / "g.bmp")


def test_render_as_a_digraph_does(drawn, tmp_path):
    path = drawn.render("graph", directory=tmp_path, format="svg")
    assert path == str(tmp_path / "graph.svg")
    assert (tmp_path / "graph").read_text(encoding="utf-8") == drawn.source
    drawn.render(outfile=tmp_path / "other.png", cleanup=True)
    assert (tmp_path / "other.png").exists()
    assert not (tmp_path / "other.gv").exists()
    assert drawn.pipe("svg", encoding="utf-8").startswith("<?xml")
    with pytest.raises(TypeError, match="renderer cannot be used"):
        drawn.pipe("svg", renderer="cairo")


def test_notebooks_show_svg_or_say_why_not(drawn, monkeypatch):
    assert "<svg" in drawn._repr_svg_()
    assert set(drawn._repr_mimebundle_()) == {"image/svg+xml"}
    hide_renderers(monkeypatch)
    shown = drawn._repr_mimebundle_()
    assert "conv2d" in shown["text/plain"]
    assert "pip install graphviz-pure" in shown["text/plain"]


def test_show_opens_an_svg(drawn, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or False)
    drawn.show()
    path = Path(capsys.readouterr().out.split()[-1])
    assert opened == [path.as_uri()]
    assert path.read_bytes().startswith(b"<?xml")
    path.unlink()


# --- the program that lays out ----------------------------------------------------------------------------------------


def hide_renderers(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(render, "_script_folders", list)


def test_graphviz_pure_is_found_beside_python(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert Path(render.find_renderer()).name.startswith("graphviz-pure")
    assert Path(render.find_renderer()).parent in [Path(folder) for folder in render._script_folders()]


def test_dot_on_path_comes_first(monkeypatch, tmp_path):
    dot = tmp_path / ("dot.exe" if sys.platform == "win32" else "dot")
    dot.write_text("#!/bin/sh\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(render.find_renderer("pdf")) == dot


def test_without_a_renderer_the_error_names_the_ways_out(drawn, monkeypatch, tmp_path):
    hide_renderers(monkeypatch)
    target = tmp_path / "g.svg"
    target.write_text("old")
    with pytest.raises(RendererNotFound) as caught:
        drawn.save(target)
    for way in ("https://graphviz.org/download", "pip install graphviz-pure", ".dot, .json or .txt"):
        assert way in str(caught.value)
    assert target.read_text() == "old"
    for suffix in ("dot", "json", "txt"):
        assert Path(drawn.save(tmp_path / f"g.{suffix}")).stat().st_size > 100


def test_pdf_needs_graphviz_itself(drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RendererNotFound, match=r"not PDF.*\.svg or \.png"):
        drawn.save(tmp_path / "g.pdf")


def test_a_layout_that_takes_too_long_is_stopped(drawn, monkeypatch):
    def run(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(RuntimeError, match=r"longer than 3 s.*\.dot, \.json or \.txt"):
        drawn.pipe("svg", timeout=3)


def test_too_many_nodes_are_refused(drawn):
    with pytest.raises(RuntimeError, match=r"more than the 5 .*depth="):
        drawn.pipe("svg", max_nodes=5)


def test_what_the_layout_program_says_is_passed_on():
    with pytest.raises(RuntimeError, match="failed with status"):
        render.layout("digraph {")
