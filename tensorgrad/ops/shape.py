"""Shape operators: they move values and never change them, so each derivative is the move back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.autograd.primitive import primitive
from tensorgrad.autograd.structural import broadcast_to as _broadcast_to
from tensorgrad.autograd.structural import sum_to
from tensorgrad.errors import op_error
from tensorgrad.ops._arguments import loose, many_dims, numpy_spelling, one_dim, operand

# --- primitives: forward and the way back ---------------------------------------------------------------------------


@primitive(lambda g, y, x, *, shape: _reshape(g, shape=x.shape), name="reshape", views=True)
def _reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    try:
        return x.reshape(shape)
    except ValueError:
        raise ValueError(f"{x.size} elements of shape {x.shape} do not fit shape {shape}") from None


@primitive(lambda g, y, x, *, dims: _permute(g, dims=tuple(np.argsort(dims).tolist())), name="permute", views=True)
def _permute(x: Any, *, dims: tuple[int, ...]) -> Any:
    return x.transpose(dims)


@primitive(lambda g, y, x, *, dims: _flip(g, dims=dims), name="flip", views=True)
def _flip(x: Any, *, dims: tuple[int, ...]) -> Any:
    return np.flip(x, dims)


@primitive(lambda g, y, x, *, shifts, dims: _roll(g, shifts=tuple(-s for s in shifts), dims=dims), name="roll")
def _roll(x: Any, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    return np.roll(x, shifts, dims)


# --- public names ---------------------------------------------------------------------------------------------------


def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The same elements in C order with another shape; one entry may be -1.

    A view where NumPy can make one, else a copy, which writes into it do not reach: the results of convolutions and
    pooling lie channels last in memory. Raises ValueError when the sizes do not fit. Source: ``torch.reshape``.

    >>> import tensorgrad as tg
    >>> tg.reshape(tg.arange(6), (2, -1)).shape
    (2, 3)
    """
    x = operand(input, "reshape")
    sizes = loose(sizes if shape is None else (shape,), "reshape", "shape")
    if not sizes or min(sizes) >= 0:
        return _reshape(x, shape=sizes)
    total = math.prod(x.shape)
    known = math.prod(n for n in sizes if n != -1)
    if any(n < -1 for n in sizes) or sizes.count(-1) > 1:
        raise op_error(ValueError, "reshape", f"shape {sizes} may have one -1 and no other negative size")
    if known == 0 or total % known:
        hint = "ambiguous for 0 elements" if known == 0 else f"not a multiple of {known}"
        raise op_error(ValueError, "reshape", f"{total} elements do not fit shape {sizes}: {hint}")
    sizes = tuple(total // known if n == -1 else n for n in sizes)
    return _reshape(x, shape=sizes)


def view(input: Any, *sizes: Any, size: Any = None) -> Any:
    """As :func:`reshape`, a copy where a view is not possible and PyTorch raises. Source: ``torch.Tensor.view``."""
    return reshape(input, *sizes, shape=size)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Join the dimensions ``start_dim`` to ``end_dim`` into one. Source: ``torch.flatten``.

    >>> import tensorgrad as tg
    >>> tg.flatten(tg.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    x = operand(input, "flatten")
    shape = x.shape
    first, last = one_dim(start_dim, len(shape), "flatten"), one_dim(end_dim, len(shape), "flatten")
    if first > last:
        raise op_error(ValueError, "flatten", f"start_dim {start_dim} comes after end_dim {end_dim}")
    return _reshape(x, shape=(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def permute(input: Any, *order: Any, dims: Any = None) -> Any:
    """The dimensions in another order. Raises ValueError unless each is named once. Source: ``torch.permute``.

    >>> import tensorgrad as tg
    >>> tg.permute(tg.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = operand(input, "permute")
    wanted = loose(order if dims is None else (dims,), "permute", "dims")
    order = tuple(one_dim(d, x.ndim, "permute") for d in wanted)
    if sorted(order) != list(range(x.ndim)):
        raise op_error(ValueError, "permute", f"dims {order} must name each of the {x.ndim} dimensions once")
    return _permute(x, dims=order)


def transpose(input: Any, dim0: Any = None, dim1: int | None = None) -> Any:
    """Swap two dimensions; NumPy's form, with an order of all dimensions or none (reversed), works too.

    Source: ``torch.transpose``, ``numpy.transpose``.

    >>> import tensorgrad as tg
    >>> tg.transpose(tg.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    x = operand(input, "transpose")
    if dim1 is None:
        return permute(x, tuple(range(x.ndim))[::-1] if dim0 is None else tuple(dim0))
    first, second = one_dim(dim0, x.ndim, "transpose"), one_dim(dim1, x.ndim, "transpose")
    order = list(range(x.ndim))
    if order:
        order[first], order[second] = order[second], order[first]
    return _permute(x, dims=tuple(order))


def t(input: Any) -> Any:
    """The transpose of a matrix; vectors and scalars as they are. Source: ``torch.t``."""
    x = operand(input, "t")
    if x.ndim > 2:
        raise op_error(ValueError, "t", f"expected at most 2 dimensions, got {x.ndim}")
    return _permute(x, dims=tuple(range(x.ndim))[::-1])


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Move dimensions to other places, the others keep their order. Source: ``torch.movedim``, ``numpy.moveaxis``.

    Raises ValueError when one is named twice or the two lists differ in length.

    >>> import tensorgrad as tg
    >>> tg.movedim(tg.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    x = operand(input, "movedim")
    start = [one_dim(d, x.ndim, "movedim") for d in loose((source,), "movedim", "source")]
    end = [one_dim(d, x.ndim, "movedim") for d in loose((destination,), "movedim", "destination")]
    if len(start) != len(end) or len(set(start)) < len(start) or len(set(end)) < len(end):
        raise op_error(
            ValueError, "movedim", f"source {source} and destination {destination} must name as many dims, each once"
        )
    order = [d for d in range(x.ndim) if d not in start]
    for place, d in sorted(zip(end, start, strict=True)):
        order.insert(place, d)
    return _permute(x, dims=tuple(order[: x.ndim]))


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Two dimensions swapped. Source: ``torch.swapaxes``.

    >>> import tensorgrad as tg
    >>> tg.swapaxes(tg.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    return transpose(input, axis0, axis1)


def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped. Source: ``torch.swapdims``."""
    return transpose(input, dim0, dim1)


def ravel(input: Any) -> Any:
    """All elements in C order, one dimension. Source: ``torch.ravel``.

    >>> import tensorgrad as tg
    >>> tg.ravel(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return _reshape(operand(input, "ravel"), shape=(-1,))


def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """One dimension as several, of ``sizes`` (one may be -1): the reverse of :func:`flatten`.

    Raises ValueError when they do not multiply to its size. Source: ``torch.unflatten``.

    >>> import tensorgrad as tg
    >>> tg.unflatten(tg.zeros(2, 6), 1, (3, -1)).shape
    (2, 3, 2)
    """
    x = operand(input, "unflatten")
    along = one_dim(dim, x.ndim, "unflatten")
    parts = loose((sizes,), "unflatten", "sizes")
    if x.ndim == 0 or not parts:
        raise op_error(ValueError, "unflatten", f"expected a dimension and its sizes, got {x.ndim}-d, sizes {parts}")
    known, size = math.prod(n for n in parts if n != -1), x.shape[along]
    if parts.count(-1) == 1 and known and size % known == 0:
        parts = tuple(size // known if n == -1 else n for n in parts)
    if math.prod(parts) != size or any(n < 0 for n in parts):
        raise op_error(ValueError, "unflatten", f"sizes {parts} do not multiply to size {size} of dimension {along}")
    return _reshape(x, shape=(*x.shape[:along], *parts, *x.shape[along + 1 :]))


def view_as(input: Any, other: Any) -> Any:
    """This tensor with the shape of ``other``. Source: ``torch.Tensor.view_as``."""
    return reshape(input, tuple(operand(other, "view_as").shape))


def expand_as(input: Any, other: Any) -> Any:
    """This tensor expanded to the shape of ``other``. Source: ``torch.Tensor.expand_as``."""
    return expand(input, tuple(operand(other, "expand_as").shape))


def sum_to_size(input: Any, *size: Any) -> Any:
    """Summed over what broadcasting from ``size`` would add or stretch. Source: ``torch.Tensor.sum_to_size``.

    Raises ValueError when ``size`` does not broadcast to the shape.

    >>> import tensorgrad as tg
    >>> tg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    x, shape = operand(input, "sum_to_size"), loose(size, "sum_to_size")
    paired = zip(shape[::-1], x.shape[::-1], strict=False)
    if len(shape) > x.ndim or any(n not in (1, m) for n, m in paired):
        raise op_error(ValueError, "sum_to_size", f"size {shape} does not broadcast to shape {tuple(x.shape)}")
    return sum_to(x, shape=shape)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension; several give a tuple. Source: ``torch.atleast_1d``.

    >>> import tensorgrad as tg
    >>> tg.atleast_1d(tg.tensor(2.0))
    tensor([2.])
    """
    return _each(tensors, "atleast_1d", lambda shape: shape or (1,))


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions, new ones in front. Source: ``torch.atleast_2d``.

    >>> import tensorgrad as tg
    >>> tg.atleast_2d(tg.tensor([1.0, 2.0])).shape
    (1, 2)
    """
    return _each(tensors, "atleast_2d", lambda shape: (1,) * (2 - len(shape)) + shape)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three dimensions: (n) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    Source: ``torch.atleast_3d``.

    >>> import tensorgrad as tg
    >>> tg.atleast_3d(tg.tensor([1.0, 2.0])).shape
    (1, 2, 1)
    """
    return _each(
        tensors, "atleast_3d", lambda shape: ((1, 1, 1), (1, *shape, 1), (*shape, 1), shape)[min(len(shape), 3)]
    )


def _each(tensors: tuple[Any, ...], op: str, reshaped: Any) -> Any:
    parts = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    found = tuple(_reshape(x, shape=reshaped(tuple(x.shape))) for x in (operand(p, op) for p in parts))
    return found[0] if parts is tensors and len(tensors) == 1 else found


@numpy_spelling
def squeeze(input: Any, dim: Any = None) -> Any:
    """Without the dimensions of size 1 (all, or those named; others named are left). Source: ``torch.squeeze``.

    >>> import tensorgrad as tg
    >>> tg.squeeze(tg.zeros(1, 3, 1)).shape
    (3,)
    """
    x = operand(input, "squeeze")
    dims = () if dim in ((), []) else many_dims(dim, x.ndim, "squeeze")
    return _reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in dims))


@numpy_spelling
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new dimension of size 1 at ``dim``. Source: ``torch.unsqueeze``.

    >>> import tensorgrad as tg
    >>> tg.unsqueeze(tg.zeros(3), -1).shape
    (3, 1)
    """
    x = operand(input, "unsqueeze")
    position = one_dim(dim, x.ndim + 1, "unsqueeze")
    return _reshape(x, shape=(*x.shape[:position], 1, *x.shape[position:]))


def expand(input: Any, *sizes: Any, size: Any = None) -> Any:
    """A view with size-1 dimensions repeated; -1 keeps a size. Source: ``torch.Tensor.expand``.

    >>> import tensorgrad as tg
    >>> tg.ones(3, 1).expand(2, -1, 4).shape
    (2, 3, 4)
    """
    x = operand(input, "expand")
    shape = loose(sizes if size is None else (size,), "expand")
    new = len(shape) - x.ndim
    if new < 0 or -1 in shape[:new]:
        raise op_error(ValueError, "expand", f"sizes {shape} must name every dimension of shape {tuple(x.shape)}")
    sizes = (1,) * new + tuple(x.shape)
    wanted = tuple(have if n == -1 else n for have, n in zip(sizes, shape, strict=True))
    for i, (have, n) in enumerate(zip(sizes, wanted, strict=True)):
        if have not in (1, n):
            raise op_error(
                ValueError, "expand", f"dimension {i} has size {have}, and only a size of 1 is repeated: got {n}"
            )
    return broadcast_to(x, wanted)


def broadcast_to(input: Any, shape: Any) -> Any:
    """A read-only view with ``input`` repeated to ``shape``. Source: ``torch.broadcast_to``.

    >>> import tensorgrad as tg
    >>> tg.broadcast_to(tg.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return _broadcast_to(operand(input, "broadcast_to"), shape=loose((shape,), "broadcast_to", "shape"))


@numpy_spelling
def flip(input: Any, *positions: Any, dims: Any = None, dim: Any = None) -> Any:
    """Reverse the order along the given dimensions. Source: ``torch.flip``.

    >>> import tensorgrad as tg
    >>> tg.flip(tg.tensor([1, 2, 3]), (0,))
    tensor([3, 2, 1])
    """
    x = operand(input, "flip")
    named = loose(positions, "flip", "dims") if positions else dim if dims is None else loose((dims,), "flip", "dims")
    if isinstance(named, tuple) and not named:
        return _flip(x, dims=())
    return _flip(x, dims=many_dims(named, x.ndim, "flip"))


@numpy_spelling
def roll(input: Any, shifts: Any, dims: Any = None, *, dim: Any = None) -> Any:
    """Shift along dimensions, what leaves at the end comes in at the front; flattened when none is named.

    Source: ``torch.roll``.

    >>> import tensorgrad as tg
    >>> tg.roll(tg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    x = operand(input, "roll")
    named = dims if dim is None else dim
    amounts = loose((shifts,), "roll", "shifts")
    if named is None:
        if len(amounts) != 1:
            raise op_error(ValueError, "roll", f"without dims expected one shift, got {amounts}")
        return _reshape(_roll(_reshape(x, shape=(-1,)), shifts=amounts, dims=(0,)), shape=tuple(x.shape))
    axes = tuple(one_dim(d, x.ndim, "roll") for d in loose((named,), "roll", "dims"))
    if len(axes) != len(amounts):
        raise op_error(ValueError, "roll", f"expected one shift per dimension, got shifts {amounts}, dims {axes}")
    return _roll(x, shifts=amounts, dims=axes)


moveaxis = movedim
reshape_as = view_as

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_to", "expand", "expand_as", "flatten", "flip", "moveaxis",
    "movedim", "permute", "ravel", "reshape", "reshape_as", "roll", "squeeze", "sum_to", "sum_to_size", "swapaxes",
    "swapdims", "t", "transpose", "unflatten", "unsqueeze", "view", "view_as",
]  # fmt: skip
