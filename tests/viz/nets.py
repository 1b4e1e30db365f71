"""Small networks of primitives only, so that the drawings depend on no layer."""

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter


class Conv(Module):
    def __init__(self, inputs, outputs, kernel, padding=0):
        self.weight = Parameter(tg.randn(outputs, inputs, kernel, kernel) * 0.1)
        self.bias = Parameter(tg.zeros(outputs))
        self.padding = padding

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class Dense(Module):
    def __init__(self, inputs, outputs):
        self.weight = Parameter(tg.randn(outputs, inputs) * 0.1)
        self.bias = Parameter(tg.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Norm(Module):
    def __init__(self, channels):
        self.weight = Parameter(tg.ones(channels))
        self.bias = Parameter(tg.zeros(channels))
        self.register_buffer("running_mean", tg.zeros(channels))
        self.register_buffer("running_var", tg.ones(channels))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, training=self.training)


class Relu(Module):
    def forward(self, x):
        return F.relu(x)


class Pool(Module):
    kernel_size = 2

    def forward(self, x):
        return F.max_pool2d(x, 2)


class Chain(Module):
    def __init__(self, *modules):
        for i, module in enumerate(modules):
            setattr(self, str(i), module)

    def forward(self, x):
        for module in self.children():
            x = module(x)
        return x


class Net(Module):
    """conv, norm, relu, pool, and a classifier; 1 x 8 x 8 images, 3 classes."""

    def __init__(self):
        self.features = Chain(Conv(1, 4, 3, padding=1), Norm(4), Relu(), Pool())
        self.fc = Dense(64, 3)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


class SharedRelu(Module):
    """One ReLU called three times, with other layers between."""

    def __init__(self):
        self.a, self.b, self.c = Dense(4, 4), Dense(4, 4), Dense(4, 4)
        self.relu = Relu()

    def forward(self, x):
        for layer in (self.a, self.b, self.c):
            x = self.relu(layer(x))
        return x


class Deep(Module):
    """Twenty blocks of dense, relu and dense, each with a shortcut."""

    def __init__(self, blocks=20):
        self.blocks = [Block() for _ in range(blocks)]
        self.head = Dense(4, 1)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Block(Module):
    def __init__(self):
        self.first, self.relu, self.second = Dense(4, 4), Relu(), Dense(4, 4)

    def forward(self, x):
        return x + self.second(self.relu(self.first(x)))


def net_and_loss():
    net = Net()
    loss = F.cross_entropy(net(tg.randn(2, 1, 8, 8)), tg.tensor([0, 2]))
    return net, loss
