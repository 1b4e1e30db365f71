"""Errors say which operator, which module, what came and what to do."""

import inspect

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.autograd.primitive import REGISTRY, primitive
from tensorgrad.ops import elementwise


class Net(tg.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(), Block()]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Block(tg.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = tg.nn.Parameter(tg.ones(3, 3))

    def forward(self, x):
        return x @ self.w


def test_operator_and_module_path_in_front():
    with pytest.raises(ValueError, match=r"^matmul \(in Net\.blocks\.0\): .*\(2, 4\) @ \(3, 3\)"):
        Net()(tg.ones(2, 4))


def test_the_path_is_forgotten_after_an_error():
    with pytest.raises(ValueError, match="Net"):
        Net()(tg.ones(2, 4))
    with pytest.raises(ValueError, match=r"^matmul: "):
        tg.ones(2, 4) @ tg.ones(3, 3)


def test_nodes_know_their_module():
    net = Net()
    y = net(tg.ones(2, 3))
    assert y.node.module_path == "Net.blocks.1"
    assert y.node.edges[0].module_path == "Net.blocks.0"
    (g,) = tg.autograd.grad(y.sum(), net.blocks[0].w, create_graph=True)
    assert g.node.module_path == "Net.blocks.0"  # what a rule records belongs to the module of its operator


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.ones(2) + "a", TypeError, "add.*str"),
        (lambda: tg.ones(2, 3) + tg.ones(4), ValueError, r"add.*\(2, ?3\).*\(4,?\)"),
        (lambda: tg.tensor([1 + 2j]), TypeError, "complex"),
        (lambda: tg.tensor(["a"]), TypeError, "not <U1"),
        (lambda: tg.ones(2, requires_grad=True).backward(), RuntimeError, "scalar"),
        (lambda: tg.ones(()).backward(), RuntimeError, "require grad"),
        (lambda: tg.ones(2, requires_grad=True).numpy(), RuntimeError, "detach"),
        (lambda: np.asarray(tg.ones(2, requires_grad=True)), RuntimeError, "detach"),
        (lambda: bool(tg.ones(2)), ValueError, "ambiguous"),
        (lambda: tg.ones(2).to("cuda"), ValueError, "CPU only"),
        (lambda: tg.zeros(2, device="cuda"), ValueError, "CPU only"),
        (lambda: tg.arange(3).requires_grad_(), TypeError, "floating point"),
        (lambda: np.arctan2(tg.ones(2), 1.0, where=False), TypeError, "np.arctan2"),
        (lambda: np.fft.fft(tg.ones(2)), TypeError, "np.fft"),
        (lambda: F.max_pool2d(tg.ones(1, 1, 2, 2), 5), ValueError, "max_pool2d.*too small"),
        (lambda: tg.ones(2, 1, 3) + tg.ones(4), ValueError, "add: .*sizes 3 and 4 meet in dimension -1"),
        (lambda: tg.ones(2, 3) * tg.ones(4, 1), ValueError, "mul: .*sizes 2 and 4 meet in dimension -2"),
        (lambda: tg.tensor([[1, 2], [3]]), ValueError, "tensor: lists .* one length"),
        (lambda: F.relu(None), TypeError, "relu: .*got NoneType; a forward without return"),
        (lambda: tg.ones(2) + None, TypeError, "add: .*got NoneType; a forward without return"),
        (lambda: F.linear(None, tg.ones(2, 2)), TypeError, "linear: .*got NoneType; a forward without return"),
        (lambda: tg.ones(2, requires_grad=True).add_(1), RuntimeError, r"with tg\.no_grad\(\)"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_parameter_changed_between_forward_and_backward_is_found_out():
    w = tg.ones(3, requires_grad=True)
    loss = (w * w).sum()
    w.data -= 0.5
    with pytest.raises(RuntimeError, match=r"mul.*modified in place at .*test_errors\.py"):
        loss.backward()
    assert w.grad is None


def test_a_write_before_forward_or_to_something_else_is_fine():
    w, other = tg.ones(3, requires_grad=True), tg.ones(3)
    w.data.fill_(2)
    loss = (w * w).sum()
    other.fill_(2)
    loss.backward()
    assert w.grad.tolist() == [4.0, 4.0, 4.0]


def test_a_view_shares_the_storage_that_was_written():
    w = tg.ones(3, requires_grad=True)
    loss = (w[1:] * w[:2]).sum()
    w.data.fill_(2)
    with pytest.raises(RuntimeError, match="modified in place"):
        loss.backward()


def test_a_rule_of_wrong_shape_is_named():
    wrong = primitive(lambda g, y, x: g[:1], name="wrong_rule")(lambda x: x * 2)
    try:
        x = tg.ones(3, requires_grad=True)
        with pytest.raises(ValueError, match=r"wrong_rule.*shape \(1,\).*\(3,\)"):
            wrong(x).sum().backward()
    finally:
        del REGISTRY["wrong_rule"]


def test_backward_names_the_line_of_the_call_where_it_was_remembered():
    wrong = primitive(lambda g, y, x: g[:1], name="wrong_rule")(lambda x: x * 2)
    try:
        with tg.autograd.detect_anomaly(check_nan=False):
            y = wrong(tg.ones(3, requires_grad=True))
        with pytest.raises(ValueError, match=r"^backward of wrong_rule, called at .*test_errors\.py:\d+: a rule"):
            y.sum().backward()
        with tg.autograd.detect_anomaly(check_nan=False):
            z = tg.ones(3, requires_grad=True).exp().sum()
        z.backward()
        with pytest.raises(RuntimeError, match=r"^backward of sum, called at .*test_errors\.py:\d+: .* a second time"):
            z.backward()
    finally:
        del REGISTRY["wrong_rule"]


def test_rules_and_inputs_are_of_one_number():
    for rules, forward in (
        ([lambda g, y, a, b: g * b], lambda a, b: a * b),  # the gradient of b would be lost without a word
        ([lambda g, y, a: g] * 2, lambda a: a),
        ([lambda g, y, a: g], np.multiply),
    ):
        with pytest.raises(TypeError, match=r"miscounted has . inputs? and . rules?; give one rule for each input"):
            primitive(*rules, name="miscounted")(forward)
    assert "miscounted" not in REGISTRY
    primitive(lambda g, y, a: g, name="with_default")(lambda a, order=None: a)
    del REGISTRY["with_default"]


def test_whatever_a_rule_raises_says_whose_it_is():
    wrong = primitive(lambda g, y, x: g.no_such_name, name="wrong_rule")(lambda x: x * 2)
    try:
        with pytest.raises(AttributeError) as caught:
            wrong(tg.ones(3, requires_grad=True)).sum().backward()
        assert caught.value.__notes__ == ["in backward of wrong_rule"]
    finally:
        del REGISTRY["wrong_rule"]


def test_mistakes_about_images_and_labels_are_told_what_to_do():
    conv, logits = tg.nn.Conv2d(1, 4, 3), tg.ones(4, 3)
    for call, error, words in (
        (lambda: conv(tg.ones(2, 28, 28)), ValueError, r"one image of 2 channels.*x\.unsqueeze\(1\)"),
        (lambda: conv(tg.ones(28, 28)), ValueError, r"x\.unsqueeze\(0\)"),
        (lambda: conv(tg.ones(2, 28, 28, 1)), ValueError, r"x\.movedim\(-1, 1\)"),
        (lambda: tg.nn.Conv2d(1, 4.0, 3), TypeError, "Conv2d: out_channels must be an integer, got 4.0"),
        (lambda: tg.nn.Linear(9 * 4 / 2, 3), TypeError, "Linear: in_features must be an integer, got 18.0"),
        (lambda: F.cross_entropy(logits, tg.ones(4)), TypeError, r"target\.long\(\)"),
        (lambda: F.cross_entropy(logits, tg.ones(4, 1).long()), ValueError, r"target\.squeeze\(-1\)"),
        (lambda: F.cross_entropy(tg.ones(2, 3, 5), tg.ones(2, 1, 5).long()), ValueError, r"target\.squeeze\(1\)"),
        (lambda: F.cross_entropy(tg.ones(3), tg.ones(1).long()), ValueError, r"target\.squeeze\(-1\)"),
        (lambda: F.linear(tg.nn.ReLU(), logits), TypeError, r"linear: .*got ReLU; .*nn\.ReLU\(\)\(x\)"),
        (lambda: tg.nn.utils.clip_grad_norm_(conv, 1.0), TypeError, r"module Conv2d; pass its parameters\(\)"),
        (lambda: F.cross_entropy(logits, tg.ones(4, 3).long()), ValueError, r"target\.argmax\(1\)"),
        (lambda: tg.nn.BatchNorm1d(3)(tg.ones(1, 3)), ValueError, r"drop_last.*model\.eval\(\)"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert conv(tg.ones(2, 28, 28, 1).movedim(-1, 1)).shape == (2, 4, 26, 26)
    assert conv(tg.ones(2, 28, 28).unsqueeze(1)).shape == (2, 4, 26, 26)


class Detailed(ValueError):
    """An error that is made of more than a message."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code


def test_an_error_of_another_kind_passes_backward_as_it_is():
    class Failing(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise Detailed(7, "detail")

    x = tg.tensor(1.0, requires_grad=True)
    with pytest.raises(Detailed) as caught:
        Failing.apply(x).sum().backward()
    assert caught.value.code == 7
    assert caught.value.__notes__ == ["in backward of Failing"]
    assert x.grad is None
    assert tg.is_grad_enabled()


def test_numpy_warnings_are_silent_inside_and_untouched_outside():
    x = tg.tensor([-1.0, 0.0], requires_grad=True)
    x.log().sum().backward()  # warnings are errors in tests
    with pytest.warns(RuntimeWarning):
        np.log(np.zeros(1))


def test_numpy_functions_record():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = np.concatenate([np.sin(x), np.array([3.0], np.float32) * x[:1]])
    assert isinstance(y, tg.Tensor)
    np.sum(y).backward()
    np.testing.assert_allclose(x.grad.data, [np.cos(1.0) + 3, np.cos(2.0)], rtol=1e-6)


def test_operands_by_keyword():
    assert tg.add(tg.ones(2), other=tg.ones(2)).tolist() == [2.0, 2.0]
    assert tg.ones(2).mul(other=3).tolist() == [3.0, 3.0]


ELEMENTWISE = [name for name, prim in REGISTRY.items() if isinstance(inspect.unwrap(prim.forward), np.ufunc)]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("kind", ["tensors", "arrays"])
def test_a_surplus_operand_is_refused_and_not_written_to(name, kind):
    """NumPy's functions take one more array as the place to write their result to."""
    known = [*vars(tg).values(), *vars(elementwise).values()]
    op = next(f for f in known if getattr(f, "primitive", None) is REGISTRY[name])
    make = tg.ones if kind == "tensors" else np.ones
    operands = [make(2) for _ in range(inspect.unwrap(REGISTRY[name].forward).nin)]
    spare = make(2) * 7
    with pytest.raises(TypeError, match=rf"^{name}: expected {len(operands)} operands?, got float"):
        op(*operands, spare)
    assert spare.tolist() == [7.0, 7.0]
    with pytest.raises(TypeError, match=f"^{name}: got an unexpected keyword argument 'where'"):
        op(*operands, where=False)


def test_missing_and_misspelt_arguments_name_the_operator_and_the_module():
    class Odd(tg.nn.Module):
        def forward(self, x, **options):
            return tg.exp(x, **options) if options else tg.mul(x)

    with pytest.raises(TypeError, match=r"^exp \(in Odd\): got an unexpected keyword argument 'dim'"):
        Odd()(tg.ones(2), dim=0)
    with pytest.raises(TypeError, match=r"^mul \(in Odd\): expected 2 operands, got float32\(2,\)"):
        Odd()(tg.ones(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x.fill_("a"), "^fill_: expected a tensor, an array or a number, got str"),
        (lambda x: x.copy_(tg.ones(3)), "^copy_: "),
        (lambda x: x.requires_grad_().zero_(), "^zero_: a leaf tensor that requires grad"),
        (lambda x: x.expand(3), "^expand: dimension 0 has size 2, and only a size of 1 is repeated: got 3"),
    ],
)
def test_methods_are_called_by_their_names(call, words):
    with pytest.raises((TypeError, ValueError, RuntimeError), match=words):
        call(tg.ones(2))


def test_a_module_that_moves_goes_by_its_new_name():
    class Pair(tg.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = Block()

        def forward(self, x):
            return self.a(x) if hasattr(self, "a") else self.b(x)

    net = Pair()
    assert net(tg.ones(2, 3)).node.module_path == "Pair.a"
    net.b = net.a
    del net.a
    assert net(tg.ones(2, 3)).node.module_path == "Pair.b"


def test_every_public_operator_says_what_it_computes():
    public = [f for room in (tg, F) for f in vars(room).values() if hasattr(f, "primitive") and callable(f)]
    assert len(public) > 60
    assert [f.__name__ for f in public if "``" not in f.__doc__ or "Source: ``torch." not in f.__doc__] == []
    assert str(inspect.signature(tg.exp)) == "(input)"
    assert str(inspect.signature(tg.mul)) == "(input, other)"
    assert tg.exp.__doc__ == "``e^x``, for each number x of ``input``. Source: ``torch.exp``."


def test_a_tree_is_searched_once_for_all_that_it_holds(monkeypatch):
    searched = []
    walk = tg.nn.Module.named_modules
    monkeypatch.setattr(tg.nn.Module, "named_modules", lambda self, **k: searched.append(self) or walk(self, **k))

    class Net(tg.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = [tg.nn.Sequential(tg.nn.Tanh(), tg.nn.Tanh()) for _ in range(20)]

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return tg.nn.Tanh()(x)  # one that belongs to nobody, another one at each call

    net, x = Net(), tg.ones(2, requires_grad=True)
    y = net(x)
    assert y.node.module_path == "Net.Tanh"
    assert y.node.edges[0].module_path == "Net.blocks.19.1"
    assert len(searched) == 22
    assert net(x).node.edges[0].module_path == "Net.blocks.19.1"
    assert len(searched) == 23


class Own(Exception):
    pass


@pytest.mark.parametrize(
    ("raised", "caught"),
    [
        (np.exceptions.AxisError("axis"), IndexError),
        (np.linalg.LinAlgError("singular"), ValueError),
        (UnicodeError("text"), ValueError),
        (RuntimeError("state"), RuntimeError),
        (ZeroDivisionError("by zero"), ZeroDivisionError),
        (Own("own"), Own),
        (Detailed(7, "detail"), Detailed),
    ],
)
def test_an_error_keeps_its_kind(raised, caught):
    def forward(x):
        raise raised

    op = primitive(lambda g, y, x: g, name="failing")(forward)
    try:
        with pytest.raises(caught) as info:
            op(tg.ones(3))
    finally:
        del REGISTRY["failing"]
    if caught in (ZeroDivisionError, Own, Detailed):
        assert info.value is raised
        assert raised.__notes__ == ["in failing"]
    else:
        assert type(info.value) is caught
        assert str(info.value).startswith("failing: ")
        assert str(info.value).endswith("; got float32(3,)")


def test_numpys_errors_about_dtypes_are_type_errors():
    with pytest.raises(TypeError, match=r"^add: ufunc 'add' .*; got "):
        tg.ones(2) + np.array(["a", "b"])
