"""The pictures of docs/graphs.md, drawn by the page itself: ``python -m tests.viz.make_pictures``.

A picture is the drawing of its name among the variables of the page. The suite fails when a picture says something
else than the drawing; where boxes stand may differ with the program that lays graphs out.
"""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "graphs.md"
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def drawings():
    """``{path of a picture that the page shows: the drawing of its name}``."""
    text = PAGE.read_text(encoding="utf-8")
    page = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    doctest.DocTestRunner(optionflags=OPTIONS).run(page, clear_globs=False)
    return {PAGE.parent / path: page.globs[Path(path).stem] for path in re.findall(r"!\[.*?\]\((.*?\.svg)\)", text)}


if __name__ == "__main__":
    for path, drawing in drawings().items():
        drawing.save(path)
        print(path)
