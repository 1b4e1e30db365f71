"""Tools around training: gradient checkpoints; and the data, which PyTorch keeps here."""

from types import ModuleType

from tensorgrad.utils import checkpoint


def __getattr__(name: str) -> ModuleType:
    """The data are loaded when they are first named."""
    import importlib

    if name == "data":
        return importlib.import_module("tensorgrad.utils.data")
    raise AttributeError(f"module 'tensorgrad.utils' has no attribute {name!r}")


__all__ = ["checkpoint"]
