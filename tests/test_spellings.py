"""PyTorch's names of arguments, and the small things that stand in every script."""

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F

X = tg.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
INDEX = tg.tensor([[0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize(
    ("named", "plain"),
    [
        (lambda: tg.permute(X, dims=(1, 0)), lambda: tg.permute(X, (1, 0))),
        (lambda: X.permute(dims=(1, 0)), lambda: X.permute(1, 0)),
        (lambda: tg.reshape(X, shape=(3, 2)), lambda: X.reshape(3, 2)),
        (lambda: X.view(size=(3, -1)), lambda: X.view(3, -1)),
        (lambda: X.expand(size=(2, 2, 3)), lambda: X.expand(2, 2, 3)),
        (lambda: tg.zeros(size=(2, 3)), lambda: tg.zeros(2, 3)),
        (lambda: tg.ones(size=(2,)), lambda: tg.ones(2)),
        (lambda: tg.exp(input=X), lambda: tg.exp(X)),
        (lambda: tg.maximum(input=X, other=0.3), lambda: tg.maximum(X, 0.3)),
        (lambda: tg.sigmoid(input=X), lambda: X.sigmoid()),
        (lambda: F.relu(input=X), lambda: X.relu()),
        (lambda: tg.eq(input=X, other=X), lambda: X == X),
        (lambda: tg.atan2(input=X, other=X), lambda: tg.atan2(X, X)),
        (lambda: tg.gather(input=X, dim=0, index=INDEX), lambda: X.gather(0, INDEX)),
        (lambda: F.embedding(input=INDEX, weight=X), lambda: X[INDEX]),
    ],
)
def test_arguments_by_name(named, plain):
    assert named().tolist() == plain().tolist()


@pytest.mark.parametrize("draw", [tg.rand, tg.randn, tg.empty])
def test_sizes_by_name(draw):
    assert draw(size=(2, 3)).shape == draw((2, 3)).shape == draw(2, 3).shape == (2, 3)


@pytest.mark.parametrize("draw", [tg.rand, tg.randn, lambda n, **k: tg.randint(100, (n,), **k), tg.randperm])
def test_draws_from_a_generator_of_ones_own(draw):
    first, again = (draw(8, generator=np.random.default_rng(5)).tolist() for _ in range(2))
    assert first == again
    assert first != draw(8).tolist()


def test_a_generator_of_pytorchs_name():
    generator = tg.Generator().manual_seed(-3)
    first = tg.rand(4, generator=generator).tolist()
    assert generator.initial_seed() == -3
    assert tg.rand(4, generator=generator).tolist() != first
    assert tg.rand(4, generator=generator.manual_seed(-3)).tolist() == first
    split = [tg.utils.data.random_split(range(9), [5, 4], tg.Generator().manual_seed(1)) for _ in range(2)]
    assert [list(part) for part in split[0]] == [list(part) for part in split[1]]
    loader = tg.data.DataLoader(tg.data.TensorDataset(tg.arange(9)), shuffle=True, generator=generator)
    assert sorted(x.item() for (x,) in loader) == list(range(9))
    with pytest.raises(ValueError, match="Generator: tensorgrad runs on the CPU only"):
        tg.Generator("cuda")


def test_the_data_at_pytorchs_address():
    from tensorgrad.utils.data import DataLoader, Dataset

    assert DataLoader is tg.utils.data.DataLoader is tg.data.DataLoader
    assert Dataset is tg.data.Dataset


@pytest.mark.parametrize("draw", ["uniform_", "normal_", "exponential_", "random_", "bernoulli_"])
def test_draws_in_place_from_a_generator_of_ones_own(draw):
    x, y = tg.zeros(64), tg.zeros(64)
    assert getattr(x, draw)(generator=np.random.default_rng(5)) is x
    assert x.tolist() == getattr(y, draw)(generator=np.random.default_rng(5)).tolist()
    assert x.tolist() != getattr(tg.zeros(64), draw)().tolist()


@pytest.mark.parametrize("like", [tg.zeros_like, tg.ones_like, tg.empty_like, tg.rand_like, tg.randn_like])
def test_tensors_like_another_take_a_device_and_a_memory_format(like):
    assert like(X, device="cpu", memory_format=tg.preserve_format).shape == X.shape
    with pytest.raises(ValueError, match="tensorgrad runs on the CPU only, got device 'cuda'"):
        like(X, device="cuda")


def test_arange_takes_its_end_by_name():
    assert tg.arange(end=3).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="arange: expected an end"):
        tg.arange()


def test_new_tensors_take_the_dtype():
    x = tg.zeros(2, dtype=tg.float64)
    assert x.new_tensor([1, 2]).tolist() == [1.0, 2.0]
    assert x.new_full((2,), 3).tolist() == [3.0, 3.0]
    for made in (x.new_zeros(2, 3), x.new_ones((2, 3)), x.new_empty(2, 3), x.new_full((2, 3), 1)):
        assert made.shape == (2, 3)
        assert made.dtype == np.float64
    assert x.new_zeros(1, dtype=tg.int64).dtype == np.int64
    assert x.new_ones(1, requires_grad=True).requires_grad


def test_what_a_tensor_is():
    x = tg.zeros(2, 3)
    assert tg.is_tensor(x)
    assert not tg.is_tensor(np.zeros(2))
    assert tg.is_floating_point(x)
    assert tg.numel(x) == 6
    assert x.ndimension() == 2
    assert x.stride() == (3, 1)
    assert x.T.stride(0) == 1
    assert x.half().dtype == np.float16


def test_detach_in_place():
    x = tg.ones(2, requires_grad=True)
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="detach_: a view"):
        (x * 2)[:1].detach_()


@pytest.mark.parametrize("form", ["contiguous_format", "preserve_format", "channels_last", "channels_last_3d"])
def test_memory_formats_are_accepted_and_change_nothing(form):
    memory_format = getattr(tg, form)
    x, model = tg.ones(1, 2, 3, 3), tg.nn.Conv2d(2, 1, 3)
    expected = model(x).tolist()
    assert x.contiguous(memory_format=memory_format) is x
    assert x.to(memory_format=memory_format).shape == x.shape
    assert model.to(memory_format=memory_format)(x).tolist() == expected
