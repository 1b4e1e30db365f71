"""What programs ask before they choose Apple's GPU: it is not used."""


def is_available() -> bool:
    """False: tensorgrad runs on the CPU. Source: ``torch.backends.mps.is_available``."""
    return False
