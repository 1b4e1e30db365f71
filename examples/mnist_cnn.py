"""Train a convolutional network on MNIST: two convolutions, two poolings, two dense layers, 99.2 % in four epochs.

    python examples/mnist_cnn.py                      # about half a minute on two cores
    python examples/mnist_cnn.py --epochs 1 --graph graph.svg --save-model model.safetensors

The network and the loop are written as one would in PyTorch: exchange the imports and they run there.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from tqdm import tqdm

import tensorgrad as tg
import tensorgrad.nn.functional as F
from tensorgrad import nn, optim
from tensorgrad.data import MNIST, DataLoader, TensorDataset

SHIPPED = Path(__file__).resolve().parent / "data" / "mnist"


class Net(nn.Module):
    """conv 5x5, pool, conv 5x5, pool, dense, dense: 28 x 28 grey values to the logits of ten digits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.fc1 = nn.Linear(32 * 4 * 4, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


class Shifted:
    """The batches of a loader, each moved by up to one pixel: digits keep their meaning when they move a little."""

    def __init__(self, loader):
        self.loader = loader

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for images, labels in self.loader:
            yield images.roll(tg.randint(-1, 2, (2,)).tolist(), (2, 3)), labels


def train(model, loader, optimizer, scheduler, epoch, args):
    """One epoch: forward, loss, backward, step; the progress bar shows averages of the last batches."""
    model.train()
    bar = tqdm(loader, desc=f"epoch {epoch}", unit="img", unit_scale=args.batch_size, disable=args.quiet, leave=False)
    loss_average = accuracy_average = None
    for step, (images, labels) in enumerate(bar):
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % args.log_interval == 0:
            accuracy = (logits.argmax(1) == labels).float().mean().item()
            loss_average = loss.item() if loss_average is None else 0.8 * loss_average + 0.2 * loss.item()
            accuracy_average = accuracy if accuracy_average is None else 0.8 * accuracy_average + 0.2 * accuracy
            bar.set_postfix(loss=f"{loss_average:.3f}", accuracy=f"{accuracy_average:.1%}", refresh=False)
        if args.dry_run:
            break


@tg.no_grad()
def test(model, loader):
    """Mean loss, and how many images are classified correctly."""
    model.eval()
    loss, correct = 0.0, 0
    for images, labels in loader:
        logits = model(images)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
    return loss / len(loader.dataset), correct


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch-size", type=int, default=128, metavar="N", help="images per training step")
    parser.add_argument("--test-batch-size", type=int, default=1000, metavar="N", help="images per test step")
    parser.add_argument("--epochs", type=int, default=4, metavar="N")
    parser.add_argument("--lr", type=float, default=4e-3, metavar="RATE", help="highest rate of the one-cycle schedule")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--log-interval", type=int, default=10, metavar="N", help="steps between progress updates")
    parser.add_argument("--dry-run", action="store_true", help="a single training step an epoch")
    parser.add_argument("--save-model", type=Path, metavar="FILE", help="write the trained parameters (.safetensors)")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=SHIPPED,
        help="folder with the MNIST files (default: the shipped ones)",
    )
    parser.add_argument("--target-acc", type=float, metavar="PERCENT", help="exit with status 1 below this accuracy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--graph", type=Path, metavar="FILE", help="draw the graph of one step (.svg .png .dot ...)")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    args = parser.parse_args()
    args.quiet = args.no_progress or not sys.stderr.isatty()
    return args


def main():
    args = parse_args()
    start = time.perf_counter()
    tg.manual_seed(args.seed)
    train_set = TensorDataset(*MNIST(args.data, train=True, download=False).tensors())
    test_set = TensorDataset(*MNIST(args.data, train=False, download=False).tensors())
    train_loader = Shifted(DataLoader(train_set, args.batch_size, shuffle=True))
    test_loader = DataLoader(test_set, args.test_batch_size)

    model = Net()
    tg.summary(model, (1, 1, 28, 28))
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(train_loader))
    if args.graph:
        images, labels = train_set[: args.batch_size]
        F.cross_entropy(model(images), labels).graph(params=model).save(args.graph)
        print(f"graph of one step: {args.graph}")

    epochs, correct = [], 0
    for epoch in range(1, args.epochs + 1):
        train(model, train_loader, optimizer, scheduler, epoch, args)
        loss, correct = test(model, test_loader)
        seconds = time.perf_counter() - start
        epochs.append({"epoch": epoch, "test_loss": loss, "test_accuracy": correct / len(test_set), "seconds": seconds})
        print(f"epoch {epoch}: test loss {loss:.4f}, accuracy {correct / len(test_set):.2%}, {seconds:.1f} s")

    accuracy = 100 * correct / len(test_set)
    if args.save_model:
        tg.save(model.state_dict(), args.save_model)
    if args.json:
        args.json.write_text(json.dumps({"accuracy": accuracy, "seed": args.seed, "epochs": epochs}, indent=2) + "\n")
    seconds = time.perf_counter() - start
    print(f"test accuracy: {accuracy:.2f} % ({correct}/{len(test_set)}) in {seconds:.1f} s")
    if args.target_acc is not None and accuracy < args.target_acc:
        sys.exit(f"below the target of {args.target_acc} %")


if __name__ == "__main__":
    main()
