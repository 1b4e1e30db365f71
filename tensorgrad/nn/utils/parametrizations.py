"""Weights normalised as a whole: by their lengths, by their largest singular value."""

from __future__ import annotations

from typing import Any

from tensorgrad.autograd.mode import no_grad
from tensorgrad.creation import randn
from tensorgrad.errors import describe
from tensorgrad.nn import functional as F
from tensorgrad.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tensorgrad.nn.module import Module
from tensorgrad.nn.utils.parametrize import (
    is_parametrized,
    register_parametrization,
    type_before_parametrizations,
)
from tensorgrad.ops.matrix_norm import vector_norm
from tensorgrad.tensor import Tensor

_WARM_UP = 15  # iterations that find the first singular vectors


class _WeightNorm(Module):
    """``g v / |v|``, a length and a direction for each entry of dimension ``dim``; -1: one for the whole tensor."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """The weight of length ``g`` along ``v``."""
        return v * (g / self._length(v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length of the weight, and the weight itself for a direction."""
        return self._length(weight), weight

    def _length(self, v: Tensor) -> Tensor:
        others = [d for d in range(v.ndim) if d != self.dim % v.ndim]
        if self.dim == -1 or not others:
            return vector_norm(v) if self.dim == -1 else v.abs()
        return vector_norm(v, 2, others, keepdim=True)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train the length ``g`` and the direction ``v`` of a weight apart: ``w = g v / |v|``; returns ``module``.

    The norm is taken over all dimensions but ``dim``, so that each output feature has a length of its own; None takes
    that of the whole weight. ``g`` and ``v`` are ``parametrizations.weight.original0`` and ``original1``, new
    Parameters: make the optimizer afterwards. Raises ValueError where the module has no such parameter, or a
    parametrized one, IndexError for a ``dim`` the weight has not.
    Source: ``torch.nn.utils.parametrizations.weight_norm``; Salimans and Kingma 2016.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(4, 2))
    >>> {name: tuple(p.shape) for name, p in layer.named_parameters() if name != "bias"}
    {'parametrizations.weight.original0': (2, 1), 'parametrizations.weight.original1': (2, 4)}
    """
    if is_parametrized(module, name):
        kind = type_before_parametrizations(module).__name__
        raise ValueError(f"weight_norm: {kind}.{name} is parametrized already; weight_norm must come first")
    dim = -1 if dim is None else dim
    weight: Any = getattr(module, name, None)
    if dim != -1 and isinstance(weight, Tensor):
        _check_dim(dim, weight, "weight_norm")
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """``W / sigma`` with ``sigma = u' W v``, the singular vectors u and v from the power method."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps
        if weight.ndim > 1:
            with no_grad():
                matrix = self._matrix(weight.detach())
                for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
                    vector = randn(size, dtype=weight.dtype)
                    self.register_buffer(name, F.normalize(vector, dim=0, eps=eps))
                self._iterate(matrix, _WARM_UP)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight divided by its largest singular value; a vector divided by its length."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the graph keeps these, the next call writes into the buffers
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: it is normalised when it is read."""
        return value

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.mT @ self._u, dim=0, eps=self.eps))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value, so that the layer stretches no vector; returns ``module``.

    The weight is read as a matrix with dimension ``dim`` as its rows (1 for transposed convolutions, else 0). While
    training, each reading improves the singular vectors by ``n_power_iterations`` steps of the power method; they are
    buffers, and constants for gradients. Raises ValueError for no such parameter or no iterations, IndexError for a
    ``dim`` the weight has not. Source: ``torch.nn.utils.parametrizations.spectral_norm``; Miyato et al. 2018.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.utils.parametrizations.spectral_norm(tg.nn.Linear(20, 40), n_power_iterations=50)
    >>> round(tg.linalg.matrix_norm(layer.weight, 2).item(), 3)
    1.0
    """
    weight: Any = getattr(module, name, None)
    if not isinstance(weight, Tensor) or weight.ndim == 0:
        kind = type(module).__name__
        raise ValueError(f"spectral_norm: expected a weight in {kind}.{name}, got {describe(weight)}")
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be at least 1, got {n_power_iterations}")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    _check_dim(dim, weight, "spectral_norm")
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


def _check_dim(dim: int, weight: Tensor, function: str) -> None:
    """IndexError for a dimension that the weight has not."""
    if not -weight.ndim <= dim < weight.ndim:
        raise IndexError(f"{function}: dim {dim} is out of range for the weight {describe(weight)}")


__all__ = ["spectral_norm", "weight_norm"]
