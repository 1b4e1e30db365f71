"""Tools around training: gradient checkpoints."""

from tensorgrad.utils import checkpoint

__all__ = ["checkpoint"]
