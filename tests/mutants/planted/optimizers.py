"""Faults in the optimizers that divide by a measure of past gradients, and in the schedules of learning rates."""

from tests.mutants.planted.fault import OPTIM, Fault

FAULTS = [
    Fault(
        "RMSprop: the mean is not subtracted",
        "tensorgrad/kernels/adaptive.py",
        "np.multiply(mean_, mean_, out=t)",
        "t[...] = 0",
        OPTIM,
    ),
    Fault(
        "RMSprop: a variance below 0",
        "tensorgrad/kernels/adaptive.py",
        "variance = np.maximum(t, 0, out=t)",
        "variance = t",
        "tests/optim/test_optimizer.py -k rmsprop",
    ),
    Fault(
        "Adagrad: lr_decay one step ahead",
        "tensorgrad/optim/adagrad.py",
        "(next_step(state) - 1) * lr_decay",
        "next_step(state) * lr_decay",
        OPTIM,
    ),
    Fault(
        "Adadelta: the mean of gradients instead of steps",
        "tensorgrad/kernels/adaptive.py",
        "average_square(w_, step, rho, t)",
        "average_square(w_, d, rho, t)",
        OPTIM,
    ),
    Fault(
        "Adamax: no eps",
        "tensorgrad/kernels/adaptive.py",
        "np.abs(d, out=t)\n        t += eps",
        "np.abs(d, out=t)",
        OPTIM,
    ),
    Fault(
        "NAdam: the momentum of this step instead of the next",
        "tensorgrad/optim/nadam.py",
        "lr * next_mu / (1 - product * next_mu)",
        "lr * mu / (1 - product)",
        OPTIM,
    ),
    Fault(
        "RAdam: rectified one step too early",
        "tensorgrad/optim/radam.py",
        "if n <= 5:",
        "if n <= 4:",
        OPTIM,
    ),
]
