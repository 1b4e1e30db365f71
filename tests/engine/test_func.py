"""tensorgrad.func: transforms against closed forms, against each other, nested, and cut off from the graph."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad import func, nn
from tensorgrad.pytree import flatten, flatten_like, tree_map

D = tg.float64


def const(*values):
    return tg.tensor(np.array(values, np.float64))


def close(actual, expected, **kwargs):
    np.testing.assert_allclose(actual.numpy(force=True), expected, **{"rtol": 1e-12, "atol": 1e-12, **kwargs})


def detached(tree):
    return all(not leaf.requires_grad for leaf in flatten(tree)[0] if isinstance(leaf, tg.Tensor))


A = np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 2.0]])


def affine(x):
    return tg.tensor(A) @ x


def curved(x, y):
    """Two outputs in a dictionary, of two arguments."""
    return {"a": (x * y).sin(), "b": (x.exp() * y[0]).sum()}


# --------------------------------------------------------------------------- closed forms


def test_grad_and_value():
    x = const(1.0, 2.0)
    close(func.grad(lambda x: (x**3).sum())(x), [3.0, 12.0])
    gradient, value = func.grad_and_value(lambda x: (x**3).sum())(x)
    close(gradient, [3.0, 12.0])
    close(value, 9.0)
    value, gradient = func.value_and_grad(lambda x: (x**3).sum())(x)
    close(value, 9.0)
    assert detached([value, gradient])


@pytest.mark.parametrize("order", range(6))
def test_grad_nests_to_any_depth(order):
    f = lambda x: x**5
    for _ in range(order):
        f = func.grad(f)
    result = f(const(2.0).sum())
    close(result, [32, 80, 160, 240, 240, 120][order])
    assert detached(result)


def test_argnums():
    f = lambda x, y, z: (x * y * z).sum()
    x, y, z = const(2.0), const(3.0), const(5.0)
    close(func.grad(f, 1)(x, y, z), [10.0])
    close(func.grad(f, -1)(x, y, z), [6.0])
    pair = func.grad(f, (2, 0))(x, y, z)
    assert isinstance(pair, tuple)
    close(pair[0], [6.0])
    close(pair[1], [15.0])
    close(func.grad(lambda x, *, scale: (x * scale).sum())(x, scale=7.0), [7.0])


def test_pytrees():
    Pair = namedtuple("Pair", "weight bias")
    params = {"layers": [Pair(const(1.0, 2.0), const(3.0)), Pair(const(4.0), const(5.0))], "scale": const(2.0)}
    f = lambda p: (p["layers"][0].weight ** 2).sum() * p["scale"].sum() + p["layers"][1].bias.sum()
    g = func.grad(f)(params)
    assert isinstance(g["layers"][0], Pair)
    close(g["layers"][0].weight, [4.0, 8.0])
    close(g["layers"][0].bias, [0.0])
    close(g["layers"][1].bias, [1.0])
    close(g["scale"], [5.0])


def test_has_aux():
    x = const(1.0, 2.0)
    f = lambda x: ((x**2).sum(), {"y": x * 2, "n": 3})
    g, aux = func.grad(f, has_aux=True)(x)
    close(g, [2.0, 4.0])
    assert aux["n"] == 3
    assert detached(aux)
    value, (v, aux) = func.grad_and_value(f, has_aux=True)(x)
    close(v, 5.0)
    assert detached([value, v, aux])
    h = lambda x: (x**2, x * 2)
    _, pull, aux = func.vjp(h, x, has_aux=True)
    close(pull(const(1.0, 1.0))[0], [2.0, 4.0])
    assert detached(aux)
    _, dy, aux = func.jvp(h, (x,), (const(1.0, 1.0),), has_aux=True)
    close(dy, [2.0, 4.0])
    assert detached(aux)
    for transform in (func.jacrev, func.jacfwd):
        jacobian, aux = transform(h, has_aux=True)(x)
        close(jacobian, np.diag([2.0, 4.0]))
        assert detached(aux)


@pytest.mark.parametrize("transform", [func.jacrev, func.jacfwd])
def test_jacobians(transform):
    x, y = const(0.5, -1.0), const(2.0, 0.3)
    close(transform(affine)(const(1.0, 2.0, 3.0)), A)
    j = transform(curved, (0, 1))(x, y)
    product = x.numpy(force=True) * y.numpy(force=True)
    close(j["a"][0], np.diag(np.cos(product) * y.numpy(force=True)))
    close(j["a"][1], np.diag(np.cos(product) * x.numpy(force=True)))
    close(j["b"][0], np.exp(x.numpy(force=True)) * y.numpy(force=True)[0])
    close(j["b"][1], [np.exp(x.numpy(force=True)).sum(), 0.0])
    assert detached(j)
    matrix = transform(lambda m: m.T)(const([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
    assert matrix.shape == (3, 2, 2, 3)
    assert matrix.numpy(force=True).sum() == 6
    tree = transform(lambda p: p["w"] * p["b"])({"w": const(1.0, 2.0), "b": const(3.0)})
    close(tree["w"], 3 * np.eye(2))
    close(tree["b"], [[1.0], [2.0]])
    empty = transform(lambda x: x * 2)(tg.zeros(0, dtype=D))
    assert empty.shape == (0, 0)


def test_constant_outputs_have_zero_derivatives():
    x = const(1.0, 2.0)
    constant = lambda x: (tg.ones(3, dtype=D), x.argmax(), x * 2)
    for transform in (func.jacrev, func.jacfwd):
        j = transform(constant)(x)
        assert [p.shape for p in j] == [(3, 2), (2,), (2, 2)]
        assert not j[0].numpy(force=True).any()
    _, moved = func.jvp(constant, (x,), (const(1.0, 1.0),))
    close(moved[0], [0.0] * 3)
    close(func.grad(lambda x: tg.ones(()))(x), [0.0, 0.0])


def test_hessian_and_hvp():
    x, y = const(0.5, -1.0), const(2.0, 0.3)
    f = lambda x, y: (x**3 * y).sum()
    h = func.hessian(f, (0, 1))(x, y)
    close(h[0][0], np.diag(6 * x.numpy(force=True) * y.numpy(force=True)))
    close(h[0][1], np.diag(3 * x.numpy(force=True) ** 2))
    close(h[1][0], np.diag(3 * x.numpy(force=True) ** 2))
    close(h[1][1], np.zeros((2, 2)))
    value, (px, py) = func.hvp(f, (x, y), (const(1.0, 2.0), const(3.0, 4.0)))
    close(value, f(x, y).item())
    close(px, 6 * x.numpy(force=True) * y.numpy(force=True) * [1, 2] + 3 * x.numpy(force=True) ** 2 * [3, 4])
    close(py, 3 * x.numpy(force=True) ** 2 * [1, 2])
    assert detached([h, value, px, py])
    for inner in (func.jacrev, func.jacfwd):
        for outer in (func.jacrev, func.jacfwd):
            close(outer(inner(lambda x: f(x, y)))(x), h[0][0].numpy(force=True))


# --------------------------------------------------------------------------- laws


numbers = st.floats(-2, 2, width=32)
vectors = st.lists(numbers, min_size=3, max_size=3).map(lambda v: const(*v))


@settings(deadline=None, max_examples=40)
@given(x=vectors, y=vectors, t=vectors, s=vectors, u=vectors, w=numbers)
def test_jvp_is_the_transpose_of_vjp(x, y, t, s, u, w):
    """<v, J t> = <v' J, t> for any tangents and cotangents."""
    _, moved = func.jvp(curved, (x, y), (t, s))
    _, push = func.linearize(curved, x, y)
    output, pull = func.vjp(curved, x, y)
    v = {"b": const(w).sum(), "a": u}  # in another order than the output's
    assert list(output) == ["a", "b"]
    forward = (moved["a"] * v["a"]).sum() + moved["b"] * v["b"]
    px, py = pull(v)
    close(forward, ((px * t).sum() + (py * s).sum()).item(), rtol=1e-9, atol=1e-9)
    again = push(t, s)
    close(again["a"], moved["a"].numpy(force=True))
    close(again["b"], moved["b"].numpy(force=True))


