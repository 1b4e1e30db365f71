"""A small CNN in plain Python loops, derivatives by hand: what docs/from-scratch.md sets beside the engine.

Three classes, each with a ``forward`` that remembers what its ``backward`` needs; ``backward`` updates the layer's
own parameters at once and returns the gradient for the layer before. It does what the network of the from-scratch
article does, one grey image at a time, and shares its limits; the code is our own. Needs NumPy only.

    python benchmarks/loops_cnn.py                                          # the exact gradient, gentle rates
    python benchmarks/loops_cnn.py --early-return --all-ties --rates 0.05   # the pooling as printed, its rate
    python benchmarks/loops_cnn.py --rates 0.05                             # the exact gradient at that rate
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RATES = [0.02, 0.02, 0.01, 0.004]  # one learning rate an epoch, the last one stays


class Convolution:
    """``filters`` kernels of size x size, no bias: (h, w) -> (h - size + 1, w - size + 1, filters)."""

    def __init__(self, filters: int, size: int, rng: np.random.Generator) -> None:
        self.kernels = rng.standard_normal((filters, size, size)) / size**2

    def patches(self, image: NDArray) -> Iterator[tuple[int, int, NDArray]]:
        size = self.kernels.shape[1]
        for i in range(image.shape[0] - size + 1):
            for j in range(image.shape[1] - size + 1):
                yield i, j, image[i : i + size, j : j + size]

    def forward(self, image: NDArray) -> NDArray:
        self.image = image
        filters, size, _ = self.kernels.shape
        maps = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1, filters))
        for i, j, patch in self.patches(image):
            maps[i, j] = (patch * self.kernels).sum(axis=(1, 2))
        return maps

    def backward(self, grad: NDArray, rate: float) -> None:
        self.kernels_grad = np.zeros_like(self.kernels)
        for i, j, patch in self.patches(self.image):
            for f in range(len(self.kernels)):
                self.kernels_grad[f] += grad[i, j, f] * patch
        self.kernels -= rate * self.kernels_grad
        # The image's gradient is missing: no second convolution can stand before this one.


class MaxPooling:
    """The maximum of each size x size patch of each channel; its gradient goes to the first place that holds it.

    Two faults of the published code can be switched on. ``early_return``: ``return`` stands inside the loop, so the
    first patch alone is served. ``all_ties``: every place that equals the maximum gets the whole gradient.
    """

    def __init__(self, size: int, early_return: bool = False, all_ties: bool = False) -> None:
        self.size = size
        self.early_return = early_return
        self.all_ties = all_ties

    def patches(self, maps: NDArray) -> Iterator[tuple[int, int, NDArray]]:
        size = self.size
        for i in range(maps.shape[0] // size):
            for j in range(maps.shape[1] // size):
                yield i * size, j * size, maps[i * size : (i + 1) * size, j * size : (j + 1) * size]

    def forward(self, maps: NDArray) -> NDArray:
        self.maps = maps
        pooled = np.zeros((maps.shape[0] // self.size, maps.shape[1] // self.size, maps.shape[2]))
        for i, j, patch in self.patches(maps):
            pooled[i // self.size, j // self.size] = patch.max(axis=(0, 1))
        return pooled

    def backward(self, grad: NDArray, rate: float) -> NDArray:
        maps_grad = np.zeros_like(self.maps)
        for i, j, patch in self.patches(self.maps):
            for f in range(patch.shape[2]):
                channel = patch[:, :, f]
                winners = [divmod(int(channel.argmax()), self.size)]
                if self.all_ties:
                    winners = np.argwhere(channel == channel.max())
                for u, v in winners:
                    maps_grad[i + u, j + v, f] = grad[i // self.size, j // self.size, f]
            if self.early_return:
                return maps_grad  # the fault: the other patches are never reached
        return maps_grad


class DenseSoftmax:
    """Everything flattened, ``x @ weight + bias``, then ``exp(z) / sum(exp(z))`` as it stands in the textbook."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        self.weight = rng.standard_normal((inputs, outputs)) / inputs
        self.bias = np.zeros(outputs)

    def forward(self, pooled: NDArray) -> NDArray:
        self.shape = pooled.shape
        self.x = pooled.reshape(-1)
        e = np.exp(self.x @ self.weight + self.bias)  # overflows beyond 709: the maximum is not subtracted
        self.p = e / e.sum()
        return self.p

    def backward(self, grad: NDArray, rate: float) -> NDArray:
        p, outputs = self.p, len(self.p)
        z_grad = np.zeros(outputs)
        for k in range(outputs):
            if grad[k] != 0:  # only the true class: its row of the Jacobian, dp_k / dz_j
                for j in range(outputs):
                    z_grad[j] += grad[k] * p[k] * ((j == k) - p[j])
        self.weight_grad = np.outer(self.x, z_grad)
        self.bias_grad = z_grad
        x_grad = self.weight @ z_grad
        self.weight -= rate * self.weight_grad
        self.bias -= rate * self.bias_grad
        return x_grad.reshape(self.shape)


class LoopCNN:
    """Convolution, pooling, dense softmax for 28 x 28 grey images and ten classes: the list that is the network."""

    def __init__(
        self, rng: np.random.Generator, filters: int = 16, early_return: bool = False, all_ties: bool = False
    ) -> None:
        self.convolution = Convolution(filters, 3, rng)
        self.pooling = MaxPooling(2, early_return, all_ties)
        self.dense = DenseSoftmax(13 * 13 * filters, 10, rng)
        self.layers = [self.convolution, self.pooling, self.dense]

    def forward(self, image: NDArray) -> NDArray:
        for layer in self.layers:
            image = layer.forward(image)
        return image

    def loss(self, image: NDArray, label: int) -> float:
        return -float(np.log(self.forward(image)[label]))

    def backward(self, label: int, rate: float) -> None:
        grad = np.zeros(10)
        grad[label] = -1 / self.dense.p[label]
        for layer in reversed(self.layers):
            grad = layer.backward(grad, rate)

    def train(self, image: NDArray, label: int, rate: float) -> bool:
        """One image, one step; whether the network was right before it."""
        correct = int(self.forward(image).argmax()) == label
        self.backward(label, rate)
        return correct


def main() -> None:
    from tensorgrad.data import MNIST  # the reader of the files, nothing else

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--early-return", action="store_true", help="pooling serves the first patch only")
    parser.add_argument("--all-ties", action="store_true", help="every place equal to the maximum gets the gradient")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="learning rate of each epoch")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--test-images", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    net = LoopCNN(rng, early_return=args.early_return, all_ties=args.all_ties)
    before = net.convolution.kernels.copy()
    train, test = MNIST(), MNIST(train=False)
    for epoch in range(args.epochs):
        rate = args.rates[min(epoch, len(args.rates) - 1)]
        started, right = time.perf_counter(), 0
        for i in rng.permutation(args.images):
            right += net.train(train.images[i] / 255, int(train.labels[i]), rate)
        milliseconds = 1000 * (time.perf_counter() - started) / args.images
        print(
            f"epoch {epoch + 1}  rate {rate:<6}  running accuracy {right / args.images:.2%}"
            f"  {milliseconds:.1f} ms/image  filters moved by {abs(net.convolution.kernels - before).max():.1e}",
            flush=True,
        )
    right = sum(int(net.forward(test.images[i] / 255).argmax()) == test.labels[i] for i in range(args.test_images))
    print(f"test accuracy {right / args.test_images:.2%}")


if __name__ == "__main__":
    main()
