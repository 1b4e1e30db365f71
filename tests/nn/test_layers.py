"""Layers: what they print, what they hold, what they compute, what they refuse."""

import copy
from collections import OrderedDict

import numpy as np
import pytest

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn

# --------------------------------------------------------------------------- repr: PyTorch 2.13's, letter by letter


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: nn.Conv2d(1, 16, 5, padding=2), "Conv2d(1, 16, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))"),
        (
            lambda: nn.Conv2d(4, 8, 3, stride=2, padding=1, dilation=2, groups=2, bias=False),
            "Conv2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=2, bias=False)",
        ),
        (lambda: nn.Conv1d(2, 3, 3, padding="same"), "Conv1d(2, 3, kernel_size=(3,), stride=(1,), padding=same)"),
        (
            lambda: nn.Conv3d(1, 2, (1, 2, 3), padding="valid"),
            "Conv3d(1, 2, kernel_size=(1, 2, 3), stride=(1, 1, 1), padding=valid)",
        ),
        (lambda: nn.Linear(4, 2), "Linear(in_features=4, out_features=2, bias=True)"),
        (lambda: nn.Linear(4, 2, bias=False), "Linear(in_features=4, out_features=2, bias=False)"),
        (
            lambda: nn.BatchNorm2d(3),
            "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
        ),
        (
            lambda: nn.BatchNorm1d(3, momentum=None, affine=False, track_running_stats=False),
            "BatchNorm1d(3, eps=1e-05, momentum=None, affine=False, bias=False, track_running_stats=False)",
        ),
        (lambda: nn.LayerNorm(3), "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)"),
        (
            lambda: nn.LayerNorm((2, 3), elementwise_affine=False),
            "LayerNorm((2, 3), eps=1e-05, elementwise_affine=False, bias=False)",
        ),
        (
            lambda: nn.LayerNorm([2, 3], bias=False),
            "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)",
        ),
        (lambda: nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (
            lambda: nn.MaxPool2d((2, 3), stride=(1, 2), padding=1, ceil_mode=True),
            "MaxPool2d(kernel_size=(2, 3), stride=(1, 2), padding=1, dilation=1, ceil_mode=True)",
        ),
        (lambda: nn.AvgPool2d(3, 2, 1), "AvgPool2d(kernel_size=3, stride=2, padding=1)"),
        (lambda: nn.AdaptiveAvgPool2d((None, 2)), "AdaptiveAvgPool2d(output_size=(None, 2))"),
        (lambda: nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (lambda: nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
        (lambda: nn.Dropout(), "Dropout(p=0.5, inplace=False)"),
        (lambda: nn.Dropout(0.2, inplace=True), "Dropout(p=0.2, inplace=True)"),
        (lambda: nn.ReLU(), "ReLU()"),
        (lambda: nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (lambda: nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)"),
        (lambda: nn.LeakyReLU(0.2, True), "LeakyReLU(negative_slope=0.2, inplace=True)"),
        (lambda: nn.ELU(2.0, True), "ELU(alpha=2.0, inplace=True)"),
        (lambda: nn.GELU(), "GELU(approximate='none')"),
        (lambda: nn.SiLU(True), "SiLU(inplace=True)"),
        (lambda: nn.Sigmoid(), "Sigmoid()"),
        (lambda: nn.Tanh(), "Tanh()"),
        (lambda: nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (lambda: nn.Softmax(dim=1), "Softmax(dim=1)"),
        (lambda: nn.LogSoftmax(-1), "LogSoftmax(dim=-1)"),
        (lambda: nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
        (lambda: nn.NLLLoss(), "NLLLoss()"),
        (lambda: nn.MSELoss(reduction="sum"), "MSELoss()"),
        (lambda: nn.L1Loss(), "L1Loss()"),
        (lambda: nn.BCEWithLogitsLoss(), "BCEWithLogitsLoss()"),
        (lambda: nn.Identity(3), "Identity()"),
    ],
)
def test_repr(layer, text):
    assert repr(layer()) == text


# --------------------------------------------------------------------------- what they hold


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (lambda: nn.Conv2d(4, 6, (3, 5), groups=2), {"weight": (6, 2, 3, 5), "bias": (6,)}),
        (lambda: nn.Conv1d(4, 6, 3, bias=False), {"weight": (6, 4, 3)}),
        (lambda: nn.Conv3d(1, 2, (1, 2, 3)), {"weight": (2, 1, 1, 2, 3), "bias": (2,)}),
        (lambda: nn.Linear(4, 2), {"weight": (2, 4), "bias": (2,)}),
        (
            lambda: nn.BatchNorm2d(3),
            {"weight": (3,), "bias": (3,), "running_mean": (3,), "running_var": (3,), "num_batches_tracked": ()},
        ),
        (lambda: nn.BatchNorm1d(3, affine=False, track_running_stats=False), {}),
        (
            lambda: nn.BatchNorm1d(3, bias=False),
            {"weight": (3,), "running_mean": (3,), "running_var": (3,), "num_batches_tracked": ()},
        ),
        (lambda: nn.LayerNorm((2, 3)), {"weight": (2, 3), "bias": (2, 3)}),
        (lambda: nn.CrossEntropyLoss(tg.ones(3)), {"weight": (3,)}),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=tg.ones(2)), {"pos_weight": (2,)}),
        (lambda: nn.MaxPool2d(2), {}),
    ],
)
def test_state(layer, shapes):
    layer = layer()
    state = layer.state_dict()
    assert {name: v.shape for name, v in state.items()} == shapes
    assert list(state) == list(shapes)
    assert all(v.dtype == (np.int64 if name == "num_batches_tracked" else np.float32) for name, v in state.items())
    assert all(p.requires_grad for p in layer.parameters())