@settings(deadline=None, max_examples=20)
@given(x=vectors, t=vectors)
def test_products_are_products_with_the_matrices(x, t):
    f = lambda x: (x.sin() * x.sum()).sum()
    h = func.hessian(f)(x)
    close(h, h.numpy(force=True).T, rtol=1e-9, atol=1e-9)
    close(func.hvp(f, (x,), (t,))[1][0], h.numpy(force=True) @ t.numpy(force=True), rtol=1e-9, atol=1e-9)
    close(tg.autograd.functional.vhp(f, x, t)[1], t.numpy(force=True) @ h.numpy(force=True), rtol=1e-9, atol=1e-9)
    g = lambda x: x.exp() * x.sum()
    j = func.jacrev(g)(x)
    close(func.jacfwd(g)(x), j.numpy(force=True), rtol=1e-9, atol=1e-9)
    close(func.jvp(g, (x,), (t,))[1], j.numpy(force=True) @ t.numpy(force=True), rtol=1e-9, atol=1e-8)
    close(func.vjp(g, x)[1](t)[0], t.numpy(force=True) @ j.numpy(force=True), rtol=1e-9, atol=1e-8)


# --------------------------------------------------------------------------- nesting and cutting off


def test_perturbations_are_not_confused():
    """d/dx (x * d/dy (x + y)) = 1, the classic trap."""
    inner = lambda x: x * func.grad(lambda y: x + y)(tg.ones((), dtype=D))
    assert func.grad(inner)(tg.ones((), dtype=D)).item() == 1.0
    jvp_inner = lambda x: x * func.jvp(lambda y: x * y, (x,), (tg.ones((), dtype=D),))[1]
    assert func.grad(jvp_inner)(tg.tensor(3.0, dtype=D)).item() == 6.0


