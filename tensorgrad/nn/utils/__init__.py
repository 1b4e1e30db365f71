"""Tools for parameters: gradients clipped, parameters as one vector, parameters computed
from others, sequences padded."""

from tensorgrad.nn.utils import parametrizations, parametrize, rnn
from tensorgrad.nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from tensorgrad.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "rnn",
    "vector_to_parameters",
]