def test_dtype_and_device():
    layer = nn.Conv2d(1, 2, 3, dtype=tg.float64, device="cpu")
    assert layer.weight.dtype == layer.bias.dtype == np.float64
    assert nn.BatchNorm2d(2, dtype=tg.float64).running_var.dtype == np.float64
    with pytest.raises(ValueError, match="CPU only"):
        nn.Linear(2, 2, device="cuda")


# --------------------------------------------------------------------------- what they compute


def image():
    return tg.randn(2, 4, 6, 6)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(True), F.relu),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
        (nn.ELU(0.7), lambda x: F.elu(x, 0.7)),
        (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")),
        (nn.SiLU(), F.silu),
        (nn.Sigmoid(), F.sigmoid),
        (nn.Tanh(), F.tanh),
        (nn.Softplus(2, 3), lambda x: F.softplus(x, 2, 3)),
        (nn.Softmax(1), lambda x: F.softmax(x, 1)),
        (nn.LogSoftmax(-1), lambda x: F.log_softmax(x, -1)),
        (nn.MaxPool2d(3, 2, 1, 1, False, True), lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
        (nn.MaxPool2d(2), lambda x: F.max_pool2d(x, 2)),
        (
            nn.AvgPool2d(3, 2, 1, True, False, 5),
            lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False, divisor_override=5),
        ),
        (nn.AdaptiveAvgPool2d((3, None)), lambda x: F.adaptive_avg_pool2d(x, (3, None))),
        (nn.Flatten(), lambda x: x.reshape(2, -1)),
        (nn.Flatten(2, 3), lambda x: x.reshape(2, 4, 36)),
        (nn.Unflatten(1, (2, -1)), lambda x: x.reshape(2, 2, 2, 6, 6)),
        (nn.Unflatten(-1, [3, 2]), lambda x: x.reshape(2, 4, 6, 3, 2)),
        (nn.Identity(1, a=2), lambda x: x),
        (nn.Dropout(0.0), lambda x: x),
        (nn.LayerNorm([6, 6], 1e-3), lambda x: F.layer_norm(x, (6, 6), eps=1e-3)),
    ],
)
def test_a_layer_is_its_function(layer, function):
    x = image()
    np.testing.assert_array_equal(layer(x).numpy(force=True), function(x).numpy(force=True))


def test_max_pool_indices():
    x = image()
    y, index = nn.MaxPool2d(2, return_indices=True)(x)
    picked = np.take_along_axis(x.numpy(force=True).reshape(2, 4, 36), index.numpy(force=True).reshape(2, 4, 9), 2)
    np.testing.assert_array_equal(y.numpy(force=True).reshape(2, 4, 9), picked)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions(rank):
    layer = getattr(nn, f"Conv{rank}d")(2, 4, 3, stride=2, padding=1, groups=2)
    x = tg.randn(3, 2, *[5] * rank)
    expected = getattr(F, f"conv{rank}d")(x, layer.weight, layer.bias, 2, 1, 1, 2)
    np.testing.assert_array_equal(layer(x).numpy(force=True), expected.numpy(force=True))


