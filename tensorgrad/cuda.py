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


def manual_seed(seed: int) -> None:
    """Nothing: ``tensorgrad.manual_seed`` seeds the one generator there is. Source: ``torch.cuda.manual_seed``."""


def manual_seed_all(seed: int) -> None:
    """Nothing, as :func:`manual_seed`. Source: ``torch.cuda.manual_seed_all``."""


def empty_cache() -> None:
    """Nothing: there is no GPU whose memory to free. Source: ``torch.cuda.empty_cache``."""


def synchronize(device: object = None) -> None:
    """Nothing: every operator is done when it returns. Source: ``torch.cuda.synchronize``."""
