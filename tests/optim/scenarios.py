"""What PyTorch and tensorgrad are both asked to do: the same lines run with either library.

`tests/reference/make_optim_reference.py` runs them with PyTorch and stores the numbers; the tests run them here.
"""

from __future__ import annotations

import numpy as np

STEPS = 7

OPTIMIZERS = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd default lr": ("SGD", {}),
    "sgd momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "sgd dampening": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "sgd weight decay": ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
    "sgd nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd maximize": ("SGD", {"lr": 0.1, "maximize": True}),
    "sgd all": ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.2, "weight_decay": 0.1, "maximize": True}),
    "sgd nesterov decay": ("SGD", {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True}),
    "adam": ("Adam", {"lr": 0.1}),
    "adam defaults": ("Adam", {}),
    "adam betas": ("Adam", {"lr": 0.1, "betas": (0.5, 0.7)}),
    "adam beta 0": ("Adam", {"lr": 0.1, "betas": (0.0, 0.9)}),
    "adam eps": ("Adam", {"lr": 0.1, "eps": 0.1}),
    "adam weight decay": ("Adam", {"lr": 0.1, "weight_decay": 0.2}),
    "adam amsgrad": ("Adam", {"lr": 0.1, "betas": (0.5, 0.6), "amsgrad": True}),
    "adam maximize": ("Adam", {"lr": 0.1, "maximize": True}),
    "adam all": ("Adam", {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True, "maximize": True}),
    "adamw": ("AdamW", {"lr": 0.1}),
    "adamw decay": ("AdamW", {"lr": 0.1, "weight_decay": 0.3}),
    "adamw amsgrad": ("AdamW", {"lr": 0.1, "betas": (0.5, 0.6), "weight_decay": 0.3, "amsgrad": True}),
    "adamw maximize": ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    "rmsprop": ("RMSprop", {"lr": 0.1}),
    "rmsprop defaults": ("RMSprop", {}),
    "rmsprop alpha eps": ("RMSprop", {"lr": 0.1, "alpha": 0.6, "eps": 0.1}),
    "rmsprop momentum": ("RMSprop", {"lr": 0.1, "momentum": 0.9}),
    "rmsprop centered": ("RMSprop", {"lr": 0.1, "centered": True}),
    "rmsprop decay": ("RMSprop", {"lr": 0.1, "weight_decay": 0.2}),
    "rmsprop all": (
        "RMSprop",
        {"lr": 0.1, "alpha": 0.7, "momentum": 0.8, "centered": True, "weight_decay": 0.2, "maximize": True},
    ),
    "adagrad": ("Adagrad", {"lr": 0.1}),
    "adagrad defaults": ("Adagrad", {}),
    "adagrad lr_decay": ("Adagrad", {"lr": 0.1, "lr_decay": 0.3}),
    "adagrad initial": ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
    "adagrad all": (
        "Adagrad",
        {
            "lr": 0.1,
            "lr_decay": 0.1,
            "weight_decay": 0.2,
            "initial_accumulator_value": 0.1,
            "eps": 0.1,
            "maximize": True,
        },
    ),
    "adadelta": ("Adadelta", {}),
    "adadelta rho eps": ("Adadelta", {"lr": 0.5, "rho": 0.5, "eps": 0.01}),
    "adadelta rho 1": ("Adadelta", {"rho": 1.0, "eps": 0.01}),
    "adadelta all": ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 0.001, "weight_decay": 0.2, "maximize": True}),
    "adamax": ("Adamax", {"lr": 0.1}),
    "adamax defaults": ("Adamax", {}),
    "adamax betas eps": ("Adamax", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1}),
    "adamax all": ("Adamax", {"lr": 0.1, "betas": (0.8, 0.6), "weight_decay": 0.2, "maximize": True}),
    "nadam": ("NAdam", {"lr": 0.1}),
    "nadam defaults": ("NAdam", {}),
    "nadam betas eps": ("NAdam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1, "momentum_decay": 0.5}),
    "nadam decay": ("NAdam", {"lr": 0.1, "weight_decay": 0.2}),
    "nadam decoupled": ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    "nadam all": (
        "NAdam",
        {"lr": 0.1, "weight_decay": 0.2, "momentum_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ),
    "radam": ("RAdam", {"lr": 0.1}),
    "radam defaults": ("RAdam", {}),
    "radam betas eps": ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1}),
    "radam never rectified": ("RAdam", {"lr": 0.1, "betas": (0.5, 0.6)}),
    "radam decay": ("RAdam", {"lr": 0.1, "weight_decay": 0.2}),
    "radam all": ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True, "maximize": True}),
}