def test_losses():
    x, t, classes, w = tg.randn(4, 3), tg.rand(4, 3), tg.tensor([0, 2, 1, 0]), tg.tensor([1.0, 2.0, 0.5])
    for layer, target, expected in [
        (nn.MSELoss(reduction="sum"), t, F.mse_loss(x, t, reduction="sum")),
        (nn.L1Loss(reduction="none"), t, F.l1_loss(x, t, reduction="none")),
        (
            nn.CrossEntropyLoss(w, ignore_index=2, label_smoothing=0.1, reduction="sum"),
            classes,
            F.cross_entropy(x, classes, w, ignore_index=2, label_smoothing=0.1, reduction="sum"),
        ),
        (nn.NLLLoss(w, ignore_index=2), classes, F.nll_loss(x, classes, w, ignore_index=2)),
        (
            nn.BCEWithLogitsLoss(tg.ones(3), pos_weight=w),
            t,
            F.binary_cross_entropy_with_logits(x, t, tg.ones(3), pos_weight=w),
        ),
    ]:
        np.testing.assert_array_equal(layer(x, target).numpy(force=True), expected.numpy(force=True))


# --------------------------------------------------------------------------- batch norm and dropout


def test_batch_norm_buffers():
    layer = nn.BatchNorm1d(1)
    y = layer(tg.tensor([[1.0], [3.0]]))
    np.testing.assert_allclose(y.numpy(force=True).ravel(), [-0.9999950000374997, 0.9999950000374997], rtol=1e-6)
    np.testing.assert_allclose([layer.running_mean.item(), layer.running_var.item()], [0.2, 1.1], rtol=1e-6)
    assert layer.num_batches_tracked.item() == 1
    assert layer.num_batches_tracked.dtype == np.int64
    layer.eval()
    buffers = {k: v.numpy(force=True).tobytes() for k, v in layer.named_buffers()}
    y = layer(tg.tensor([[1.0]]))
    np.testing.assert_allclose(y.item(), 0.8 / np.sqrt(1.1 + 1e-5), rtol=1e-6)
    assert {k: v.numpy(force=True).tobytes() for k, v in layer.named_buffers()} == buffers
    layer.reset_running_stats()
    assert [v.tolist() for v in layer.buffers()] == [[0.0], [1.0], 0]


def test_batch_norm_without_momentum_is_the_average_of_all_batches():
    layer = nn.BatchNorm2d(3, momentum=None).double()
    batches = [np.random.default_rng(i).normal(i, 1 + i, (4, 3, 2, 2)) for i in range(5)]
    for batch in batches:
        layer(tg.tensor(batch))
    np.testing.assert_allclose(layer.running_mean.numpy(force=True), np.mean([b.mean((0, 2, 3)) for b in batches], 0))
    np.testing.assert_allclose(
        layer.running_var.numpy(force=True), np.mean([b.var((0, 2, 3), ddof=1) for b in batches], 0)
    )


def test_batch_norm_without_running_moments():
    layer = nn.BatchNorm1d(2, track_running_stats=False)
    x = tg.randn(8, 2)
    y = layer(x)
    np.testing.assert_array_equal(layer.eval()(x).numpy(force=True), y.numpy(force=True))
    assert not list(layer.buffers())


def test_a_batch_that_is_refused_or_empty_leaves_the_buffers():
    layer = nn.BatchNorm2d(2)
    layer(tg.randn(3, 2, 2, 2))
    before = {k: v.numpy(force=True).tobytes() for k, v in layer.named_buffers()}
    assert layer(tg.ones(0, 2, 3, 3)).shape == (0, 2, 3, 3)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        layer(tg.ones(1, 2, 1, 1))
    assert {k: v.numpy(force=True).tobytes() for k, v in layer.named_buffers()} == before
    assert layer.eval()(tg.ones(1, 2, 1, 1)).shape == (1, 2, 1, 1)
    layer.train()(tg.ones(1, 2, 2, 1))


def test_frozen_batch_norm_trains_its_scale():
    layer = nn.BatchNorm2d(2).eval()
    layer(tg.randn(3, 2, 2, 2)).sum().backward()
    assert layer.weight.grad.shape == layer.bias.grad.shape == (2,)


