"""The networks of the benchmarks, written once for both libraries: ``nn`` and ``F`` are PyTorch's or ours."""

from __future__ import annotations

from typing import Any, NamedTuple


class Network(NamedTuple):
    build: Any  # (nn, F) -> module
    image: tuple[int, ...]
    batches: tuple[int, ...]


def _sequential(*layers):
    return lambda nn, F: nn.Sequential(*[layer(nn) for layer in layers])


def conv(i, o, k, **options):
    return lambda nn: nn.Conv2d(i, o, k, **options)


def linear(i, o):
    return lambda nn: nn.Linear(i, o)


def relu(nn):
    return nn.ReLU()


def pool(nn):
    return nn.MaxPool2d(2)


def flat(nn):
    return nn.Flatten()


def bn(c):
    return lambda nn: nn.BatchNorm2d(c)


def dropout(p):
    return lambda nn: nn.Dropout(p)


def average(nn):
    return nn.AdaptiveAvgPool2d(1)


def _separable(i, o, stride=1):
    return [
        conv(i, i, 3, stride=stride, padding=1, groups=i, bias=False), bn(i), relu,
        conv(i, o, 1, bias=False), bn(o), relu,
    ]  # fmt: skip


def resnet20(nn, F):
    class Block(nn.Module):
        def __init__(self, i, o, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(i, o, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(o)
            self.conv2 = nn.Conv2d(o, o, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(o)
            self.short = nn.Sequential()
            if stride != 1 or i != o:
                self.short = nn.Sequential(nn.Conv2d(i, o, 1, stride=stride, bias=False), nn.BatchNorm2d(o))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + self.short(x))

    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    for i, o, stride in [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2:
        layers.append(Block(i, o, stride))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


GREY, COLOUR = (1, 28, 28), (3, 32, 32)
NETWORKS = {
    "mlp 784-128-10": Network(_sequential(flat, linear(784, 128), relu, linear(128, 10)), GREY, (32, 128)),
    "conv16-pool-dense": Network(_sequential(conv(1, 16, 3), pool, flat, linear(2704, 10)), GREY, (1, 64)),
    "LeNet-5": Network(
        _sequential(
            conv(1, 6, 5, padding=2), relu, pool, conv(6, 16, 5), relu, pool, flat,
            linear(400, 120), relu, linear(120, 84), relu, linear(84, 10),
        ), GREY, (64, 256),
    ),
    "conv32-conv64-pool-dropout-128-10": Network(
        _sequential(
            conv(1, 32, 3), relu, conv(32, 64, 3), relu, pool, dropout(0.25), flat,
            linear(9216, 128), relu, dropout(0.5), linear(128, 10),
        ), GREY, (64,),
    ),
    "5x5 32-32 BN, 3x3 64-64 BN": Network(
        _sequential(
            conv(1, 32, 5), relu, conv(32, 32, 5, bias=False), bn(32), relu, pool,
            conv(32, 64, 3), relu, conv(64, 64, 3, bias=False), bn(64), relu, pool, flat, linear(576, 10),
        ), GREY, (64, 512),
    ),
    "ResNet-20": Network(resnet20, COLOUR, (64,)),
    "depthwise-separable": Network(
        _sequential(
            conv(3, 32, 3, padding=1, bias=False), bn(32), relu, *_separable(32, 64), *_separable(64, 128, 2),
            *_separable(128, 128), *_separable(128, 256, 2), average, flat, linear(256, 10),
        ), COLOUR, (64,),
    ),
    "VGG 64-64-128-128": Network(
        _sequential(
            conv(3, 64, 3, padding=1), relu, conv(64, 64, 3, padding=1), relu, pool,
            conv(64, 128, 3, padding=1), relu, conv(128, 128, 3, padding=1), relu, pool, flat, linear(8192, 10),
        ), COLOUR, (32,),
    ),
}  # fmt: skip
