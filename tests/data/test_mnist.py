"""MNIST: which files it takes, what it refuses, what it gives."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from tensorgrad.data import MNIST, DataLoader, DatasetError, FashionMNIST, transforms
from tensorgrad.data import mnist as mnist_module

SHIPPED = Path(__file__).parents[2] / "examples" / "data" / "mnist"


@pytest.fixture(scope="module")
def test_set():
    return MNIST(train=False)


@pytest.mark.parametrize("train", [True, False])
def test_the_shipped_files(train, monkeypatch):
    monkeypatch.setenv("TENSORGRAD_DATA", "/dev/null/nowhere")  # neither cache nor network is needed
    data = MNIST(train=train, mirrors=[])
    count = 60_000 if train else 10_000
    assert len(data) == len(data.images) == len(data.labels) == count
    assert data.images.dtype == np.uint8
    assert data.images.shape == (count, 28, 28)
    assert data.labels.dtype == np.int64
    assert data.labels.shape == (count,)
    assert np.bincount(data.labels).tolist() == (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        if train
        else [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )


def test_the_notice_says_what_the_source_says():
    notice = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert "Attribution-Share Alike 3.0" in notice
    for name, (_, sha256) in MNIST.archives.items():
        content = gzip.decompress((SHIPPED / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == sha256
        assert f"{len(content)} | {sha256}" in notice
    for mirror in MNIST.mirrors:
        assert mirror in notice


def test_items(test_set):
    image, label = test_set[0]
    assert type(label) is int
    assert label == 7
    assert image.shape == (1, 28, 28)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image.data[0], test_set.images[0].astype(np.float32) / np.float32(255))
    assert image.data.max() <= 1
    np.testing.assert_array_equal(test_set[-1][0].data, test_set[9999][0].data)
    np.testing.assert_array_equal(test_set[np.int64(3)][0].data, test_set[3][0].data)
    for outside in (10_000, -10_001):
        with pytest.raises(IndexError, match="out of range"):
            test_set[outside]
    with pytest.raises(TypeError):
        test_set["0"]


def test_all_at_once(test_set):
    x, y = test_set.tensors()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((10_000, 1, 28, 28), np.float32, (10_000,), np.int64)
    np.testing.assert_array_equal(x.data[5], test_set[5][0].data)
    np.testing.assert_array_equal(y.data, test_set.labels)
    assert test_set.data.shape == (10_000, 28, 28)
    assert test_set.targets.shape == (10_000,)
    assert "10000 images, test" in repr(test_set)


class Flatten:
    """A user's transform for single images."""

    def __call__(self, image):
        return image[0].data.reshape(-1)


@pytest.mark.parametrize(
    "transform",
    [
        None,
        transforms.Normalize((0.1307,), (0.3081,)),
        transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)]),
        Flatten(),
        transforms.Compose([transforms.ToTensor(), Flatten()]),
    ],
)
@pytest.mark.parametrize("target_transform", [None, lambda label: label % 2])
def test_a_batch_is_what_its_items_are(test_set, transform, target_transform):
    data = MNIST(train=False, transform=transform, target_transform=target_transform)
    x, y = next(iter(DataLoader(data, batch_size=7)))
    items = [data[i] for i in range(7)]
    assert x.dtype == np.float32
    assert y.dtype == np.int64
    assert y.tolist() == [label for _, label in items]
    np.testing.assert_array_equal(x.data, np.stack([np.asarray(getattr(i, "data", i)) for i, _ in items]))


def test_an_epoch_takes_whole_batches_not_single_items(monkeypatch):
    data = MNIST()
    monkeypatch.setattr(MNIST, "__getitem__", None)  # a loop over the items would fail
    assert sum(len(y) for _, y in DataLoader(data, batch_size=128, shuffle=True)) == 60_000


@pytest.mark.parametrize("layout", ["", "Small/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_root(small, origin, cache, tmp_path, layout, packed):
    folder = tmp_path / "given" / layout
    folder.mkdir(parents=True)
    for path in origin.iterdir():
        content = path.read_bytes()
        if packed:
            (folder / path.name).write_bytes(content)
        else:
            (folder / path.stem).write_bytes(gzip.decompress(content))
    assert len(small(tmp_path / "given", download=False)) == 20
    assert len(small(str(tmp_path / "given"), train=False, download=False)) == 20


def test_compression_does_not_matter(small, origin, cache):
    for path in origin.iterdir():
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    assert len(small(origin, download=False)) == 20


def test_a_wrong_root(small, origin, cache, tmp_path):
    with pytest.raises(DatasetError, match=r"(?s)train-images.*not found.*absent.*by hand"):
        small(tmp_path / "absent", download=False)
    damaged = origin / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(gzip.compress(gzip.decompress(damaged.read_bytes())[:-1] + b"?"))
    with pytest.raises(DatasetError, match=r"(?s)train-images.*sha256.*remove or replace"):
        small(origin)  # never silently another copy than the given one
    assert damaged.exists()


def test_root_without_files_borrows_the_shipped_ones(small, origin, cache, tmp_path, monkeypatch):
    origin.rename(tmp_path / "small")
    monkeypatch.setattr(mnist_module, "_SHIPPED", tmp_path)
    assert len(small(tmp_path / "absent", mirrors=[])) == 20
    with pytest.raises(DatasetError):
        small(tmp_path / "absent", download=False)
    assert len(small(download=False)) == 20


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        ((20, 28, 27), (20,), "28 x 28"),
        ((20, 28, 28), (19,), "20 images and 19 labels"),
        ((20, 28, 28), (21,), "20 images and 21 labels"),
    ],
)
def test_files_that_do_not_fit(make_small, origin, cache, images, labels, words):
    small = make_small(origin, images=np.ones(images, np.uint8), labels=np.ones(labels, np.uint8))
    with pytest.raises(DatasetError, match=words):
        small(origin)


def test_labels_out_of_range(make_small, origin, cache):
    small = make_small(origin, labels=np.array([0] * 19 + [10], np.uint8))
    with pytest.raises(DatasetError, match=r"labels 0\.\.9, found 10"):
        small(origin)


def test_images_in_place_of_labels(make_small, origin, cache):
    small = make_small(origin, labels=np.ones((20, 1), np.uint8))
    with pytest.raises(DatasetError, match="expected 1 dimensions, found 2"):
        small(origin)


def test_fashion_is_never_taken_from_the_digits(cache):
    with pytest.raises(DatasetError, match="original archive with md5 8d4fb7e6"):
        FashionMNIST(SHIPPED, mirrors=[])
    with pytest.raises(DatasetError, match="FashionMNIST: train-images"):
        FashionMNIST(mirrors=[])
