"""One full training step, ours against PyTorch in one run: `python benchmarks/train_step.py [--filter NAME]`.

A step is zero_grad, forward, cross-entropy, backward, SGD with momentum, in float32. Two processes per library take
turns (ours, PyTorch, ours, PyTorch ...); a figure is the median over all turns. PyTorch runs in NCHW and in
channels-last memory; the ratio is against the better one. ``--inference`` times the forward alone, without gradients.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from networks import NETWORKS


class Ours:
    def __init__(self, network, batch, threads, inference):
        import tensorgrad as tg
        import tensorgrad.nn.functional as F
        from tensorgrad import nn, optim

        tg.set_num_threads(threads)
        tg.manual_seed(0)
        self.tg, self.F = tg, F
        self.model = network.build(nn, F).train(not inference)
        self.x, self.y = tg.randn(batch, *network.image), tg.randint(10, (batch,))
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)

    def train(self):
        self.optimizer.zero_grad()
        loss = self.F.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()

    def infer(self):
        with self.tg.no_grad():
            self.model(self.x)


class Torch(Ours):
    def __init__(self, network, batch, threads, inference, channels_last=False):
        import torch
        import torch.nn.functional as F
        from torch import nn

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.tg, self.F = torch, F
        self.model = network.build(nn, F).train(not inference)
        self.x, self.y = torch.randn(batch, *network.image), torch.randint(10, (batch,))
        if channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.x = self.x.contiguous(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)


class TorchChannelsLast(Torch):
    def __init__(self, *args):
        super().__init__(*args, channels_last=True)


LIBRARIES = {"ours": Ours, "torch": Torch, "torch channels_last": TorchChannelsLast}


def worker(library, name, batch, threads, inference):
    """Answer each line of standard input with the seconds of one step, measured over a quarter of a second."""
    job = LIBRARIES[library](NETWORKS[name], batch, threads, inference)
    step = job.infer if inference else job.train
    for _ in range(5):
        step()
    start = time.perf_counter()
    step()
    count = max(3, int(0.25 / (time.perf_counter() - start)))
    print("ready", flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(count):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": statistics.median(times), "peak": peak}), flush=True)


def measure(name, batch, args):
    """Median seconds and peak memory (MiB of the whole process) of each library."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(args.threads), "MKL_NUM_THREADS": str(args.threads)}
    jobs = {}
    for library in LIBRARIES:
        python = sys.executable if library == "ours" else args.torch_python
        command = [python, __file__, "--worker", library, "--network", name, "--batch", str(batch)]
        command += ["--threads", str(args.threads)] + ["--inference"] * args.inference
        jobs[library] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
    for library, job in jobs.items():
        if job.stdout.readline().strip() != "ready":
            sys.exit(f"{library} did not start: pip install '.[bench]', or name an interpreter with --torch-python")
    turns = {library: [] for library in jobs}
    for _ in range(args.turns):
        for library, job in jobs.items():
            print("go", file=job.stdin, flush=True)
            turns[library].append(json.loads(job.stdout.readline()))
    for job in jobs.values():
        job.stdin.close()
        job.wait()
    return {
        library: (statistics.median(t["seconds"] for t in results), max(t["peak"] for t in results))
        for library, results in turns.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--filter", default="", help="only networks whose name contains this")
    parser.add_argument("--inference", action="store_true")
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter that has PyTorch")
    parser.add_argument("--worker", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--network", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.network, args.batch, args.threads, args.inference)
        return
    what = "forward without gradients" if args.inference else "training step"
    print(f"{what}, float32, {args.threads} threads, ms; ratio = better PyTorch / ours (above 1: ours is faster)")
    print(f"{'network':36} {'batch':>5} {'ours':>8} {'torch':>8} {'ch.last':>8} {'ratio':>6} {'MiB':>6} {'torch':>6}")
    ratios = []
    for name, network in NETWORKS.items():
        for batch in network.batches:
            if args.filter not in name:
                continue
            results = measure(name, batch, args)
            (ours, memory), (first, torch_memory), (second, _) = (results[library] for library in LIBRARIES)
            ratios.append(min(first, second) / ours)
            print(
                f"{name:36} {batch:5} {ours * 1e3:8.2f} {first * 1e3:8.2f} {second * 1e3:8.2f} {ratios[-1]:6.2f} "
                f"{memory:6.0f} {torch_memory:6.0f}", flush=True,
            )  # fmt: skip
    print(f"geometric mean of the ratios: {math.prod(ratios) ** (1 / len(ratios)):.2f}")


if __name__ == "__main__":
    main()
