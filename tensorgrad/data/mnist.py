"""MNIST and Fashion-MNIST: found on disk or downloaded, and checked before use."""

from __future__ import annotations

import hashlib
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tensorgrad.creation import as_tensor, owned
from tensorgrad.data.dataset import Dataset
from tensorgrad.data.download import cache_dir, download
from tensorgrad.data.idx import DatasetError, read_idx
from tensorgrad.tensor import Tensor

_SHIPPED = Path(__file__).resolve().parents[2] / "examples" / "data"


class Archive(NamedTuple):
    """What a file must hash to: ``md5`` of the original .gz, ``sha256`` of the unpacked contents if known."""

    md5: str
    sha256: str | None = None


class MNIST(Dataset):
    """The MNIST handwritten digits: 60,000 training or 10,000 test images of 28 x 28 grey values.

    ``root`` is a folder that holds the IDX files (``.gz`` or not), itself or in torchvision's layout
    ``<root>/MNIST/raw``. Without ``root`` the files are taken from the repository's ``examples/data/mnist``,
    else from the cache folder (see :func:`cache_dir`). With ``download=True`` what is still missing is taken
    from the repository or fetched from ``mirrors`` within the ``timeout`` (seconds to begin to answer). Every
    file is checked against its hash before it is used.

    ``images`` is a uint8 array (N, 28, 28), ``labels`` an int64 array (N,) of 0..9. An item is
    ``(image, label)``: a float32 Tensor (1, 28, 28) in [0, 1], as torchvision's ``ToTensor`` makes it, and an
    int, after ``transform`` and ``target_transform``.

    Raises: DatasetError, saying what was tried and how to place the files by hand.
    Source: ``torchvision.datasets.MNIST`` (there ``root`` has no default and ``download`` is False).

    >>> test = MNIST(train=False)
    >>> image, label = test[0]
    >>> len(test), image.shape, label
    (10000, (1, 28, 28), 7)
    """

    folder: ClassVar[str] = "mnist"
    mirrors: ClassVar[Sequence[str]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    archives: ClassVar[dict[str, Archive]] = {
        "train-images-idx3-ubyte": Archive(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        "train-labels-idx1-ubyte": Archive(
            "d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "t10k-images-idx3-ubyte": Archive(
            "9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        "t10k-labels-idx1-ubyte": Archive(
            "ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    }
    classes: ClassVar[Sequence[str]] = (
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    )

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = True,
        *,
        mirrors: Sequence[str] | None = None,
        timeout: float = 4.0,
    ) -> None:
        self.root = None if root is None else Path(root).expanduser()
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        sources = (self.mirrors if mirrors is None else mirrors) if download else None
        stem = "train" if train else "t10k"
        self.images = self._load(f"{stem}-images-idx3-ubyte", 3, sources, timeout)
        labels = self._load(f"{stem}-labels-idx1-ubyte", 1, sources, timeout)

        name = type(self).__name__
        if self.images.shape[1:] != (28, 28):
            raise DatasetError(f"{name}: expected images of 28 x 28, found {self.images.shape[1:]}")
        if len(labels) != len(self.images):
            found = f"{len(self.images)} images and {len(labels)} labels"
            raise DatasetError(f"{name}: expected a label for each image, found {found}")
        if labels.max() >= len(self.classes):
            raise DatasetError(f"{name}: expected labels 0..{len(self.classes) - 1}, found {labels.max()}")
        self.labels = labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"{type(self).__name__}: index {position} is out of range for {len(self)} images")
        image = owned(_scaled(self.images[position, None]))
        label = int(self.labels[position])
        return (
            image if self.transform is None else self.transform(image),
            label if self.target_transform is None else self.target_transform(label),
        )

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """A whole batch, ``(images, labels)``; a list of items if a transform only knows single ones."""
        batched = self.transform is None or getattr(self.transform, "batched", False)
        if not batched or self.target_transform is not None:
            return [self[i] for i in indices]
        images = owned(_scaled(self.images[indices, None]))
        return images if self.transform is None else self.transform(images), owned(self.labels[indices])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images, {'train' if self.train else 'test'})"

    def tensors(self) -> tuple[Tensor, Tensor]:
        """All images as float32 (N, 1, 28, 28) in [0, 1] and all labels as int64 (N,), no transform applied.

        >>> x, y = MNIST(train=False).tensors()
        >>> x.shape, y.shape
        ((10000, 1, 28, 28), (10000,))
        """
        return owned(_scaled(self.images[:, None])), as_tensor(self.labels)

    @property
    def data(self) -> Tensor:
        """``images`` as a Tensor, torchvision's name."""
        return as_tensor(self.images)

    @property
    def targets(self) -> Tensor:
        """``labels`` as a Tensor, torchvision's name."""
        return as_tensor(self.labels)

    def _load(self, name: str, ndim: int, mirrors: Sequence[str] | None, timeout: float) -> np.ndarray:
        """The array of one file from the first place that has it; no ``mirrors`` (None): no download."""
        said = []
        for place in self._places(may_borrow=mirrors is not None):
            for path in (place / f"{name}.gz", place / name):
                if not os.path.isfile(path):
                    continue
                try:
                    return self._read(path, name, ndim)
                except (DatasetError, OSError) as error:
                    if self.root is not None and place != _SHIPPED / self.folder:
                        raise DatasetError(f"{error}; remove or replace that file") from error
                    said.append(f"{error}")
            said.append(f"{place}: no usable {name}.gz")
        target = self._target()
        if mirrors is not None:
            try:
                return download(
                    f"{name}.gz",
                    mirrors,
                    target,
                    md5=self.archives[name].md5,
                    check=lambda path: self._read(path, name, ndim),
                    timeout=timeout,
                )
            except DatasetError as error:
                said += str(error).splitlines()
        else:
            said.append("no download: download=False")
        files = " and ".join(f"{file}.gz" for file in self.archives if file.split("-")[0] == name.split("-")[0])
        raise DatasetError(
            f"{type(self).__name__}: {name} was not found. Tried:\n"
            + "".join(f"  - {line}\n" for line in said)
            + f"To place the files by hand: get {files} from one of {', '.join(self.mirrors)}"
            + f" and put them into {target}, or into any folder and pass that as root=, or into the subfolder"
            + f" {self.folder} of any folder and set the environment variable TENSORGRAD_DATA to that."
        )

    def _places(self, may_borrow: bool) -> Iterator[Path]:
        """The folders to look in, best first; a given root counts alone unless borrowing is allowed."""
        if self.root is not None:
            yield self._target()
            yield self.root
        if self.root is None or may_borrow:
            yield _SHIPPED / self.folder
        if self.root is None:
            yield self._target()

    def _target(self) -> Path:
        """Where a downloaded file is put."""
        if self.root is not None:
            return self.root / type(self).__name__ / "raw"  # torchvision's layout
        return cache_dir() / self.folder

    def _read(self, path: Path, name: str, ndim: int) -> np.ndarray:
        """The array in ``path``, whose contents have the hash they must have."""
        md5, sha256 = self.archives[name]
        if sha256 is None:  # then only the original archive can be told from a forged one
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if found != md5:
                raise DatasetError(f"{path}: expected the original archive with md5 {md5}, found {found}")
        return read_idx(path, dtype=np.uint8, ndim=ndim, sha256=sha256)


class FashionMNIST(MNIST):
    """Fashion-MNIST: the sizes and files of :class:`MNIST`, but ten kinds of clothing; always downloaded.

    Source: ``torchvision.datasets.FashionMNIST``; Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747.

    >>> FashionMNIST.classes[9]
    'Ankle boot'
    """

    folder = "fashion-mnist"
    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    archives: ClassVar[dict[str, Archive]] = {
        "train-images-idx3-ubyte": Archive("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        "train-labels-idx1-ubyte": Archive("25c81989df183df01b3e8a0aad5dffbe"),
        "t10k-images-idx3-ubyte": Archive("bef4ecab320f06d8554ea6380940ec79"),
        "t10k-labels-idx1-ubyte": Archive("bb300cfdad3c16e7a12a480ee83cd310"),
    }
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )


def _scaled(images: np.ndarray) -> np.ndarray:
    """Grey values 0..255 as float32 in [0, 1]."""
    return np.divide(images, np.float32(255), dtype=np.float32)
