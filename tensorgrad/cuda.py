"""What programs ask before they choose a device: there is no GPU here."""


def is_available() -> bool:
    """False: tensorgrad runs on the CPU. Source: ``torch.cuda.is_available``.

    >>> import tensorgrad as tg
    >>> tg.cuda.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: tensorgrad runs on the CPU. Source: ``torch.cuda.device_count``."""
    return 0
