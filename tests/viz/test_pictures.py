"""The pictures of the page about drawings are what its code draws."""

import xml.etree.ElementTree as ElementTree

from tests.viz.make_pictures import drawings


def words(svg):
    return sorted("".join(item.itertext()) for item in ElementTree.fromstring(svg).iter() if item.tag.endswith("text"))


def test_the_pictures_say_what_the_drawings_say():
    found = drawings()
    assert len(found) >= 2
    for path, drawing in found.items():
        assert words(path.read_bytes()) == words(drawing.pipe("svg")), "run python -m tests.viz.make_pictures"