def test_dropout_in_training_and_evaluation():
    layer, x = nn.Dropout(0.25), tg.ones(10000)
    y = layer(x)
    assert set(np.unique(y.numpy(force=True))) == {0.0, np.float32(1 / 0.75)}
    assert abs((y.numpy(force=True) == 0).mean() - 0.25) < 0.02
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match="Dropout: p must be a probability"):
        nn.Dropout(1.5)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.Conv2d(1, 2, 3, padding_mode="magic"), ValueError, "padding_mode must be 'zeros', .* got 'magic'"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups=2 must divide in_channels=3"),
        (lambda: nn.Conv2d(1, 2, 3, groups=0), ValueError, "groups=0"),
        (lambda: nn.Conv2d(1, 2, (3, 3, 3)), ValueError, "kernel_size must be one integer or 2"),
        (lambda: nn.Conv2d(1, 2, 0), ValueError, "kernel_size must be at least 1"),
        (lambda: nn.Conv2d(1, 2, 3, stride=1.0), TypeError, "stride must be an integer"),
        (lambda: nn.Conv2d(1, 2, 3, padding="full"), ValueError, "padding must be integers, 'valid' or 'same'"),
        (lambda: nn.Conv2d(1, 2, 3, 2, "same"), ValueError, "padding='same' needs stride 1"),
        (lambda: nn.MSELoss(reduction="avg"), ValueError, "MSELoss: reduction"),
        (lambda: nn.MSELoss(size_average=True), ValueError, "use reduction"),
        (lambda: nn.MSELoss(np.ones(2)), TypeError, r"make the loss first: nn\.MSELoss\(\)\(input, target\)"),
        (
            lambda: nn.CrossEntropyLoss(tg.ones(1, 2), tg.tensor([1])),
            TypeError,
            r"^CrossEntropyLoss: .*nn\.CrossEntropyLoss\(\)\(logits, labels\)",
        ),
        (lambda: nn.NLLLoss(tg.ones(1, 2), tg.tensor([1])), TypeError, r"nn\.NLLLoss\(\)\(input, target\)"),
        (lambda: nn.BCEWithLogitsLoss(tg.ones(1), tg.ones(1)), TypeError, r"nn\.BCEWithLogitsLoss\(\)"),
        (lambda: nn.Softmax()(tg.ones(2, 2)), TypeError, r"softmax \(in Softmax\): dim must be given"),
        (lambda: nn.Unflatten(1, (2, 4))(tg.ones(2, 6)), ValueError, r"in Unflatten.*float32\(2, 6\).*\(2, 4\)"),
        (lambda: nn.BatchNorm2d(3)(tg.ones(2, 3)), ValueError, r"\(in BatchNorm2d\): expected input \(N, C, H, W\)"),
        (lambda: nn.BatchNorm1d(3)(tg.ones(3)), ValueError, r"expected input \(N, C\) or \(N, C, L\)"),
        (lambda: nn.BatchNorm2d(3)(tg.ones(2, 4, 1, 1)), ValueError, "expected 3 channels, got input float32"),
        (lambda: nn.BatchNorm1d(3)("x"), ValueError, "got str"),
        (lambda: nn.LayerNorm(3)(tg.ones(2, 4)), ValueError, r"\(in LayerNorm\)"),
        (lambda: nn.Linear(3, 2)(tg.ones(2, 4)), ValueError, r"linear \(in Linear\): expected input with 3 features"),
        (
            lambda: nn.Linear(676, 10)(tg.ones(2, 4, 13, 13)),
            ValueError,
            r"its 4 x 13 x 13 values a sample are 676: flatten first, x\.flatten\(1\)$",
        ),
        (lambda: nn.Linear(6, 1)(tg.ones(1, 2, 3)), ValueError, r"its 2 x 3 values a sample .* x\.flatten\(1\)$"),
        (lambda: nn.Linear(24, 1)(tg.ones(2, 3, 4)), ValueError, r"its 2 x 3 x 4 values are 24: .* x\.flatten\(0\)$"),
        (lambda: nn.Linear(676, 10)(tg.ones(2, 900)), ValueError, r"has 900 features, use nn\.Linear\(900, 10\)$"),
        (lambda: nn.Linear(3, 2)(tg.ones(2, 5, 4)), ValueError, r"got shape \(2, 5, 4\)$"),
        (lambda: nn.Linear(3, 2)(tg.ones(())), ValueError, r"3 features in its last dimension, got shape \(\)$"),
    ],
)
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Conv1d(1, 2, 3)])
@pytest.mark.parametrize(
    ("x", "words"),
    [
        (
            tg.Tensor(np.zeros((1, 1, 3))),
            r"is float64, weight float32: convert with x\.float\(\) \(NumPy makes float64\), or model\.double\(\)$",
        ),
        (np.zeros((1, 1, 3)), r'input is float64, weight float32: convert with x\.astype\("float32"\) \(NumPy'),
        (tg.zeros(1, 1, 3).half(), r"input is float16, weight float32: convert with x\.float\(\)$"),
        (tg.zeros(1, 1, 3, dtype=np.uint8), r"uint8.*: convert with x\.float\(\), pixels with x\.float\(\) / 255$"),
        (np.zeros((1, 1, 3), int), r'int64.*: convert with x\.astype\("float32"\), pixels with .* / 255$'),
        (np.zeros((1, 1, 3), complex), "real numbers, complex128 is not supported"),
    ],
)
def test_an_input_of_another_dtype(layer, x, words):
    with pytest.raises(TypeError, match=rf"^(linear|conv1d) \(in Net\.0\): expected .*{words}"):
        type("Net", (nn.Sequential,), {})(layer)(x)


