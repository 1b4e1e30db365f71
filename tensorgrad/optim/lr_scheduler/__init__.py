"""Learning rates that follow a schedule: call ``scheduler.step()`` after the epoch's (or batch's) optimizer steps."""

from tensorgrad.optim.lr_scheduler.base import LRScheduler
from tensorgrad.optim.lr_scheduler.cosine import CosineAnnealingLR
from tensorgrad.optim.lr_scheduler.decay import ExponentialLR, MultiStepLR, StepLR
from tensorgrad.optim.lr_scheduler.functions import LambdaLR
from tensorgrad.optim.lr_scheduler.one_cycle import OneCycleLR

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "MultiStepLR", "OneCycleLR", "StepLR",
]  # fmt: skip