def test_transforms_of_transforms():
    x = const(0.3, 0.7)
    f = lambda x: (x**4).sum()
    third = func.jacrev(func.hessian(f))(x)
    close(third[0, 0], [24 * 0.3, 0.0])
    pulled = func.grad(lambda x: func.vjp(lambda y: y**3, x)[1](tg.ones(2, dtype=D))[0].sum())(x)
    close(pulled, 6 * x.numpy(force=True))
    pushed = func.grad(lambda x: func.linearize(lambda y: y**3, x)[1](tg.ones(2, dtype=D)).sum())(x)
    close(pushed, 6 * x.numpy(force=True))
    batch = func.vmap(func.hessian(f))(tg.stack([x, x * 2]))
    close(batch[1], np.diag(12 * (2 * x.numpy(force=True)) ** 2))
    close(func.grad(lambda x: func.vmap(func.grad(lambda y: y**3))(x).sum())(x), 6 * x.numpy(force=True))


def test_results_stay_connected_only_for_somebody_outside():
    w = tg.tensor(np.array([2.0, 3.0]), requires_grad=True)
    x = const(1.0, 2.0)
    close_over = func.grad(lambda x: (w * x**2).sum())(x)
    close_over.sum().backward()  # through the user's own leaf
    close(w.grad, [2.0, 4.0])
    w.grad = None
    func.grad(lambda v: (v**3).sum())(w).sum().backward()
    close(w.grad, [12.0, 18.0])
    assert detached(func.grad(lambda v: (v**3).sum())(w.detach()))
    assert w.requires_grad
    for tree in (
        func.vjp(tg.exp, x)[0],
        func.vjp(tg.exp, x)[1](x),
        func.jvp(tg.exp, (x,), (x,)),
        func.jacrev(tg.exp)(x),
    ):
        assert detached(tree)
    v = tg.tensor(np.array([1.0, 1.0]), requires_grad=True)
    func.vjp(tg.exp, x)[1](v)[0].sum().backward()
    close(v.grad, np.exp(x.numpy(force=True)))
    v.grad = None
    func.jvp(tg.exp, (x,), (v,))[1].sum().backward()
    close(v.grad, np.exp(x.numpy(force=True)))


def test_under_no_grad():
    with tg.no_grad():
        close(func.grad(func.grad(lambda x: x**3))(tg.tensor(2.0, dtype=D)), 12.0)
        assert not tg.is_grad_enabled()


def test_an_error_inside_leaves_nothing_behind():
    with pytest.raises(KeyError):
        func.grad(lambda x: {}[0])(const(1.0))
    assert detached(func.grad(lambda x: (x * x).sum())(const(1.0)))


# --------------------------------------------------------------------------- vmap


def test_vmap_dimensions():
    x, y = tg.randn(3, 4, dtype=D), tg.randn(4, dtype=D)
    dot = lambda a, b: (a * b).sum()
    close(func.vmap(dot, (0, None))(x, y), x.numpy(force=True) @ y.numpy(force=True))
    close(func.vmap(dot, (1, None))(x.T, y), x.numpy(force=True) @ y.numpy(force=True))
    close(func.vmap(dot, (-1, None))(x.T, y), x.numpy(force=True) @ y.numpy(force=True))
    close(func.vmap(func.vmap(dot, (None, 0)), (0, None))(x, x), x.numpy(force=True) @ x.numpy(force=True).T)
    close(func.vmap(lambda a: a * 2, out_dims=1)(x), 2 * x.numpy(force=True).T)
    both = func.vmap(lambda p: {"s": p["a"] + p["b"], "t": (p["a"], p["b"])}, ({"a": 0, "b": None},))({"a": x, "b": y})
    close(both["s"], x.numpy(force=True) + y.numpy(force=True))
    assert both["t"][1].shape == (3, 4)
    first, second = func.vmap(lambda a: (a, a * 2), out_dims=(0, 1))(x)
    assert (first.shape, second.shape) == ((3, 4), (4, 3))
    close(func.vmap(lambda a, n: a * n, (0, None))(x, 3), 3 * x.numpy(force=True))


