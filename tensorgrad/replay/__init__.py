"""Replay: a function is run once with a tape, and from then on its plan, without the Python between the kernels."""

from tensorgrad.replay.compiled import Compiled
from tensorgrad.replay.entry import compile
from tensorgrad.replay.module import CompiledModule
from tensorgrad.replay.plan import Plan

__all__ = ["Compiled", "CompiledModule", "Plan", "compile"]
