"""The one random generator of the package; NumPy's global state is never used."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

_lock = threading.RLock()
_generator: np.random.Generator | None = None  # made at first use: NumPy's random module takes milliseconds to import


def manual_seed(seed: int) -> np.random.Generator:
    """Seed the generator that every random function of the package draws from.

    Parameters: ``seed``, any integer. Returns the generator.
    Source: ``torch.manual_seed``.

    >>> import tensorgrad as tg
    >>> _ = tg.manual_seed(0); a = tg.rand(2)
    >>> _ = tg.manual_seed(0); b = tg.rand(2)
    >>> bool((a == b).all())
    True
    """
    global _generator
    with _lock:
        _generator = np.random.default_rng(int(seed) % 2**64)
        return _generator


def generator() -> np.random.Generator:
    """The generator in use; draw from it directly when NumPy's distributions are wanted."""
    global _generator
    with _lock:
        if _generator is None:
            _generator = np.random.default_rng()
        return _generator


def spawn_seed() -> int:
    """A 63-bit seed drawn from the generator, for something that keeps a stream of its own."""
    with _lock:
        return int(generator().integers(2**63))


def get_rng_state() -> dict[str, Any]:
    """The generator's state, a dictionary that :func:`set_rng_state` takes back. Source: ``torch.get_rng_state``."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Put the generator into a state that :func:`get_rng_state` returned; ValueError for what is none."""
    spare: Any = np.random.PCG64(0)  # NumPy sets what it finds before it misses the rest
    try:
        spare.state = state
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"set_rng_state: expected what get_rng_state() returned, got {state!r} ({error!r})") from None
    generator().bit_generator.state = spare.state