def test_vmap_is_differentiable_and_random():
    x = tg.tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    func.vmap(lambda a: (a**2).sum())(x).sum().backward()
    close(x.grad, 2 * x.numpy(force=True))
    noise = func.vmap(lambda a: tg.rand(1) + 0 * a[0].float())(x)
    assert len(np.unique(noise.numpy(force=True))) == 3
    noise = func.vmap(lambda a: tg.rand(1) + 0 * a[0].float(), randomness="same")(x)
    assert len(np.unique(noise.numpy(force=True))) == 1


# --------------------------------------------------------------------------- modules


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight
        self.pair = (nn.Parameter(tg.ones(2)), [nn.Parameter(tg.ones(2))])

    def forward(self, x):
        return self.second(self.first(x)) * self.pair[0] * self.pair[1][0]


def test_functional_call_replaces_tied_and_nested_parameters_and_puts_them_back():
    net = Tied()
    before = dict(net.named_parameters(remove_duplicate=False))
    assert set(before) == {"first.weight", "second.weight", "pair.0", "pair.1.0"}
    pair = net.pair
    new = {"first.weight": tg.eye(2) * 2, "pair.0": tg.tensor([10.0, 1.0]), "pair.1.0": tg.tensor([1.0, 100.0])}
    x = tg.tensor([[1.0, 1.0]])
    assert func.functional_call(net, new, x).tolist() == [[40.0, 400.0]]
    assert func.functional_call(net, (new, {"pair.0": tg.ones(2)}), (x,)).tolist() == [[4.0, 400.0]]
    assert net.pair is pair
    assert all(a is before[name] for name, a in net.named_parameters(remove_duplicate=False))
    with pytest.raises(ValueError, match=r"Tied has no third\.weight"):
        func.functional_call(net, {"third.weight": x}, x)
    with pytest.raises(ValueError, match=r"linear|matmul"):
        func.functional_call(net, new, tg.ones(1, 3))
    assert net.pair is pair


def test_gradients_of_modules_as_functions():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    x, y = tg.randn(5, 2, dtype=D), tg.randn(5, 1, dtype=D)
    params = {name: p.detach() for name, p in net.named_parameters()}
    loss = lambda p, x, y: nn.functional.mse_loss(func.functional_call(net, p, x), y)
    g = func.grad(loss)(params, x, y)
    nn.functional.mse_loss(net(x), y).backward()
    for name, p in net.named_parameters():
        close(g[name], p.grad.numpy())
    assert detached(g)
    per_sample = func.vmap(func.grad(loss), (None, 0, 0))(params, x, y)
    for name, value in per_sample.items():
        close(value.mean(0), g[name].numpy(force=True))


def test_ensembles():
    models = [nn.Linear(2, 1) for _ in range(3)]
    params, buffers = func.stack_module_state(models)
    assert not buffers
    x = tg.randn(4, 2)
    out = func.vmap(lambda p: func.functional_call(models[0], p, x))(params)
    for k, model in enumerate(models):
        close(out[k], model(x).numpy(force=True), rtol=1e-6)
    out.sum().backward()
    assert params["weight"].grad.shape == (3, 1, 2)
    with pytest.raises(ValueError, match="at least one model"):
        func.stack_module_state([])


def test_batch_norm_through_functional_call():
    net = nn.BatchNorm1d(2)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    func.functional_call(net, state, tg.randn(4, 2))
    assert net.num_batches_tracked.item() == 0
    assert state["num_batches_tracked"].item() == 1
    assert net.running_mean.tolist() == [0.0, 0.0]


# --------------------------------------------------------------------------- errors, trees, functional


