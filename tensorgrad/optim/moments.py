"""What Adam and its kin share: running means of the gradient and of a measure of its size, ``betas``, weight decay."""

from __future__ import annotations

from typing import Any, ClassVar

from tensorgrad.optim.optimizer import Optimizer, check_range


class MomentOptimizer(Optimizer):
    """Base class: ``betas`` are the shares that the two running means keep of themselves at each step."""

    _array_slots: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    _number_slots: ClassVar[dict[str, type]] = {"step": int}
    _not_negative: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        kind, betas = type(self).__name__, group["betas"]
        if not hasattr(betas, "__len__") or len(betas) != 2:
            raise ValueError(f"{kind}: betas must be two numbers, got {betas}")
        for i, beta in enumerate(betas):
            check_range(f"betas[{i}]", kind, beta, below=1.0)

    def _required_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        return (*self._number_slots, *self._array_slots)

    @staticmethod
    def _settings(group: dict[str, Any]) -> dict[str, Any]:
        """What each of their kernels is given, numbers as Python floats.

        They leave float32 arrays float32, NumPy's float64 numbers would not.
        """
        beta1, beta2 = (float(beta) for beta in group["betas"])
        decay, maximize = float(group["weight_decay"]), bool(group["maximize"])
        return {"beta1": beta1, "beta2": beta2, "weight_decay": decay, "maximize": maximize}

    def _settings_of_decay(self, group: dict[str, Any], decoupled: bool) -> dict[str, Any]:
        """The same where weight decay either pulls at the gradient or, decoupled, shrinks the parameter."""
        settings = self._settings(group)
        if not decoupled:
            return {**settings, "shrink": 1.0}
        return {**settings, "shrink": 1 - float(group["lr"]) * settings["weight_decay"], "weight_decay": 0.0}


__all__ = ["MomentOptimizer"]
