"""Modules: layers with parameters, and the containers that compose them."""

from tensorgrad.nn import functional, init, utils
from tensorgrad.nn.activation import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tensorgrad.nn.batchnorm import BatchNorm1d, BatchNorm2d
from tensorgrad.nn.containers import Identity, ModuleDict, ModuleList, Sequential
from tensorgrad.nn.conv import Conv1d, Conv2d, Conv3d
from tensorgrad.nn.dropout import Dropout
from tensorgrad.nn.flatten import Flatten, Unflatten
from tensorgrad.nn.layernorm import LayerNorm
from tensorgrad.nn.linear import Linear
from tensorgrad.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter
from tensorgrad.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

__all__ = [
    "ELU", "GELU", "AdaptiveAvgPool2d", "AvgPool2d", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d", "Conv1d",
    "Conv2d", "Conv3d", "CrossEntropyLoss", "Dropout", "Flatten", "Identity", "L1Loss", "LayerNorm", "LeakyReLU",
    "Linear", "LogSoftmax", "MSELoss", "MaxPool2d", "Module", "ModuleDict", "ModuleList", "NLLLoss", "Parameter",
    "ReLU", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "Unflatten", "functional", "init", "utils",
]  # fmt: skip