X = const(1.0, 2.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: func.grad(tg.exp)(X), ValueError, "one number, got float64"),
        (lambda: func.grad(lambda x: 3.0)(X), TypeError, "must return tensors, got float"),
        (lambda: func.grad(lambda x: (x.sum(), x))(X), ValueError, "one number, got tuple"),
        (lambda: func.grad(tg.sum, 1)(X), ValueError, "argnums 1 is out of range for 1"),
        (lambda: func.grad(tg.sum, (0, 0))(X), ValueError, "twice"),
        (lambda: func.grad(tg.sum, 0.5)(X), TypeError, "integers"),
        (lambda: func.grad(tg.sum)(tg.arange(3)), TypeError, "floating-point.*int64"),
        (lambda: func.grad(lambda x: x)(2.0), TypeError, "floating-point"),
        (lambda: func.grad(tg.sum, has_aux=True)(X), ValueError, "has_aux"),
        (lambda: func.vjp(tg.exp, X)[1](const(1.0)), ValueError, r"cotangent of shape \(2,\)"),
        (lambda: func.vjp(tg.exp, X)[1]((X, X)), ValueError, "structure"),
        (lambda: func.vjp(tg.exp, X)[1](), ValueError, "one number"),
        (lambda: func.vjp(lambda x: [x, 1], X), TypeError, "must return tensors"),
        (lambda: func.jvp(tg.exp, X, X), TypeError, r"tuple.*\(x,\)"),
        (lambda: func.jvp(tg.exp, (X,), (X, X)), ValueError, "structure"),
        (lambda: func.jvp(tg.exp, (X,), (const(1.0),)), ValueError, r"tangent of shape \(2,\)"),
        (lambda: func.vmap(tg.exp)(), ValueError, "no batch dimension"),
        (lambda: func.vmap(tg.add)(X, const(1.0)), ValueError, r"common size, got sizes \[1, 2\]"),
        (lambda: func.vmap(tg.exp)(tg.zeros(0)), ValueError, "empty"),
        (lambda: func.vmap(tg.exp, 1)(X), IndexError, "in_dims is 1"),
        (lambda: func.vmap(tg.mul)(X, 2.0), TypeError, "no tensor"),
        (lambda: func.vmap(tg.exp, (0, 0))(X), ValueError, "does not fit"),
        (lambda: func.vmap(lambda x: 1.0)(X), TypeError, "must return tensors"),
        (lambda: func.vmap(tg.exp, randomness="some"), ValueError, "randomness"),
        (lambda: tg.autograd.functional.jacobian(tg.exp, X, strict=True), ValueError, "strict"),
        (lambda: tg.autograd.functional.jvp(tg.exp, X), ValueError, "v may be left out"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_pytree_matching():
    assert flatten_like([{"a": 0, "b": 0}], ({"b": 1, "a": 2},)) == [2, 1]
    for like, tree in (((0, 0), (1,)), ({"a": 0}, {"b": 0}), (0, (1,)), ((0,), 1), ({"a": 0}, 1)):
        with pytest.raises(ValueError, match="expected"):
            flatten_like(like, tree)
    ordered = tree_map(lambda x: x + 1, OrderedDict(b=1, a=(2, 3)))
    assert type(ordered) is OrderedDict
    assert list(ordered.items()) == [("b", 2), ("a", (3, 4))]
    with pytest.raises(ValueError, match="2 leaves"):
        flatten([1, 2])[1]([1])


def test_names_of_torch_autograd_functional():
    functional = tg.autograd.functional
    x, y = const(0.5, -1.0), const(2.0, 0.3)
    f = lambda x, y: (x**2 * y).sum()
    j = functional.jacobian(f, (x, y))
    assert isinstance(j, tuple)
    close(j[1], x.numpy(force=True) ** 2)
    close(functional.jacobian(tg.square, x, strategy="forward-mode"), np.diag(2 * x.numpy(force=True)))
    close(functional.hessian(f, (x, y))[0][1], np.diag(2 * x.numpy(force=True)))
    close(functional.vjp(f, (x, y))[1][0], 2 * x.numpy(force=True) * y.numpy(force=True))
    _, product = functional.hvp(lambda x: f(x, y), x, const(1.0, 0.0))
    close(product, [2 * y.numpy(force=True)[0], 0.0])
    w = tg.tensor(np.array([2.0]), requires_grad=True)
    assert detached(functional.jacobian(lambda w: w**3, w))
    (g,) = tg.autograd.grad(functional.jacobian(lambda w: w**3, w, create_graph=True).sum(), w)
    close(g, [12.0])
    close(functional.jvp(lambda x: x * 3, tg.ones(1, dtype=D))[1], [3.0])
