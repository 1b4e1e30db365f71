"""The benchmark networks with the operators of JAX, MyGrad, HIPS autograd and tinygrad, and in plain Python loops.

networks.py is read with a stand-in for ``nn`` that writes down the layers; `forward` runs them with five operators
that each library names differently. Every library has one class: its operators, and its way to a training step.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from alternate import Step, Unsupported
from networks import NETWORKS

RATE, MOMENTUM = 0.01, 0.9
GENERATOR = np.random.default_rng(0)  # of the dropout masks, where a library has none of its own

#: Stands for PyTorch's ``nn``: each layer becomes (operator, shape of its weight, options).
LAYERS = SimpleNamespace(
    Sequential=lambda *layers: layers,
    Conv2d=lambda i, o, k, padding=0: ("conv", (o, i, k, k), {"padding": padding}),
    Linear=lambda i, o: ("linear", (i, o), {}),
    ReLU=lambda: ("relu", None, {}),
    MaxPool2d=lambda size: ("pool", None, {}),
    Flatten=lambda: ("flatten", None, {}),
    Dropout=lambda p: ("dropout", None, {"p": p}),
)


def training_step(column: str, name: str, batch: int) -> Step:
    """forward, cross-entropy, backward, SGD with momentum."""
    network = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *network.image), np.float32)
    y = rng.integers(10, size=batch)
    if column == "loops":
        return loops(name, x, y)
    layers = network.build(LAYERS, None)
    params = []
    for operator, shape, _ in layers:
        if shape is not None:
            fan_in = int(np.prod(shape[1:] if operator == "conv" else shape[:1]))
            bias = (shape[0], 1, 1) if operator == "conv" else (shape[1],)
            params += [rng.uniform(-1, 1, s).astype(np.float32) / np.float32(fan_in**0.5) for s in (shape, bias)]
    library = {"jax": Jax, "mygrad": MyGrad, "autograd": Autograd, "tinygrad": Tinygrad}[column]()
    return library.step(layers, params, x, y)


def forward(library: Any, layers: Any, params: Any, x: Any) -> Any:
    """The logits."""
    left = iter(params)
    for operator, shape, options in layers:
        if operator == "flatten":
            x = x.reshape((x.shape[0], -1))
        elif operator == "linear":
            x = x @ next(left) + next(left)
        elif shape is not None:
            x = library.conv(x, next(left), **options) + next(left)
        else:
            x = getattr(library, operator)(x, **options)
    return x


def momentum_update(params: list[Any], velocity: list[Any], grads: Any) -> None:
    """SGD in place, for libraries that work on NumPy arrays."""
    for p, v, g in zip(params, velocity, grads, strict=True):
        v *= MOMENTUM
        v += g
        p -= RATE * v


def numpy_dropout(x: Any, p: float) -> Any:
    """A mask of zeros and 1 / (1 - p) times x."""
    return x * ((GENERATOR.random(x.shape, np.float32) >= p) * np.float32(1 / (1 - p)))


class Jax:
    """The whole step is one function, compiled by XLA; it takes all cores that the process may use."""

    def __init__(self) -> None:
        import jax

        self.jax = jax

    def conv(self, x: Any, w: Any, padding: int) -> Any:
        return self.jax.lax.conv_general_dilated(x, w, (1, 1), [(padding, padding)] * 2)

    def pool(self, x: Any) -> Any:
        window = (1, 1, 2, 2)
        return self.jax.lax.reduce_window(x, -np.float32(np.inf), self.jax.lax.max, window, window, "VALID")

    def relu(self, x: Any) -> Any:
        return self.jax.nn.relu(x)

    def dropout(self, x: Any, p: float) -> Any:
        self.key, key = self.jax.random.split(self.key)
        return self.jax.numpy.where(self.jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0)

    def step(self, layers: Any, params: Any, x: Any, y: Any) -> Step:
        jax = self.jax

        def loss(params: Any, x: Any, y: Any, key: Any) -> Any:
            self.key = key
            logits = jax.nn.log_softmax(forward(self, layers, params, x))
            return -jax.numpy.take_along_axis(logits, y[:, None], 1).mean()

        @jax.jit
        def update(state: Any, x: Any, y: Any, key: Any) -> Any:
            params, velocity = state
            key, now = jax.random.split(key)
            grads = jax.grad(loss)(params, x, y, now)
            velocity = [MOMENTUM * v + g for v, g in zip(velocity, grads, strict=True)]
            return ([p - RATE * v for p, v in zip(params, velocity, strict=True)], velocity), key

        params = [jax.numpy.asarray(p) for p in params]
        state, key = (params, [jax.numpy.zeros_like(p) for p in params]), jax.random.key(0)
        x, y = jax.numpy.asarray(x), jax.numpy.asarray(y)

        def step() -> None:
            nonlocal state, key
            state, key = update(state, x, y, key)
            jax.block_until_ready(state)

        return step


class MyGrad:
    """NumPy with a tape, and neural-network operators of its own."""

    dropout = staticmethod(numpy_dropout)

    def __init__(self) -> None:
        import mygrad
        import mygrad.nnet

        self.mg, self.nnet = mygrad, mygrad.nnet

    def conv(self, x: Any, w: Any, padding: int) -> Any:
        return self.nnet.layers.conv_nd(x, w, stride=1, padding=padding)

    def pool(self, x: Any) -> Any:
        return self.nnet.layers.max_pool(x, (2, 2), 2)

    def relu(self, x: Any) -> Any:
        return self.nnet.activations.relu(x)

    def step(self, layers: Any, params: Any, x: Any, y: Any) -> Step:
        tensors, velocity = [self.mg.tensor(p) for p in params], [np.zeros_like(p) for p in params]

        def step() -> None:
            loss = self.nnet.losses.softmax_crossentropy(forward(self, layers, tensors, x), y)
            loss.backward()
            momentum_update([p.data for p in tensors], velocity, [p.grad for p in tensors])
            for p in tensors:
                p.null_grad()

        return step


class Autograd:
    """NumPy with a tape; its convolution is `autograd.scipy.signal.convolve`, its pooling a reshape and a maximum."""

    dropout = staticmethod(numpy_dropout)

    def __init__(self) -> None:
        import autograd
        import autograd.numpy
        import autograd.scipy.signal

        self.value_and_grad, self.np = autograd.value_and_grad, autograd.numpy
        self.convolve = autograd.scipy.signal.convolve

    def conv(self, x: Any, w: Any, padding: int) -> Any:
        if padding:
            x = self.np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), "constant")
        return self.convolve(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

    def pool(self, x: Any) -> Any:
        n, c, h, w = x.shape
        return self.np.max(self.np.max(x.reshape((n, c, h // 2, 2, w // 2, 2)), axis=5), axis=3)

    def relu(self, x: Any) -> Any:
        return self.np.maximum(x, 0)

    def step(self, layers: Any, params: Any, x: Any, y: Any) -> Step:
        def loss(params: Any) -> Any:
            logits = forward(self, layers, params, x)
            top = self.np.max(logits, axis=1, keepdims=True)
            log_sum = top[:, 0] + self.np.log(self.np.sum(self.np.exp(logits - top), axis=1))
            return self.np.mean(log_sum - logits[np.arange(len(y)), y])

        differentiated, velocity = self.value_and_grad(loss), [np.zeros_like(p) for p in params]

        def step() -> None:
            _, grads = differentiated(params)
            momentum_update(params, velocity, grads)

        return step


class Tinygrad:
    """The whole step is captured once and compiled by clang."""

    def __init__(self) -> None:
        import shutil

        if shutil.which("clang") is None:
            raise Unsupported("tinygrad runs on a CPU through clang, which is not on the path")
        import tinygrad
        import tinygrad.nn.optim

        self.tinygrad = tinygrad

    def conv(self, x: Any, w: Any, padding: int) -> Any:
        return x.conv2d(w, padding=padding)

    def pool(self, x: Any) -> Any:
        return x.max_pool2d(2)

    def relu(self, x: Any) -> Any:
        return x.relu()

    def dropout(self, x: Any, p: float) -> Any:
        return x.dropout(p)

    def step(self, layers: Any, params: Any, x: Any, y: Any) -> Step:
        Tensor, TinyJit = self.tinygrad.Tensor, self.tinygrad.TinyJit
        x, y, params = Tensor(x), Tensor(y.astype(np.int32)), [Tensor(p) for p in params]
        optimizer = self.tinygrad.nn.optim.SGD(params, lr=RATE, momentum=MOMENTUM)

        @TinyJit
        def update() -> Any:
            optimizer.zero_grad()
            loss = forward(self, layers, params, x).sparse_categorical_crossentropy(y)
            loss.backward()
            optimizer.step()
            return loss.realize()

        def step() -> None:
            with self.tinygrad.Context(TRAINING=1):
                update().item()  # the number is asked for, else nothing waits for the work

        return step


def loops(name: str, x: Any, y: Any) -> Step:
    """The network of docs/from-scratch.md, image after image; plain SGD, as there."""
    if name != "conv16-pool-dense":
        raise Unsupported("the loop version is one fixed network")
    from loops_cnn import LoopCNN

    net = LoopCNN(np.random.default_rng(0))

    def step() -> None:
        for image, label in zip(x[:, 0], y, strict=True):
            net.train(image, int(label), RATE)

    return step
