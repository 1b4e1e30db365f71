"""Which pixels each result of a transposed convolution takes: a list for every remainder by the stride.

    result[place[i]] = sum over j in begin[kind] ... begin[kind + 1] of image[window[i] + tap[j]] w[number[j]]

Results whose positions have the same remainders meet the same taps: they are of one kind. A piece is a run of results
of one kind, and pieces of all kinds that lie close to each other follow each other, so that memory is written in order.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from tensorgrad.kernels.compiled.offsets import Offsets, Tables, tables
from tensorgrad.kernels.im2col import Geometry, Ints

BLOCK = 64  # results, in whole rows, whose pieces follow each other

Taps = tuple[tuple[int, int], ...]


class Remainders(NamedTuple):
    """Offsets, counted in numbers; channels lie last."""

    window: Offsets  # (results,) where the first pixel of its list lies in the image
    place: Offsets  # (results,) where it lies itself in a sample
    first: Offsets  # (pieces,) the first result of each piece
    last: Offsets  # (pieces,) the last one
    kind: Offsets  # (pieces,)
    begin: Offsets  # (kinds + 1,) where the list of each kind begins
    tap: Offsets  # from the first pixel of the list to each of it
    number: Offsets  # the number in the kernel of the tap that meets it


@functools.lru_cache(maxsize=128)
def remainders(g: Ints, size: Ints, steps: Ints, geometry: Geometry, most: int) -> tuple[Remainders, Tables]:
    """Return the lists for samples g (C, *out) and results (N, *size) of strides ``steps``, and the image's tables.

    A piece has at most ``most`` results. The image is g with zeros around it, as far as the lists reach.
    """
    lines = [_line(*one) for one in zip(size, *geometry, strict=True)]
    reach = [(low, high + 1) for _, _, _, low, high in lines]
    grid = tuple(high - low for low, high in reach)
    ones = (1,) * len(size)
    pads = tuple((-low, high - out) for (low, high), out in zip(reach, g[1:], strict=True))
    image = tables(g, True, 1, grid, steps, Geometry(ones, ones, pads, ones))

    pixel, place, kind = (np.zeros((), np.intp) for _ in range(3))
    for (starts, kinds, lists, low, _), n, to in zip(lines, grid, steps[1:], strict=True):
        pixel = pixel[..., None] * n + np.array(starts, np.intp) - low
        place = place[..., None] + np.arange(len(starts)) * to
        kind = kind[..., None] * len(lists) + np.array(kinds, np.intp)
    block = np.arange(kind.size) // (max(1, BLOCK // size[-1]) * size[-1])
    order = np.lexsort((kind.ravel(), block))
    kinds_in_order = kind.ravel()[order]
    first, last = _runs(block[order] * (kinds_in_order.max() + 1) + kinds_in_order, most)

    tap, number, begin = [], [], [0]
    for combination in itertools.product(*(lists for _, _, lists, _, _ in lines)):
        for each in itertools.product(*combination):
            tap.append(image.window[np.ravel_multi_index([there for there, _ in each], grid)] - image.window[0])
            number.append(np.ravel_multi_index([k for _, k in each], geometry.kernel))
        begin.append(len(tap))
    found = Remainders(
        image.window[pixel.ravel()[order]],
        place.ravel()[order],
        first,
        last,
        kinds_in_order[first],
        np.array(begin, np.intp),
        np.array(tap, np.intp),
        np.array(number, np.intp),
    )
    return found, image


def _line(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> tuple[list[int], list[int], list[Taps], int, int]:
    """Return, along one dimension, where the list of each result starts, its kind, the lists, and how far they reach.

    A list has pairs: how far from its start, and the number of the tap in the kernel.
    """
    starts, lists, met = [], [], {0}
    for i in range(size):
        pairs = [divmod(i + padding[0] - k * dilation, stride) for k in range(kernel)]
        found = [(o, k) for k, (o, rest) in enumerate(pairs) if rest == 0]
        start = min((o for o, _ in found), default=0)
        starts.append(start)
        lists.append(tuple((o - start, k) for o, k in found))
        met |= {o for o, _ in found}
    kinds = {taps: i for i, taps in enumerate(dict.fromkeys(lists))}
    return starts, [kinds[taps] for taps in lists], list(kinds), min(met), max(met)


def _runs(keys: Offsets, most: int) -> Offsets:
    """Return the first and the last place of each run of at most ``most`` equal keys."""
    edges = [0, *(1 + np.flatnonzero(keys[1:] != keys[:-1])), len(keys)]
    runs = [(i, min(i + most, b) - 1) for a, b in itertools.pairwise(edges) for i in range(a, b, most)]
    return np.array(runs, np.intp).T.copy()