ONE_CYCLE = {"max_lr": 0.5, "total_steps": 12}
CYCLE = {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 3}
SCHEDULERS = {
    "step": ("StepLR", {"step_size": 3, "gamma": 0.3}),
    "multistep": ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.3}),
    "exponential": ("ExponentialLR", {"gamma": 0.7}),
    "cosine": ("CosineAnnealingLR", {"T_max": 5}),
    "cosine eta_min": ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01}),
    "cosine 1": ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.01}),
    "lambda": ("LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    "lambda list": ("LambdaLR", {"lr_lambda": [lambda epoch: 0.9**epoch, lambda epoch: 2.0]}),
    "one cycle": ("OneCycleLR", ONE_CYCLE),
    "one cycle linear": ("OneCycleLR", {**ONE_CYCLE, "anneal_strategy": "linear"}),
    "one cycle three": ("OneCycleLR", {**ONE_CYCLE, "three_phase": True}),
    "one cycle epochs": ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 3, "steps_per_epoch": 4}),
    "one cycle no momentum": ("OneCycleLR", {**ONE_CYCLE, "cycle_momentum": False}),
    "one cycle pct": ("OneCycleLR", {**ONE_CYCLE, "pct_start": 0.6, "div_factor": 5, "final_div_factor": 7}),
    "one cycle pct 0": ("OneCycleLR", {**ONE_CYCLE, "pct_start": 0.0}),
    "one cycle momenta": ("OneCycleLR", {**ONE_CYCLE, "base_momentum": [0.5, 0.6], "max_momentum": 0.8}),
    "multiplicative": ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    "multiplicative list": ("MultiplicativeLR", {"lr_lambda": [lambda epoch: 0.9**epoch, lambda epoch: 1.5]}),
    "constant": ("ConstantLR", {}),
    "constant 3": ("ConstantLR", {"factor": 0.2, "total_iters": 3}),
    "constant 0": ("ConstantLR", {"total_iters": 0}),
    "linear": ("LinearLR", {}),
    "linear down": ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 7}),
    "linear long": ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 30}),
    "linear 0": ("LinearLR", {"total_iters": 0}),
    "polynomial": ("PolynomialLR", {}),
    "polynomial 2": ("PolynomialLR", {"total_iters": 8, "power": 2.0}),
    "polynomial root": ("PolynomialLR", {"total_iters": 20, "power": 0.5}),
    "polynomial 0": ("PolynomialLR", {"total_iters": 0}),
    "restarts": ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    "restarts longer": ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2, "eta_min": 0.01}),
    "restarts 1": ("CosineAnnealingWarmRestarts", {"T_0": 1}),
    "cyclic": ("CyclicLR", CYCLE),
    "cyclic down": ("CyclicLR", {**CYCLE, "step_size_down": 4}),
    "cyclic triangular2": ("CyclicLR", {**CYCLE, "mode": "triangular2"}),
    "cyclic exp_range": ("CyclicLR", {**CYCLE, "mode": "exp_range", "gamma": 0.9}),
    "cyclic scale_fn": ("CyclicLR", {**CYCLE, "scale_fn": lambda x: 1 / (1 + x)}),
    "cyclic scale_fn iterations": (
        "CyclicLR",
        {**CYCLE, "scale_fn": lambda x: 0.8**x, "scale_mode": "iterations", "gamma": 0.5},
    ),
    "cyclic no momentum": ("CyclicLR", {**CYCLE, "cycle_momentum": False}),
    "cyclic lists": (
        "CyclicLR",
        {
            "base_lr": [0.1, 0.2],
            "max_lr": [0.5, 0.3],
            "step_size_up": 2,
            "base_momentum": [0.5, 0.6],
            "max_momentum": 0.8,
        },
    ),
}
#: Two schedulers stepped one after the other; those that multiply work together.
CHAINS = {
    "exponential and step": (("ExponentialLR", {"gamma": 0.9}), ("StepLR", {"step_size": 2, "gamma": 0.5})),
    "multistep and exponential": (("MultiStepLR", {"milestones": [3]}), ("ExponentialLR", {"gamma": 0.9})),
    "constant and cosine": (("ConstantLR", {"total_iters": 3}), ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01})),
}
#: Schedulers made of others: the parts stand in "schedulers".
PARTS = [SCHEDULERS["constant 3"], SCHEDULERS["exponential"]]
COMPOSED = {
    "sequential": ("SequentialLR", {"schedulers": PARTS, "milestones": [4]}),
    "sequential three": (
        "SequentialLR",
        {"schedulers": [*PARTS, SCHEDULERS["cosine eta_min"]], "milestones": [2, 6]},
    ),
    "sequential at 0": ("SequentialLR", {"schedulers": [*PARTS, SCHEDULERS["linear"]], "milestones": [0, 5]}),
    "sequential twice": ("SequentialLR", {"schedulers": [*PARTS, SCHEDULERS["linear"]], "milestones": [5, 5]}),
    "sequential steps": (
        "SequentialLR",
        {"schedulers": [SCHEDULERS["linear"], SCHEDULERS["step"], SCHEDULERS["polynomial"]], "milestones": [3, 8]},
    ),
    "sequential multistep": ("SequentialLR", {"schedulers": [PARTS[1], SCHEDULERS["multistep"]], "milestones": [3]}),
    "sequential multiplicative": (
        "SequentialLR",
        {
            "schedulers": [("MultiplicativeLR", {"lr_lambda": lambda e: 0.9}) for _ in range(2)],
            "milestones": [3],
        },
    ),
    "sequential functions": (
        "SequentialLR",
        {"schedulers": [SCHEDULERS["lambda"], SCHEDULERS["multiplicative list"]], "milestones": [3]},
    ),
    "sequential restarts": (
        "SequentialLR",
        {"schedulers": [SCHEDULERS["linear"], SCHEDULERS["restarts longer"]], "milestones": [3]},
    ),
    "sequential cyclic": ("SequentialLR", {"schedulers": [PARTS[0], SCHEDULERS["cyclic"]], "milestones": [4]}),
    "sequential one cycle": (
        "SequentialLR",
        {"schedulers": [SCHEDULERS["one cycle"], SCHEDULERS["exponential"]], "milestones": [6]},
    ),
    "chained": ("ChainedScheduler", {"schedulers": PARTS}),
    "chained three": (
        "ChainedScheduler",
        {"schedulers": [SCHEDULERS["linear"], SCHEDULERS["cosine eta_min"], SCHEDULERS["step"]]},
    ),
    "chained closed form first": ("ChainedScheduler", {"schedulers": [SCHEDULERS["lambda"], PARTS[1]]}),
    "chained sequence": (
        "ChainedScheduler",
        {"schedulers": [("SequentialLR", {"schedulers": PARTS, "milestones": [4]}), SCHEDULERS["step"]]},
    ),
}

