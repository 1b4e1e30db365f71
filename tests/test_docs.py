"""README and the documents tell the truth: their Python blocks run as they stand, and their links lead somewhere."""

import doctest
import re
from pathlib import Path

import pytest

from tests import make_operators_page

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_examples_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    assert doctest.testfile(str(path), module_relative=False, optionflags=OPTIONS).failed == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", path.read_text()) if not t.startswith("http")]
    assert [t for t in targets if not (path.parent / t).exists()] == []


def test_the_first_example_of_the_readme_runs():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    names = {}
    exec(code, names)
    assert names["loss"].item() > 0


def test_the_makefile_has_the_commands_that_the_readme_names():
    makefile = (ROOT / "Makefile").read_text()
    for command in re.findall(r"`?make (\w+)", (ROOT / "README.md").read_text()):
        assert f"\n{command}:" in makefile


def test_the_page_of_operators_is_what_the_table_says():
    assert make_operators_page.PAGE.read_text() == make_operators_page.page(), "run python -m tests.make_operators_page"
