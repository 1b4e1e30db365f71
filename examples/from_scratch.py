"""The network of the from-scratch article on this engine: no backward method is written here.

    python examples/from_scratch.py                      # 5,000 images, 4 epochs, one at a time: a quarter of a minute
    python examples/from_scratch.py --pictures pictures  # and draw what the filters see
    python examples/from_scratch.py --rates 0.05         # the article's learning rate: too large, see it wander

16 filters of 3 x 3 without bias, 2 x 2 max pooling, one dense softmax layer. Parameters are plain tensors and the
step is written out, to show the mechanics; examples/mnist_cnn.py does the same with nn.Module and an optimizer.
The story to it, and what the loop version does in the same places, is in docs/from-scratch.md.
"""

import argparse
import importlib.util
import json
import time
from pathlib import Path

from tqdm import tqdm

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad.data import MNIST

SHIPPED = Path(__file__).resolve().parent / "data" / "mnist"

RATES = [0.02, 0.02, 0.01, 0.004]  # one learning rate an epoch, the last one stays


def parameters():
    """16 kernels, and weight and bias of the dense layer, small enough at the start to leave all digits equal."""
    kernels = tg.randn(16, 1, 3, 3) / 9
    weight = tg.randn(10, 16 * 13 * 13) / (16 * 13 * 13)
    bias = tg.zeros(10)
    return [p.requires_grad_() for p in (kernels, weight, bias)]


def network(images, kernels, weight, bias):
    """The logits (N, 10) of images (N, 1, 28, 28)."""
    maps = F.conv2d(images, kernels)  # (N, 16, 26, 26)
    pooled = F.max_pool2d(maps, 2)  # (N, 16, 13, 13)
    return F.linear(pooled.flatten(1), weight, bias)


def train_one_at_a_time(images, labels, params, rate, quiet):
    """One epoch of plain SGD in random order: the share of images that were right before their own step."""
    right = 0
    for i in tqdm(tg.randperm(len(labels)).tolist(), unit=" images", leave=False, disable=quiet or None):
        logits = network(images[i : i + 1], *params)
        loss = F.cross_entropy(logits, labels[i : i + 1])
        loss.backward()  # the chain rule, from the loss to the kernels
        for p in params:
            p.data -= rate * p.grad  # without history, so nothing is recorded
            p.grad = None  # gradients add up until they are cleared
        right += logits.argmax().item() == labels[i].item()
    return right / len(labels)


@tg.no_grad()
def accuracy(images, labels, params, batch=500):
    """The share of right answers, many images at a time, without recording a graph."""
    starts = range(0, len(labels), batch)
    right = sum(
        (network(images[i : i + batch], *params).argmax(1) == labels[i : i + batch]).sum().item() for i in starts
    )
    return right / len(labels)


@tg.no_grad()
def draw(folder, digit, start, learned):
    """Three pictures: a random filter, two edge filters, and what training has made of the 16."""
    from matplotlib.figure import Figure

    def page(name, title, rows, columns, panels):
        figure = Figure(figsize=(1.6 * columns, 1.75 * rows + 0.4), layout="constrained")
        figure.suptitle(title)
        for axes, (label, picture, signed) in zip(figure.subplots(rows, columns).flat, panels, strict=True):
            largest = abs(picture).max()
            axes.imshow(picture, cmap="RdBu_r" if signed else "gray_r", vmin=-largest if signed else 0, vmax=largest)
            axes.set_title(label, fontsize=9)
            axes.set_axis_off()
        figure.savefig(folder / name, dpi=110)
        print(f"wrote {folder / name}")

    def maps(kernels):
        return F.conv2d(digit, kernels)[0].numpy()

    def filters(kernels):
        return kernels.detach().numpy()[:, 0]

    ink = ("the digit", digit[0, 0].numpy(), False)
    one = start[:1]
    page("random_filter.png", "one random 3x3 filter", 1, 3, [
        ink, ("the filter", filters(one)[0], True), ("the feature map", maps(one)[0], True)])  # fmt: skip
    vertical = tg.tensor([[-1.0, 0.0, 1.0]] * 3)
    edges = tg.stack([vertical, vertical.T]).unsqueeze(1)
    page("edges.png", "red: ink begins, blue: ink ends", 1, 5, [
        ink, ("vertical edges", filters(edges)[0], True), ("its map", maps(edges)[0], True),
        ("horizontal edges", filters(edges)[1], True), ("its map", maps(edges)[1], True)])  # fmt: skip
    panels = []
    for half in (slice(0, 8), slice(8, 16)):
        for what, pictures in (("start", filters(start)), ("learned", filters(learned)), ("map", maps(learned))):
            panels += [(f"{what} {n}", pictures[n], True) for n in range(16)[half]]
    page("learned_filters.png", "16 filters: at the start, after training, and their feature maps", 6, 8, panels)


def main():
    """Train, test, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", metavar="DIR", default=SHIPPED, help="folder of the MNIST files (default: the shipped ones)"
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=5000, help="how many training images, from the first")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="learning rate of each epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw filters and maps (needs matplotlib)")
    parser.add_argument("--no-progress", action="store_true")
    args = parser.parse_args()
    if args.pictures and importlib.util.find_spec("matplotlib") is None:
        parser.error("--pictures needs matplotlib: pip install '.[plot]'")

    tg.manual_seed(args.seed)
    images, labels = MNIST(args.data).tensors()
    images, labels = images[: args.images], labels[: args.images]
    params = parameters()
    start = params[0].detach().clone()

    epochs = []
    for epoch in range(args.epochs):
        rate = args.rates[min(epoch, len(args.rates) - 1)]
        begun = time.perf_counter()
        running = train_one_at_a_time(images, labels, params, rate, args.no_progress)
        seconds = time.perf_counter() - begun
        epochs.append({"rate": rate, "running_accuracy": running, "seconds": seconds})
        print(f"epoch {epoch + 1}: rate {rate:<5g}  running accuracy {running:.2%}  {seconds:.1f} s", flush=True)
    test = MNIST(args.data, train=False).tensors()
    tested = accuracy(*test, params)
    print(f"test accuracy on {len(test[1]):,} images: {tested:.2%}")

    if args.json:
        result = {"seed": args.seed, "images": len(labels), "epochs": epochs, "test_accuracy": tested}
        args.json.write_text(json.dumps(result, indent=2) + "\n")
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
        draw(args.pictures, images[:1], start, params[0])


if __name__ == "__main__":
    main()