METRICS = [3.0, 2.0, 1.99, 2.0, 2.5, 1.8, 1.8, 1.7999, 1.9, float("nan"), 1.9, 1.9, 1.9, 1.0, 1.1, 1.1, 1.1, 1.1, 0.0]
PLATEAUS = {
    "patience": {"patience": 1},
    "patience 0": {"patience": 0, "factor": 0.5},
    "defaults": {},
    "max": {"mode": "max", "patience": 2, "factor": 0.5},
    "threshold": {"patience": 1, "threshold": 0.1, "factor": 0.5},
    "threshold abs": {"patience": 1, "threshold": 0.1, "threshold_mode": "abs", "factor": 0.5},
    "threshold max abs": {"mode": "max", "patience": 1, "threshold": 0.4, "threshold_mode": "abs", "factor": 0.5},
    "threshold max": {"mode": "max", "patience": 1, "threshold": 0.4, "factor": 0.5},
    "cooldown": {"patience": 1, "cooldown": 2, "factor": 0.5},
    "min_lr": {"patience": 0, "factor": 0.5, "min_lr": 0.02},
    "min_lr list": {"patience": 0, "factor": 0.5, "min_lr": [0.1, 0.01]},
    "eps": {"patience": 0, "factor": 0.5, "eps": 0.02},
}
#: Where CosineAnnealingWarmRestarts is sent, with steps to the next epoch between.
EPOCHS = [0, 0.25, 0.5, 1, 1.75, 2.5, 3, None, 4.5, None, 9, None, 13.5, 30, 2, None]
RESTARTS = {
    "T_0": {"T_0": 3},
    "T_mult": {"T_0": 2, "T_mult": 2, "eta_min": 0.01},
    "T_mult 3": {"T_0": 1, "T_mult": 3},
}


def leaves(library, dtype=np.float64):
    """Two parameters with fixed values."""
    rng = np.random.default_rng(7)
    values = [rng.normal(size=(3, 4)), rng.normal(size=(4,))]
    return [parameter(library, v.astype(dtype)) for v in values]


def parameter(library, array):
    p = library.tensor(array)
    p.requires_grad_(True)
    return p


def gradients(step):
    rng = np.random.default_rng(100 + step)
    return [rng.normal(size=(3, 4)), rng.normal(size=(4,))]


def set_gradients(library, params, step):
    """Gradients that depend on the values too; the second parameter has none in step 2."""
    for i, (p, g) in enumerate(zip(params, gradients(step), strict=True)):
        values = np.asarray(p.detach().numpy())
        p.grad = None if (step == 2 and i == 1) else library.tensor((g + 0.1 * values).astype(values.dtype))


