"""Drawing: the graphviz.Digraph that `graph` returns."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import graphviz

from tensorgrad.viz import dot, render
from tensorgrad.viz.model import Graph

#: Dots per inch of PNG files: sharp on a screen and in a document.
DPI = 144


class Drawing(graphviz.Digraph):
    """A graphviz.Digraph of the graph, which also carries the model it was drawn from.

    Everything a Digraph can do works, so a drawing can be changed before it is rendered. Beyond that: ``model``
    (the :class:`~tensorgrad.viz.Graph`); :meth:`save` by suffix; rendering without a Graphviz installation.
    The DOT text is written when it is first asked for.

    >>> import tensorgrad as tg, tensorgrad.viz
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> g = tg.viz.graph((x * x).sum(), params={"x": x})
    >>> isinstance(g, graphviz.Digraph), '"mul#0" -> "sum#0"' in g.source
    (True, True)
    """

    def __init__(self, *args: Any, model: Graph | None = None, rankdir: str = "TB", **kwargs: Any) -> None:
        self.model = model if model is not None else Graph()
        self._body: list[str] | None = None
        self._rankdir = rankdir
        super().__init__(*args, **kwargs)
        if model is not None and not self._body:
            self._body = None  # not written yet

    @property
    def body(self) -> list[str]:
        """The lines of DOT between the braces; written from the model when first read."""
        if self._body is None:
            self._body = []
            dot.digraph(self.model, rankdir=self._rankdir, into=self)
        return self._body

    @body.setter
    def body(self, lines: list[str]) -> None:
        self._body = lines

    # --- other forms ------------------------------------------------------------------------------------------------

    def to_graphviz(self) -> graphviz.Digraph:
        """A plain graphviz.Digraph with the same source."""
        return graphviz.Digraph(self.name, body=list(self.body))

    def to_dict(self) -> dict[str, Any]:
        """The model as plain dictionaries and lists."""
        return self.model.to_dict()

    def to_json(self) -> str:
        """The model as JSON: the same bytes for the same program in every process."""
        return self.model.to_json()

    def to_text(self) -> str:
        """One line for every node."""
        return self.model.to_text()

    def copy(self) -> Drawing:
        """An independent copy, to be changed without changing this one."""
        return Drawing(model=self.model, rankdir=self._rankdir, **self._copy_kwargs())

    # --- pictures ---------------------------------------------------------------------------------------------------

    def pipe(
        self,
        format: str | None = None,
        *,
        encoding: str | None = None,
        engine: str | None = None,
        timeout: float = render.TIMEOUT,
        max_nodes: int = render.MOST_NODES,
        **options: Any,
    ) -> Any:
        """The picture as bytes, or as text with ``encoding``.

        Parameters: ``format`` ("svg"), ``engine`` ("dot"), ``timeout`` in seconds, ``max_nodes``, the most nodes to
        lay out. What only a Graphviz installation knows (``renderer=``, ...) is refused.
        Raises RuntimeError without a program that draws, for too many nodes, and after the time-out.
        """
        if unknown := sorted(key for key, value in options.items() if value not in (None, False)):
            raise TypeError(f"Drawing.pipe: {', '.join(unknown)} cannot be used here; use to_graphviz().pipe(...)")
        if len(self.model.nodes) > max_nodes:
            raise RuntimeError(
                f"graph: {len(self.model.nodes):,} nodes are more than the {max_nodes:,} that are laid out; draw less "
                '(depth=, detail="module"), allow more (max_nodes=), or save as .dot, .json or .txt'
            )
        format = format or self.format
        picture = render.layout(
            self.source,
            format,
            engine=engine or self.engine,
            timeout=timeout,
            dpi=DPI if format in ("png", "jpg", "jpeg") else None,
        )
        return picture if encoding is None else picture.decode(encoding)

    def save(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write a file whose suffix says what: .svg, .png, .pdf, .dot (or .gv), .json, .txt; returns its path.

        ``options`` are those of :meth:`pipe`. Raises ValueError for another suffix, and what :meth:`pipe` raises;
        a file that cannot be drawn is not touched.

        >>> import tempfile, tensorgrad as tg, tensorgrad.viz
        >>> drawing = tg.viz.graph(tg.ones(2, requires_grad=True).sum())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = drawing.save(f"{folder}/graph.txt")
        ...     print(Path(path).read_text(), end="")
        input#0  input  float32[2]
        sum#0  dim=(0,)  float32[] <- input#0
        output#0  output  float32[] <- sum#0
        """
        path = Path(os.fspath(filename if filename is not None else self.filename))
        if directory is not None:
            path = Path(directory) / path
        suffix = path.suffix.lower()
        if suffix in (".dot", ".gv", ""):
            content = self.source.encode("utf-8")
        elif suffix == ".json":
            content = self.to_json().encode("utf-8")
        elif suffix == ".txt":
            content = self.to_text().encode("utf-8", "backslashreplace")
        elif suffix in (".svg", ".png", ".pdf"):
            content = self.pipe(suffix[1:], **options)
        else:
            raise ValueError(f"save: the suffix must be .svg, .png, .pdf, .dot, .json or .txt, got {path.name!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def render(
        self,
        filename: Any = None,
        directory: Any = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: Any = None,
        **options: Any,
    ) -> str:
        """What graphviz.Digraph.render does: save DOT as ``filename`` and the picture beside it; returns its path.

        ``cleanup`` removes the DOT file again, ``view`` opens the picture, ``outfile`` names the picture instead.
        """
        if outfile is not None:
            picture = Path(directory or "") / os.fspath(outfile)
            source = Path(directory or "") / os.fspath(filename) if filename else picture.with_suffix(".gv")
            format = format or picture.suffix[1:].lower() or self.format
        else:
            source = Path(directory if directory is not None else self.directory or "") / os.fspath(
                filename if filename is not None else self.filename
            )
            format = format or self.format
            picture = source.with_name(f"{source.name}.{format}")
        content = self.pipe(format, **options)
        picture.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(self.source, encoding="utf-8")
        picture.write_bytes(content)
        if cleanup:
            source.unlink()
        if view:
            webbrowser.open(picture.resolve().as_uri())
        return str(picture)

    def show(self) -> None:
        """Show the picture: in a notebook in its place, elsewhere in the browser, from a temporary SVG file."""
        ipython = sys.modules.get("IPython")
        if ipython is not None and ipython.get_ipython() is not None:
            ipython.display.display(self)
            return
        with tempfile.NamedTemporaryFile("wb", prefix="tensorgrad-", suffix=".svg", delete=False) as file:
            file.write(self.pipe("svg"))
        if not webbrowser.open(Path(file.name).as_uri()):
            print(f"the drawing is in {file.name}")

    def _repr_svg_(self) -> str:
        return str(self.pipe("svg", encoding="utf-8"))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, Any]:
        """What a notebook shows: the SVG, or the text and the reason why there is no picture."""
        try:
            return {"image/svg+xml": self._repr_svg_()}
        except RuntimeError as error:
            return {"text/plain": f"{self.to_text()}({error})"}

    def __repr__(self) -> str:
        return f"<Drawing of {self.model.operators:,} operators, {len(self.model.nodes):,} nodes>"
