"""The switches of CUDA's matrix products, which are not here: ``cuda.matmul.allow_tf32 = True`` changes nothing."""

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False)
