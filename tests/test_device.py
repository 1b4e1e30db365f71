"""The line about devices that stands in every PyTorch script runs here, and says where it runs."""

import copy

import pytest

import tensorgrad as tg


def test_the_usual_lines():
    device = tg.device("cuda" if tg.cuda.is_available() else "cpu")
    model = tg.nn.Linear(2, 1).to(device)
    x = tg.ones(3, 2, device=device).to(device)
    assert model(x).device == device == "cpu"
    assert x.device.type == "cpu"
    assert str(device) == f"{device}" == "cpu"
    assert repr(device) == "device(type='cpu')"
    assert tg.cuda.device_count() == 0
    assert copy.deepcopy(device) == device
    assert isinstance(device, tg.device)


@pytest.mark.parametrize("made", [lambda: tg.device("cpu:0"), lambda: tg.device("cpu", 0)])
def test_with_an_index(made):
    assert made().index == 0
    assert made().type == "cpu"
    assert repr(made()) == "device(type='cpu', index=0)"
    assert tg.device("cpu").index is None
    assert tg.zeros(1, device=made()).device == "cpu"


def test_what_programs_say_to_a_gpu_changes_nothing():
    import tensorgrad.backends.cudnn as cudnn

    cudnn.benchmark, before = True, cudnn.benchmark
    assert tg.backends.cudnn.benchmark
    cudnn.benchmark = before
    tg.backends.cuda.matmul.allow_tf32 = False
    tg.use_deterministic_algorithms(True, warn_only=True)
    assert not any(library.is_available() for library in (tg.cuda, tg.backends.mps, cudnn))
    tg.manual_seed(3)
    first = tg.rand(3).tolist()
    tg.manual_seed(3)
    for call in (lambda: tg.cuda.manual_seed(1), lambda: tg.cuda.manual_seed_all(1), tg.cuda.empty_cache):
        assert call() is None
    tg.cuda.synchronize()
    assert tg.rand(3).tolist() == first
    x = tg.ones(2)
    assert x.pin_memory() is x
    assert (x.is_cuda, x.get_device()) == (False, -1)


def test_other_devices():
    with pytest.raises(ValueError, match="to: tensorgrad runs on the CPU only, got device 'cuda'"):
        tg.nn.Linear(1, 1).cuda()
    with pytest.raises(ValueError, match="device: tensorgrad runs on the CPU only, got device 'cuda:1'"):
        tg.device("cuda", 1)
    with pytest.raises(ValueError, match="to: tensorgrad runs on the CPU only, got device 'cuda'"):
        tg.ones(1).to("cuda")
    for thing in (tg.ones(1), tg.nn.Linear(1, 1)):
        with pytest.raises(ValueError, match="to: tensorgrad runs on the CPU only, got device 'gpu'"):
            thing.to("gpu")
        assert thing.to("float64") is not None
