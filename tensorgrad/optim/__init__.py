"""Optimizers, and the schedules of their learning rates.

- ``sgd``: along the gradient, with momentum
- ``adagrad``, ``rmsprop``, ``adadelta``: divided by the size of past gradients
- ``adam``, ``adamax``, ``nadam``, ``radam``: both, by running means (``moments``)
- ``lr_scheduler``: how learning rates change
"""

from tensorgrad.optim import lr_scheduler
from tensorgrad.optim.adadelta import Adadelta
from tensorgrad.optim.adagrad import Adagrad
from tensorgrad.optim.adam import Adam, AdamW
from tensorgrad.optim.adamax import Adamax
from tensorgrad.optim.nadam import NAdam
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.optim.radam import RAdam
from tensorgrad.optim.rmsprop import RMSprop
from tensorgrad.optim.sgd import SGD

__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam", "RMSprop", "lr_scheduler",
]  # fmt: skip
