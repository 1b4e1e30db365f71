"""PyTorch's address of :mod:`tensorgrad.data`: ``from torch.utils.data import DataLoader``."""

from tensorgrad.data import *  # noqa: F403
