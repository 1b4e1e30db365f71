"""What is saved comes back: values, dtypes, nesting, what is shared; what cannot be saved says where it is."""

import io
import math
import os
from collections import Counter, OrderedDict

import hypothesis.strategies as st
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings

import tensorgrad as tg

DTYPES = [np.dtype(char).name for char in "?BHIQbhiqefd"]


def through(obj):
    """``obj``, saved and loaded."""
    file = io.BytesIO()
    tg.save(obj, file)
    file.seek(0)
    return tg.load(file)


def same(a, b):
    """True for the same types, values, dtypes and shapes, bit for bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tg.Tensor):
        return a.requires_grad == b.requires_grad and same(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype.newbyteorder("=") and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return same(np.asarray(a), np.asarray(b))
    if isinstance(a, dict):
        return list(a) == list(b) and list(map(type, a)) == list(map(type, b)) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    a = np.arange(6).reshape(2, 3).astype(dtype)
    assert same(through({"a": a, "t": tg.Tensor(a), "n": a[1, 2]}), {"a": a, "t": tg.Tensor(a), "n": a[1, 2]})


@pytest.mark.parametrize(
    "a",
    [
        np.float32(3)[...], np.zeros((0, 3)), np.arange(12.0).reshape(3, 4).T, np.arange(12.0)[::-2],
        np.broadcast_to(np.float32(1), (2, 3)), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">f4"), np.array([math.nan, -0.0, math.inf, 5e-324]),
    ],
    ids=["0-d", "empty", "transposed", "strided", "read-only", "F-order", "big-endian", "special"],
)  # fmt: skip
def test_layouts(a):
    back = through(a)
    assert back.dtype == a.dtype.newbyteorder("=")
    assert back.shape == a.shape
    assert back.tobytes() == a.astype(back.dtype).tobytes()
    assert back.flags.writeable
    assert back.flags.c_contiguous
    assert through(tg.Tensor(a)).shape == a.shape


@pytest.mark.parametrize(
    "obj",
    [
        None, True, -1, 2**200, 1.5, math.nan, -math.inf, "", "ü\n\0\U0001f600", [], (), {}, [(), [()]],
        {"": 1, "a/b": 2, "../x": 3, 7: 4, True: 5, None: 6, 2.5: 7}, Counter([3, 3, 5]), OrderedDict(b=1, a=(2,)),
        {"tensor": "not one"}, {"dict": [["a", 1]]}, {"float": "nan"}, [{"tuple": [1]}],
    ],
    ids=str,
)  # fmt: skip
def test_what_stands_around_tensors(obj):
    assert same(through(obj), obj)
    assert same(through({"state": [obj, tg.ones(2)]}), {"state": [obj, tg.ones(2)]})


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
    [np.float32(2), np.arange(3), np.zeros((2, 0), np.int8)]
)  # fmt: skip
keys = st.text() | st.integers() | st.booleans() | st.none()
trees = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner), max_leaves=12
)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_any_nesting(obj):
    assert same(through(obj), obj)


@pytest.mark.parametrize("names", [["", "file", "../x", "a/b", "ä", "__metadata__", "value", "a" * 500], range(3000)])
def test_names(names):
    state = {name: tg.full((1,), float(i)) for i, name in enumerate(names)}
    assert same(through(state), state)


def test_half_a_surrogate_pair(tmp_path):
    """It is no text to other programs, so the name of the tensor is another."""
    state = {chr(0xD800): tg.ones(1), chr(0xD801): tg.zeros(1), "text": chr(0xD800)}
    tg.save(state, tmp_path / "a")
    assert same(tg.load(tmp_path / "a"), state)
    assert sorted(safetensors.numpy.load_file(tmp_path / "a")) == ["?", "?#2"]


def test_places_of_one_name():
    state = {"a": {"b": tg.zeros(1)}, "a.b": tg.ones(2), "": {"": tg.ones(3)}, ".": tg.ones(4), "a.b#2": tg.ones(5)}
    assert same(through(state), state)


def test_what_is_shared_stays_shared():
    weight, array = tg.ones(2, requires_grad=True), np.ones(3)
    tied, loose, one, two = through([weight, weight.detach(), array, array])
    assert tied.requires_grad
    assert not loose.requires_grad
    assert one is two
    first, second = through({"in": weight, "out": weight}).values()
    assert first is second


def test_memory_is_our_own():
    """Loaded tensors share nothing with each other or the file, and can be written and trained."""
    x = tg.ones(3, requires_grad=True)
    file = io.BytesIO()
    tg.save({"x": x}, file)
    file.seek(0)
    one = tg.load(file)["x"]
    file.seek(0)
    two = tg.load(file)["x"]
    with tg.no_grad():
        one += 1
    assert two.tolist() == [1, 1, 1]
    (one * one).sum().backward()
    assert one.grad.tolist() == [4, 4, 4]


def test_a_computed_tensor_is_saved_without_its_history():
    x = tg.ones(2, requires_grad=True)
    back = through(x * 2)
    assert back.is_leaf
    assert back.requires_grad
    assert back.tolist() == [2, 2]


def test_others_read_our_tensors_and_we_theirs(tmp_path):
    net = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.BatchNorm2d(2))
    path = tmp_path / "net.safetensors"
    tg.save(net.state_dict(), path)
    theirs = safetensors.numpy.load_file(path)
    assert sorted(theirs) == sorted(net.state_dict())
    assert all((theirs[name] == value.numpy()).all() for name, value in net.state_dict().items())
    safetensors.numpy.save_file(theirs, path, {"format": "np"})
    assert net.load_state_dict(tg.load(path)) == ([], [])
    assert all(isinstance(value, tg.Tensor) for value in tg.load(path).values())


def test_names_of_nested_tensors(tmp_path):
    tg.save({"model": {"net.0.weight": tg.ones(1)}, "steps": [tg.ones(2)]}, tmp_path / "a")
    assert sorted(safetensors.numpy.load_file(tmp_path / "a")) == ["model.net.0.weight", "steps.0"]


class Odd(tuple):
    __slots__ = ()


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({"net": tg.nn.Linear(1, 1)}, r"save: obj\['net'\] is of type Linear; expected tensors.*state_dict\(\)"),
        ([0, {"f": max}], r"save: obj\[1\]\['f'\] is of type builtin_function_or_method; expected"),
        ({"a": {(1, 2): 3}}, r"save: obj\['a'\] has the key \(1, 2\); expected strings and numbers"),
        ({1: np.array(["x"])}, r"save: obj\[1\] is <U1\(1,\): its dtype has no place in the format"),
        (np.ones(2, complex), r"save: obj is complex128\(2,\): its dtype"),
        (np.array([None]), r"save: obj is object\(1,\): its dtype"),
        (Odd(), "save: obj is of type Odd; expected"),
        ({1, 2}, "save: obj is of type set; expected"),
        (b"bytes", "save: obj is of type bytes; expected"),
    ],
)
def test_what_cannot_be_saved(tmp_path, obj, message):
    tg.save("old", tmp_path / "a")
    with pytest.raises(TypeError, match=message):
        tg.save(obj, tmp_path / "a")
    assert tg.load(tmp_path / "a") == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_an_object_that_contains_itself():
    obj = [1]
    obj.append(obj)
    with pytest.raises(ValueError, match="contains itself"):
        tg.save(obj, io.BytesIO())


@pytest.mark.parametrize("around", [lambda x: [x], lambda x: (x,), lambda x: {"a": x}], ids=["list", "tuple", "dict"])
def test_deep_nesting(around):
    obj = 1
    for _ in range(100):
        obj = around(obj)
    assert same(through(obj), obj)
    with pytest.raises(ValueError, match="save: the object contains itself, or is nested more than 100 levels deep"):
        tg.save(around(obj), io.BytesIO())


@pytest.mark.parametrize("f", [3, None, b"path", io.StringIO("text")], ids=["number", "none", "bytes", "text file"])
def test_what_is_no_file(f):
    got = {int: "int 3", bytes: "bytes", io.StringIO: "a text file; open it with mode 'rb' or 'wb'"}
    message = f"expected a path or an open binary file, got {got.get(type(f), 'NoneType')}"
    with pytest.raises(TypeError, match=f"load: {message}"):
        tg.load(f)
    with pytest.raises(TypeError, match=f"save: {message}"):
        tg.save(1, f)


def test_pytorchs_arguments(tmp_path):
    tg.save({"a": 1}, str(tmp_path / "a"))
    assert tg.load(tmp_path / "a", map_location="cpu", weights_only=True) == {"a": 1}
    with open(tmp_path / "b", "wb") as file:
        tg.save({"a": 2}, file)
    with open(tmp_path / "b", "rb") as file:
        assert tg.load(file) == {"a": 2}
