"""Modules: layers with parameters, and the containers that compose them."""

from tensorgrad.nn import functional
from tensorgrad.nn.module import Module
from tensorgrad.nn.parameter import Parameter

__all__ = ["Module", "Parameter", "functional"]
