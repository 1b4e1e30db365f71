"""Modules: layers with parameters, and the containers that compose them."""

from tensorgrad.nn import functional

__all__ = ["functional"]
