"""Scratch memory: its views are kept as long as they are of it, and zeros are written once, but surely."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tensorgrad.kernels import scratch as module
from tensorgrad.kernels.scratch import prepare, scratch, views


def test_scratch_is_reused_within_a_thread():
    a = scratch("test reuse", (3, 4), np.float32)
    b = scratch("test reuse", (2, 2), np.float64)
    assert np.shares_memory(a, b)
    assert a.flags.c_contiguous
    assert a.ctypes.data % 64 == 0
    other = []
    thread = threading.Thread(target=lambda: other.append(scratch("test reuse", (3, 4), np.float32)))
    thread.start()
    thread.join()
    assert not np.shares_memory(a, other[0])


def halves(name, size):
    whole = scratch(name, (size,), np.float32)
    return whole[: size // 2], whole[size // 2 :]


def test_fresh_memory_holds_no_denormal_numbers():
    for size in (1_000, 5_000, 20_000):
        left_behind = [np.full(size, 1e-40, np.float32) for _ in range(20)]
        del left_behind  # what the next arrays of this size find
        assert not scratch(f"test fresh {size}", (size,), np.float32).any()


def test_views_are_made_once_in_a_thread():
    first = views(halves, "test once", 10)
    assert views(halves, "test once", 10) is first
    other = []
    thread = threading.Thread(target=lambda: other.append(views(halves, "test once", 10)))
    thread.start()
    thread.join()
    assert not np.shares_memory(other[0][0], first[0])


def test_views_follow_the_memory():
    views(halves, "test moves", 10)
    scratch("test moves", (1000,), np.float32)  # a larger block takes the place
    assert np.shares_memory(views(halves, "test moves", 10)[0], scratch("test moves", (10,), np.float32))


def test_views_of_what_is_too_large_to_keep_are_not_kept(monkeypatch):
    monkeypatch.setattr(module, "_KEEP", 100)
    assert views(halves, "test large", 1000) is not views(halves, "test large", 1000)


def test_old_views_make_room(monkeypatch):
    monkeypatch.setattr(module, "_VIEWS", 3)
    for size in range(2, 12):
        views(halves, "test room", size)
        assert len(module._blocks.views) <= 3


class _Interrupted:
    def __setitem__(self, _index, _value):
        raise KeyboardInterrupt


def test_zeros_are_written_again_only_after_another_user():
    (_, a), (_, b) = views(halves, "test zeros", 8), views(halves, "test zeros", 6)
    prepare("test zeros", "a", [a])
    a[...] = 7  # against the agreement, to see who writes
    prepare("test zeros", "a", [a])
    assert (a == 7).all()
    prepare("test zeros", "b", [b])
    prepare("test zeros", "a", [a])
    assert (a == 0).all()


def test_zeros_are_written_again_after_a_user_who_needs_none():
    views_of_it = views(halves, "test neighbour", 8)
    prepare("test neighbour", "a", views_of_it)
    scratch("test neighbour", (4,), np.float32)[...] = 7  # a kernel that knows nothing of the zeros
    prepare("test neighbour", "a", views_of_it)
    assert not scratch("test neighbour", (8,), np.float32).any()


def test_zeros_are_not_trusted_after_an_interrupt():
    a, b = views(halves, "test interrupt", 8)
    prepare("test interrupt", "a", [a])
    with pytest.raises(KeyboardInterrupt):
        prepare("test interrupt", "b", [_Interrupted()])
    a[...] = 7  # as if "b" had used the memory
    prepare("test interrupt", "a", [a])
    assert (a == 0).all()
    with pytest.raises(KeyboardInterrupt):
        prepare("test interrupt", "b", [b, _Interrupted()])
    b[...] = 7
    prepare("test interrupt", "b", [b])
    assert (b == 0).all()


def test_zeros_are_written_where_no_block_holds_the_memory(monkeypatch):
    monkeypatch.setattr(module, "_KEEP", 10)
    a = scratch("test unkept", (100,), np.float32)
    for _ in range(2):
        a[...] = 7
        prepare("test unkept", "a", [a])
        assert (a == 0).all()
