"""Arithmetic on raw NumPy arrays: the loops under the operators, with no notion of a gradient graph.

Every module is one concept and knows nothing of the rest of the package:

- ``threads``: one pool of Python threads for all kernels, with BLAS held at one thread inside it
- ``matmul``: matrix products split over the pool
- ``conv``: convolution and its two adjoints, on top of ``im2col`` (columns) and ``depthwise``
- ``pool``: max and average pooling with their adjoints; ``adaptive``: windows that follow the output size
- ``reduce``: accurate sums, and selection by a mask without branches

Images are (N, C, *spatial) with one, two or three spatial dimensions; results lie channels last in memory.
Arguments are taken as validated. The caller's ``np.errstate`` holds in the worker threads as well.
"""