@pytest.mark.parametrize("shape", [(2,), (1, 2), (1, 1, 2)])
def test_linear_takes_one_dtype(shape):
    x, double = tg.ones(*shape), {"dtype": np.float64}
    for weight in (tg.ones(3, 2, **double), tg.ones(2, **double)):
        with pytest.raises(
            TypeError, match=r"float32, weight float64: convert with x\.double\(\), or model\.float\(\)$"
        ):
            F.linear(x, weight)
    with pytest.raises(TypeError, match=r"weight float32, bias float64: convert with bias\.to\(tg\.float32\)$"):
        F.linear(x, tg.ones(3, 2), tg.ones(3, **double))
    with pytest.raises(TypeError, match=r"weight int64: convert with weight\.to\(tg\.float32\)$"):
        F.linear(x, tg.ones(3, 2, dtype=np.int64))
    for dtype in (np.float16, np.float64, np.int64):
        y = F.linear(np.ones(shape, dtype), tg.ones(3, 2, dtype=dtype), tg.ones(3, dtype=dtype))
        assert y.dtype == dtype
        assert y.shape == (*shape[:-1], 3)


def test_errors_name_the_path_of_the_module():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(3))))

        def forward(self, x):
            return self.features(x)

    net = Net()
    with pytest.raises(ValueError, match=r"^conv2d \(in Net\.features\.0\): expected input with 1 channels"):
        net(tg.ones(1, 2, 5, 5))
    with pytest.raises(ValueError, match=r"^BatchNorm2d \(in Net\.features\.1\.norm\): expected 3 channels"):
        net(tg.ones(1, 1, 5, 5))
    net = copy.deepcopy(net)
    assert net.features[0](tg.ones(1, 1, 5, 5)).node.module_path == "Conv2d"
    with pytest.raises(ValueError, match=r"Net\.features\.0"):
        net(tg.ones(1, 2, 5, 5))


# --------------------------------------------------------------------------- float32 from end to end


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_the_dtype_stays_end_to_end(dtype, optimizer):
    from tests.optim.scenarios import small_cnn

    net = small_cnn(nn).to(dtype)
    seen = []
    for module in net:
        module.register_forward_hook(lambda module, args, result: seen.append(result.dtype))
    settings = {"momentum": 0.9} if optimizer == "SGD" else {"amsgrad": True}
    optimizer = getattr(tg.optim, optimizer)(net.parameters(), lr=np.float64(0.01), weight_decay=0.01, **settings)
    schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5)
    x, t = tg.randn(4, 2, 12, 12).to(dtype), tg.tensor([0, 1, 2, 0])
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(label_smoothing=0.1)(net(x), t)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    tensors = [*net.parameters(), *(p.grad for p in net.parameters()), loss]
    tensors += [b for name, b in net.named_buffers() if not name.endswith("num_batches_tracked")]
    tensors += [s for p in net.parameters() for s in optimizer.state[p].values() if isinstance(s, tg.Tensor)]
    assert {*(t.dtype for t in tensors), *seen} == {np.dtype(dtype)}
    assert all(p.grad.shape == p.shape for p in net.parameters())
