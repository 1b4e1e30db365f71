"""Every optimizer with settings that use all of its state, and what tests of optimizers begin with."""

from __future__ import annotations

import numpy as np

import tensorgrad as tg
from tests.optim import scenarios

ALL = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9, "centered": True}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.01, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("Adadelta", {"lr": 0.1, "weight_decay": 0.01}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.01}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.01}),
]
KINDS = [cls for cls, _ in ALL]


def leaf(*values, dtype=np.float32):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def make(cls, params, **settings):
    return getattr(tg.optim, cls)(params, **{"lr": 0.1, **settings})


def train(optimizer, params, steps):
    for step in steps:
        scenarios.set_gradients(tg, params, step)
        optimizer.step()