def optimizer_trajectory(library, name, dtype=np.float64):
    """All parameters after each step, in one vector."""
    cls, settings = OPTIMIZERS[name]
    params = leaves(library, dtype)
    optimizer = getattr(library.optim, cls)(params, **settings)
    rows = []
    for step in range(STEPS):
        set_gradients(library, params, step)
        optimizer.step()
        rows.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return np.stack(rows)


def momentum_of(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def two_groups(library, optimizer="SGD"):
    """An optimizer with two learning rates and a momentum."""
    a, b = leaves(library)
    settings = {"momentum": 0.9} if optimizer == "SGD" else {}
    return getattr(library.optim, optimizer)([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.2, **settings)


def scheduler(library, optimizer, cls, settings):
    """A scheduler, with its parts if it is made of others."""
    if "schedulers" in settings:
        settings = {**settings, "schedulers": [scheduler(library, optimizer, *part) for part in settings["schedulers"]]}
    settings = settings if cls == "ChainedScheduler" else {"optimizer": optimizer, **settings}
    return getattr(library.optim.lr_scheduler, cls)(**settings)


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def scheduler_trajectory(library, schedulers, optimizer="SGD"):
    """Learning rate and momentum of two groups, before the first and after each of 11 steps."""
    optimizer = two_groups(library, optimizer)
    running = [scheduler(library, optimizer, *each) for each in schedulers]
    rows = []
    for step in range(12):
        if step:
            optimizer.step()
            for each in running:
                each.step()
        rows.append([*rates(optimizer), *(momentum_of(g) for g in optimizer.param_groups)])
        assert running[-1].get_last_lr() == rates(optimizer)
    return np.array(rows, np.float64)


def plateau_trajectory(library, name):
    """Learning rates after each metric."""
    optimizer = two_groups(library)
    plateau = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **PLATEAUS[name])
    rows = []
    for metric in METRICS:
        plateau.step(library.tensor(metric) if len(rows) % 2 else metric)
        rows.append(rates(optimizer))
        assert plateau.get_last_lr() == rates(optimizer)
    return np.array(rows, np.float64)


def restarts_trajectory(library, name):
    """Learning rates and the last epoch after each jump."""
    optimizer = two_groups(library)
    restarts = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **RESTARTS[name])
    rows = []
    for epoch in EPOCHS:
        restarts.step(epoch)
        rows.append([*rates(optimizer), restarts.last_epoch])
    return np.array(rows, np.float64)


def small_cnn(nn):
    """One layer of most kinds."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False),
        nn.GELU(),
        nn.AvgPool2d(2, stride=1),
        nn.Conv2d(6, 6, 2, padding="same"),
        nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d((1, 2)),
        nn.Flatten(),
        nn.Linear(12, 8),
        nn.BatchNorm1d(8, momentum=None),
        nn.SiLU(),
        nn.LayerNorm(8),
        nn.ELU(),
        nn.Unflatten(1, (2, 4)),
        nn.Flatten(),
        nn.Softplus(),
        nn.Linear(8, 3),
    )


def fixed_state(library, net):
    """Values for every parameter (buffers keep theirs), the same for both libraries."""
    rng = np.random.default_rng(3)
    names = dict(net.named_parameters())
    return {
        key: library.tensor(rng.normal(size=tuple(v.shape)) * 0.4) if key in names else v
        for key, v in net.state_dict().items()
    }


def cnn_training(library, dtype="float64"):
    """Losses of three Adam steps, all gradients of the first, and the whole state at the end."""
    net = small_cnn(library.nn)
    net.load_state_dict(fixed_state(library, net.double()))
    if dtype == "float32":
        net.float()
    optimizer = library.optim.Adam(net.parameters(), lr=0.01)
    rng = np.random.default_rng(4)
    x = library.tensor(rng.normal(size=(5, 2, 12, 12)).astype(dtype))
    target = library.tensor(np.array([0, 2, 1, 1, 0]))
    criterion = library.nn.CrossEntropyLoss(label_smoothing=0.1)
    losses, first = [], None
    for _ in range(3):
        optimizer.zero_grad()
        loss = criterion(net(x), target)
        loss.backward()
        if first is None:
            first = np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    losses.append(criterion(net(x), target).item())
    state = np.concatenate([v.numpy().ravel().astype(np.float64) for v in net.state_dict().values()])
    return {"losses": np.array(losses), "gradients": first, "state": state, "keys": list(net.state_dict())}


def clipped(library, norm_type, max_norm):
    """The norm and the gradients after clipping."""
    params = leaves(library)
    set_gradients(library, params, 0)
    norm = library.nn.utils.clip_grad_norm_(params, max_norm, norm_type=norm_type)
    return np.concatenate([[float(norm)], *(p.grad.numpy().ravel() for p in params)])


CLIPS = [(2.0, 1.0), (2.0, 100.0), (1.0, 2.0), (float("inf"), 0.5), (3.0, 1.5)]
