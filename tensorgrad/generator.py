"""A random generator of one's own, for a loader, a split or a draw that is to be the same whatever else is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.device import check_device


class Generator(np.random.Generator):
    """NumPy's generator under PyTorch's name and with its methods; the seed is 0 until one is given.

    Source: ``torch.Generator`` (whose numbers for a given seed are other ones).

    >>> import tensorgrad as tg
    >>> first = tg.rand(2, generator=tg.Generator().manual_seed(42))
    >>> first.tolist() == tg.rand(2, generator=tg.Generator().manual_seed(42)).tolist()
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device, "Generator")
        super().__init__(np.random.PCG64(0))
        self._seed = 0

    def manual_seed(self, seed: int) -> Generator:
        """Begin anew with ``seed``, any integer, and return the generator."""
        self.bit_generator.state = np.random.PCG64(int(seed) % 2**64).state
        self._seed = int(seed)
        return self

    def initial_seed(self) -> int:
        """The seed that was given last."""
        return self._seed
