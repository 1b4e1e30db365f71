"""autograd.Function: PyTorch's form, recorded as one node, exact to any order."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd.function import once_differentiable
from tensorgrad.autograd.primitive import REGISTRY, Primitive, operator, primitive


def leaf(*values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


class Cube(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        assert not tg.is_grad_enabled()
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


class Exp(tg.autograd.Function):
    """The newer form, saving its output."""

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        assert len(inputs) == 1
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Both(tg.autograd.Function):
    """Several outputs of different shapes, one of them integer; arguments that are no tensors in between."""

    @staticmethod
    def forward(ctx, x, scale, y, label=None):
        ctx.scale = scale
        ctx.save_for_backward(x, y)
        return x * y * scale, (x + y).sum(), x.argmax(), "text"

    @staticmethod
    def backward(ctx, g, h, none, text):
        x, y = ctx.saved_tensors
        assert none.shape == ()
        assert text is None
        gx = g * y * ctx.scale + h if ctx.needs_input_grad[0] else None
        return gx, None, g * x * ctx.scale + h, None


def test_derivatives_of_any_order():
    for function, expected in ((Cube, [12.0, 12.0, 6.0]), (Exp, [np.e**2] * 3)):
        x = leaf(2.0)
        y = function.apply(x)
        for value in expected:
            (y,) = tg.autograd.grad(y.sum(), x, create_graph=True)
            np.testing.assert_allclose(y.numpy(force=True), [value])


def test_it_is_checked_like_any_operator():
    x, y = leaf(0.5, -1.0, 2.0), leaf(1.0, 3.0, -2.0)
    assert tg.autograd.gradcheck(lambda x, y: Both.apply(x, 2.5, y)[:2], (x, y))
    assert tg.autograd.gradgradcheck(lambda x, y: Both.apply(x, 2.5, y)[:2], (x, y))
    assert tg.autograd.gradgradcheck(Exp.apply, x)


def test_several_outputs():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    product, total, place, text = Both.apply(x, 2.0, y, "label")
    assert product.tolist() == [6.0, 16.0]
    assert total.item() == 10.0
    assert not place.requires_grad
    assert place.dtype == np.int64
    assert text == "text"
    total.backward(retain_graph=True)
    assert x.grad.tolist() == y.grad.tolist() == [1.0, 1.0]
    (product.sum() + total).backward()
    assert x.grad.tolist() == [1.0 + 6 + 1, 1.0 + 8 + 1]


def test_needs_input_grad():
    seen = []

    class Look(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x, n, y):
            seen.append(ctx.needs_input_grad)
            return x + y

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g, None, g

    x, y = leaf(1.0), tg.tensor([1.0])
    Look.apply(x, 3, y).sum().backward()
    assert seen == [(True, False, False)] * 2
    assert y.grad is None


def test_outputs_of_different_dtypes_keep_them():
    class Two(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.float(), x * 2

        @staticmethod
        def backward(ctx, g, h):
            assert (g.dtype, h.dtype) == (np.float32, np.float64)
            return g.double() + 2 * h

    x = leaf(1.0)
    a, b = Two.apply(x)
    assert (a.dtype, b.dtype) == (np.float32, np.float64)
    (a * 10).sum().backward(retain_graph=True)
    b.sum().backward()
    assert x.grad.tolist() == [12.0]


def test_mark_non_differentiable():
    class Split(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            a, b = x * 2, x * 3
            ctx.mark_non_differentiable(b)
            return a, b

        @staticmethod
        def backward(ctx, g, h):
            assert h.tolist() == [0.0]
            return g * 2

    x = leaf(1.0)
    a, b = Split.apply(x)
    assert a.requires_grad
    assert not b.requires_grad
    a.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_without_recording():
    x = leaf(1.0)
    with tg.no_grad():
        y = Cube.apply(x)
    assert not y.requires_grad
    assert not Cube.apply(tg.tensor([2.0])).requires_grad


def test_an_output_that_is_an_input_has_memory_of_its_own():
    class Same(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(1.0)
    y = Same.apply(x)
    y += 1
    assert x.tolist() == [1.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0]


def wrong(result):
    class Wrong(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Wrong


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (lambda g: g, ValueError, "expected 2 gradients.*got 1"),
        (lambda g: (g, None, g), ValueError, "expected 2 gradients.*got 3"),
        (lambda g: (g[:1], None), ValueError, r"gradient 0 has shape \(1,\).*\(2,\)"),
        (lambda g: (g, g), ValueError, "argument 1 of apply is no tensor"),
        (lambda g: (1.0, None), TypeError, "gradient 0 must be a tensor or None, got float"),
    ],
)
def test_errors_name_the_class(result, error, words):
    with pytest.raises(error, match=rf"Wrong\.backward.*{words}"):
        wrong(result).apply(leaf(1.0, 2.0), 1).sum().backward()


def test_none_and_trailing_none():
    x = leaf(1.0, 2.0)
    (wrong(lambda g: (None, None, None)).apply(x, 1).sum() + x.sum()).backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_refusals():
    x = leaf(1.0)
    with pytest.raises(TypeError, match=r"Cube: .*Cube\.apply"):
        Cube()
    with pytest.raises(NotImplementedError, match="forward"):
        tg.autograd.Function.apply(x)
    with pytest.raises(TypeError, match=r"Dynamic\.backward must be static: write @staticmethod"):

        class Dynamic(Cube):
            def backward(self, g):
                return g

    class OnlyForward(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="OnlyForward: write a static backward"):
        OnlyForward.apply(x).sum().backward()

    class Array(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return np.exp(x.numpy(force=True))

    with pytest.raises(TypeError, match=r"Array\.forward: returned an array.*tg\.Tensor"):
        Array.apply(x)
    assert isinstance(Array.apply(x.detach()), np.ndarray)  # PyTorch's: what is no tensor goes through

    class Saves(Cube):
        @staticmethod
        def forward(ctx, x):
            with pytest.raises(TypeError, match=r"save_for_backward.*ctx\.name"):
                ctx.save_for_backward(3.0)
            with pytest.raises(RuntimeError, match="while backward runs"):
                _ = ctx.saved_tensors
            with pytest.raises(NotImplementedError, match="mark_dirty"):
                ctx.mark_dirty(x)
            ctx.save_for_backward(x, None)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            assert ctx.saved_tensors[1] is None
            return g

    Saves.apply(x).sum().backward()


def test_once_differentiable():
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not tg.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return tg.Tensor(3 * x.numpy(force=True) ** 2 * g.numpy(force=True))

    x = leaf(2.0)
    Once.apply(x).sum().backward()
    assert x.grad.tolist() == [12.0]
    (g,) = tg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [12.0]
    with pytest.raises(RuntimeError, match=r"Once\.backward.*once_differentiable"):
        tg.autograd.grad(g.sum(), x)


def test_what_is_saved_is_what_the_user_saved():
    class Scale(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            extra = w.exp()
            ctx.save_for_backward(w, extra)
            return x * extra + b

        @staticmethod
        def backward(ctx, g):
            w, extra = ctx.saved_tensors
            assert w.tolist() == [0.0, 1.0]
            np.testing.assert_allclose(extra.numpy(force=True), np.exp([0.0, 1.0]))
            return g * extra, None, g

    x, w, b = leaf(2.0, 3.0), leaf(0.0, 1.0), leaf(5.0, 6.0)
    y = Scale.apply(x, w, b)
    assert [v is not None for v in [*y.node.saved, y.node.value]] == [False, True, False, True, False]
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.0, 1.0]))
    assert b.grad.tolist() == [1.0, 1.0]


def test_the_graph_dies_by_reference_count():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = Exp.apply(x)
        product, *_ = Both.apply(y, 2.0, x)
        dead = [weakref.ref(y.node), weakref.ref(y.numpy(force=True)), weakref.ref(product.node), weakref.ref(y)]
        del y, product, _
        assert [ref() for ref in dead] == [None] * 4
    finally:
        gc.enable()


def test_saved_tensors_are_freed_and_checked():
    x = leaf(1.0, 2.0)
    h = x * 1
    y = Cube.apply(h)
    h += 1
    with pytest.raises(RuntimeError, match=r"backward of Cube.*modified in place"):
        y.sum().backward()
    y = Cube.apply(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.sum().backward()


def test_one_node_that_knows_its_module_and_is_not_registered():
    class Net(tg.nn.Module):
        def forward(self, x):
            return Cube.apply(x)

    y = Net()(leaf(1.0))
    assert (y.node.op.name, y.node.module_path) == ("Cube", "Net")
    assert "Cube" not in REGISTRY


def test_operators_inside_the_forward_of_a_primitive():
    """A context of NumPy warnings cannot be entered twice: operators called from a forward run in it as it is."""

    def forward(x):
        t = tg.Tensor(x, requires_grad=True)
        (g,) = tg.autograd.grad((t.log() * t).sum(), t)  # log(0) would warn
        return g.numpy(force=True)

    nested = primitive(lambda g, y, x: g / x, name="nested_for_a_test")(forward)
    try:
        x = leaf(0.0, 2.0)
        y = nested(x)
        assert np.isnan(y.numpy(force=True)[0])
        y[1].backward()
        assert x.grad.numpy()[1] == 0.5
        with pytest.raises(ValueError, match=r"nested_for_a_test|matmul"):
            primitive(None, name="fails_for_a_test")(lambda x: (tg.Tensor(x) @ tg.ones(5)).numpy(force=True))(x)
    finally:
        del REGISTRY["nested_for_a_test"], REGISTRY["fails_for_a_test"]
    with pytest.warns(RuntimeWarning):
        np.log(np.zeros(1))


def test_leaves_never_share_what_backward_returned():
    kept = []

    class Sum(tg.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            kept.append(g * 2)
            return kept[0], kept[0]

    a, b = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True)
    Sum.apply(a, b).sum().backward()
    arrays = [a.grad.numpy(), b.grad.numpy(), kept[0].numpy(force=True)]
    assert not any(np.shares_memory(x, y) for i, x in enumerate(arrays) for y in arrays[:i])


def test_leaves_never_share_what_a_joint_rule_returned():
    prim = Primitive("twice", np.add, (), lambda wanted, g, y, a, b: (g * 2,) * 2)
    a, b = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True)
    operator(prim)(a, b).sum().backward()
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
