"""The switches of cuDNN, which is not here: ``cudnn.benchmark = True`` stands in many programs and changes nothing.

Results do not depend on timing or on the number of threads, so they are deterministic whatever the switches say.
"""

benchmark = False
deterministic = True
enabled = False


def is_available() -> bool:
    """False: tensorgrad runs on the CPU. Source: ``torch.backends.cudnn.is_available``."""
    return False
