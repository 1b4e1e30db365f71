"""Learning rates that follow a schedule: call ``scheduler.step()`` after the epoch's (or batch's) optimizer steps.

- ``decay``: a factor every so many epochs, at milestones, or at each epoch
- ``factors``: a constant factor, a line or a power for so many epochs, to warm up or to run out
- ``cosine``: down a cosine, once or with restarts
- ``cyclic``, ``one_cycle``: up and down, with the momentum (``momentum``) against it
- ``functions``: any function of the epoch
- ``plateau``: when a metric stops improving
- ``composed``: several, one after the other or all at once
"""

from tensorgrad.optim.lr_scheduler.base import LRScheduler
from tensorgrad.optim.lr_scheduler.composed import ChainedScheduler, SequentialLR
from tensorgrad.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from tensorgrad.optim.lr_scheduler.cyclic import CyclicLR
from tensorgrad.optim.lr_scheduler.decay import ExponentialLR, MultiStepLR, StepLR
from tensorgrad.optim.lr_scheduler.factors import ConstantLR, LinearLR, PolynomialLR
from tensorgrad.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from tensorgrad.optim.lr_scheduler.one_cycle import OneCycleLR
from tensorgrad.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
