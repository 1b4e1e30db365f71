"""Tensor: an array, its gradient, and the node of the graph that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.autograd.backward import backward as _backward
from tensorgrad.autograd.cut import cut_from
from tensorgrad.autograd.handle import RemovableHandle, add_hook
from tensorgrad.autograd.hooks import RetainGrad, retains_grad
from tensorgrad.autograd.lent import lend
from tensorgrad.autograd.node import Node
from tensorgrad.autograd.primitive import TENSOR_CLASSES, bind_tensor_class, primitive, wrap
from tensorgrad.autograd.view import View
from tensorgrad.errors import describe, op_error
from tensorgrad.formatting import format_tensor
from tensorgrad.interop import NumpyProtocols
from tensorgrad.methods import OperatorMethods
from tensorgrad.methods_conversion import Conversions
from tensorgrad.methods_in_place import InPlaceMethods
from tensorgrad.methods_layout import Layout
from tensorgrad.methods_new import NewMethods
from tensorgrad.ops._arguments import supported

_clone = primitive(lambda g, y, x: g, name="clone")(np.copy)


class Tensor(Layout, OperatorMethods, InPlaceMethods, NewMethods, Conversions, NumpyProtocols):
    """A NumPy array that remembers how it was computed.

    ``Tensor(array)`` shares the array's memory, unless its byte order is another machine's; :func:`tensorgrad.tensor`
    copies. As in PyTorch, ``Tensor(2, 3)`` is uninitialised memory of that shape and ``Tensor([1, 2])`` is float32,
    whatever its numbers. Operators between tensors (and arrays and numbers) record a graph when an operand requires
    gradients; :meth:`backward` fills ``.grad`` of the leaves. Fields: ``data`` (the memory without history; ``numpy()``
    is the array), ``grad`` (a Tensor or None), ``requires_grad``, ``node`` (what made it; None for a leaf), ``name``.

    >>> import tensorgrad as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_requires_grad", "cut", "hooks", "name", "node", "view_of")

    _data: np.ndarray
    _grad: Any
    hooks: Any
    name: str | None
    node: Node | None
    view_of: View | None
    cut: Any
    _requires_grad: bool

    def __init__(self, *data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        self._data = array = _content(data)
        if data and not isinstance(data[0], Tensor) and (array is data[0] or array.base is not None):
            lend(array, ours=False)
        self._grad = None
        self.hooks = None
        self.name = name
        self.node = None
        self.view_of = None
        self.cut = None
        self._requires_grad = False
        if requires_grad:
            self.requires_grad = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        TENSOR_CLASSES.add(cls)

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """True when no recorded operator made this tensor."""
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor, under PyTorch's name."""
        return self.node

    @property
    def data(self) -> Tensor:
        """The same memory without history, as PyTorch's: ``p.data.fill_(0)`` writes a parameter and records nothing.

        The array is ``t.numpy()``. Assigned, the tensor takes over a tensor's or an array's memory; ValueError when a
        computed tensor would change its shape or dtype, TypeError for integers where gradients are required.
        Source: ``torch.Tensor.data``.
        """
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        array = as_array(value)
        if array is self._data:  # the end of `p.data -= step`, which has written already
            return
        if self.node is not None and (array.shape != self.shape or array.dtype != self.dtype):
            raise ValueError(
                f"data: expected {describe(self)}, as {self.node.op.name} computed it, got {describe(array)}; "
                "use a new tensor"
            )
        if self._requires_grad and array.dtype.kind != "f":
            raise TypeError(f"data: this tensor requires grad and must stay of floating point, got {describe(array)}")
        if not isinstance(value, Tensor):
            lend(array, ours=False)
        self._data, self.view_of = array, None

    # --- values out of the graph ------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number; ValueError when there are more."""
        if self._data.size != 1:
            raise ValueError(f"item: only a tensor of one element is a number, this one has shape {self.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array itself (shared memory); RuntimeError for a tensor that requires grad, unless ``force``."""
        if self.requires_grad and not force:
            raise RuntimeError(
                "numpy: this tensor requires grad, and an array cannot carry gradients; use t.detach().numpy()"
            )
        return lend(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise RuntimeError(
                "np.asarray: this tensor requires grad and would be cut off from its graph silently; "
                "use t.detach().numpy(), or a tensorgrad operator"
            )
        array = np.array(self._data, dtype=dtype, copy=copy)
        return lend(array) if array is self._data else array

    def detach(self) -> Tensor:
        """The same memory without history: gradients do not flow through it. Source: ``torch.Tensor.detach``."""
        out: Tensor = wrap(self._data)
        out.name = self.name
        out.cut = cut_from(self) if self._requires_grad else self.cut
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor itself off from what made it; RuntimeError for a view. Source: ``torch.Tensor.detach_``."""
        if self.view_of is not None:
            raise op_error(RuntimeError, "detach_", "a view cannot be cut off in place; use t.detach()")
        self.cut = cut_from(self) if self._requires_grad else self.cut
        self.node, self._requires_grad = None, False
        return self

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu" or self._data.size != 1:
            raise TypeError(f"only an integer tensor of one element can be an index, got {describe(self)}")
        return int(self._data.item())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {self.shape} is ambiguous; use .any(), .all() or .item()"
            )
        return bool(self._data.item())

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self._data.ndim:
            raise TypeError("iter: a 0-d tensor cannot be iterated over; use .item()")
        return (self[i] for i in range(self._data.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool((self._data == (value._data if isinstance(value, Tensor) else value)).any())

    def __repr__(self) -> str:
        return format_tensor(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._data.size == 1 else repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.node is not None:
            raise RuntimeError("deepcopy: only leaf tensors can be copied with deepcopy; use t.detach().clone()")
        out = type(self).__new__(type(self))
        memo[id(self)] = out
        out._data = self._data.copy()
        out._grad = None if self._grad is None else self._grad.detach().clone()
        out.name, out.node, out.hooks, out.view_of = self.name, None, None, None
        out._requires_grad = self._requires_grad
        out.cut = None
        return out

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled or copied, a tensor is a leaf with its values: it has no history, and is no view of another one."""
        array = self._data  # first: a tensor that waits has another class until it is read
        fields = type(self), array, self._requires_grad, self._grad, self.name
        return _leaf, fields, getattr(self, "__dict__", None)  # of a subclass

    # --- gradients ----------------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf it was made from.

        See :func:`tensorgrad.autograd.backward`.
        """
        _backward(self, gradient, retain_graph, create_graph, inputs)

    @property
    def grad(self) -> Any:
        """What backward has added up here, a tensor, or None.

        Set it to None to start anew, or to a tensor like this one: TypeError for anything else or another dtype,
        ValueError for another shape. Source: ``torch.Tensor.grad``.
        """
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, Tensor) or value._data.dtype != self._data.dtype:
                raise TypeError(f"grad: expected a {self._data.dtype} tensor or None, got {_kind_of(value)}")
            if value._data.shape != self._data.shape:
                raise ValueError(f"grad: expected a gradient of shape {self.shape}, got {describe(value)}")
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """True when gradients flow to or through this tensor.

        Setting it raises TypeError for integers, RuntimeError to switch it off for a computed tensor.
        """
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._data.dtype.kind != "f":
            raise TypeError(
                "requires_grad: only tensors of floating point dtype can require gradients, "
                f"this one is {self._data.dtype}"
            )
        if not value and self.node is not None:
            raise RuntimeError(
                "requires_grad: only leaf tensors can stop requiring gradients, this one was computed by "
                f"{self.node.op.name}; use t.detach()"
            )
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set :attr:`requires_grad` in place and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this computed tensor too (leaves keep theirs anyway)."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require grad")
        if self.node is not None and not retains_grad(self):
            self.register_hook(RetainGrad(self))

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this tensor is known; what it returns takes its place.

        >>> import tensorgrad as tg
        >>> x = tg.tensor(1.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (3 * x).backward(); x.grad.item()
        30.0
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require grad")
        owner: Any = self if self.node is None else self.node
        if owner.hooks is None:
            owner.hooks = {}
        return add_hook(owner.hooks, hook)

    def graph(self, params: Any = None, **options: Any) -> Any:
        """The graph that made this tensor, as a ``graphviz.Digraph``; see :func:`tensorgrad.viz.graph`."""
        from tensorgrad.viz import graph

        return graph(self, params, **options)

    # --- copies -------------------------------------------------------------------------------------------------------

    def clone(self) -> Tensor:
        """A copy with its own memory, through which gradients flow. Source: ``torch.clone``."""
        out: Tensor = _clone(self)
        return out


def _leaf(cls: type[Tensor], array: np.ndarray, requires_grad: bool, grad: Any, name: str | None) -> Tensor:
    out = cls.__new__(cls)
    out._data, out._requires_grad, out._grad, out.name = array, requires_grad, grad, name
    out.node = out.hooks = out.view_of = out.cut = None
    return out


bind_tensor_class(Tensor)


def is_sizes(data: tuple[Any, ...]) -> bool:
    """True for the arguments of ``Tensor(2, 3)``: integers, or nothing."""
    return all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in data)


def _content(data: tuple[Any, ...]) -> np.ndarray:
    """The array of a tensor that is made of ``data``: sizes, or one thing that holds numbers."""
    if is_sizes(data):
        return np.empty(data or 0, np.float32)
    if len(data) > 1:
        raise TypeError(
            f"Tensor: expected data, or sizes, got {', '.join(map(describe, data))}; give requires_grad by name"
        )
    array = as_array(data[0])
    return array.astype(np.float32) if isinstance(data[0], (list, tuple)) and array.dtype.kind in "iub" else array


def as_array(data: Any, exact: bool = False) -> np.ndarray:
    """An ndarray from an array (shared), a tensor, any library's array, a number or nested lists.

    Python floats become float32; ``exact`` leaves them float64, for a caller who gives them another dtype. An array in
    the byte order of another machine is copied into this one's.
    """
    if isinstance(data, Tensor):
        return data._data
    if isinstance(data, np.ndarray):
        return np.asarray(data, supported(data.dtype, "tensor"))
    if isinstance(data, (list, tuple)) and any(isinstance(d, Tensor) for d in data):
        data = [d._data if isinstance(d, Tensor) else d for d in data]
    try:
        array = np.asarray(data)
    except ValueError as error:  # NumPy's answer to lists of different lengths
        raise ValueError(f"tensor: lists inside of one list must have one length and depth: {error}") from None
    array = array.astype(supported(array.dtype, "tensor"), copy=False)
    if array.dtype == np.float64 and not exact and not _holds_arrays(data):
        array = array.astype(np.float32)
    return array


def _kind_of(value: Any) -> str:
    """What someone gave who should have given a tensor, and what to do."""
    if isinstance(value, Tensor):
        return f"a {describe(value)}; convert it with .to(dtype)"
    return (
        f"an array {describe(value)}; wrap it, tg.from_numpy(array)" if isinstance(value, np.ndarray) else repr(value)
    )


def _holds_arrays(data: Any) -> bool:
    """True when nested lists end in arrays, NumPy's or another library's: these have a dtype, and keep it."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return hasattr(data, "__array__")
