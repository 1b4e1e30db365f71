"""What PyTorch programs ask of and tell its libraries before they start: accepted here, and without effect."""

from tensorgrad.backends import cuda as cuda
from tensorgrad.backends import cudnn as cudnn
from tensorgrad.backends import mps as mps


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: every algorithm here is deterministic. Source: ``torch.use_deterministic_algorithms``."""
