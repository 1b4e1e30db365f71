"""Arithmetic on raw NumPy arrays: the loops under the operators, with no notion of a gradient graph.

Every module is one concept and knows nothing of the rest of the package:

- ``threads``: one pool of threads for all kernels; ``blas``: held at one thread meanwhile; ``flag``: how threads wait
- ``scratch``: memory that a thread uses again and again; ``memory``: freed memory stays for the next array
- ``layout``: channels first and channels last, as views
- ``matmul``: matrix products split over the pool
- ``conv``: convolution and its two adjoints, by the way that suits the shape: ``column_product`` (``im2col`` and one
  GEMM), ``banded`` (fewer columns, a wider GEMM), ``col2im`` (few results), ``winograd`` and ``row_winograd`` (fewer
  multiplications; ``toom_cook`` makes their matrices), ``direct`` (no columns) and ``depthwise`` (no GEMM);
  ``partial_sums`` adds up what threads found
- ``pool``: max pooling with its adjoint, and the averages of ``avg_pool``; ``windows`` says where windows lie
- ``reduce``: accurate sums, and selection by a mask without branches
- ``twin``: which version of a kernel runs, NumPy's or the compiled one of ``compiled``
- ``activation``, ``batch_norm``: the rectifier, batch norm
- ``optim``: the steps of SGD and Adam; ``adaptive``: those of their kin, of which there is no compiled version
- ``standardization``: a batch norm whose last pass waits for a sum or a rectifier to share it
- ``lstm``: a step of the long short-term memory, without its product
- ``norm``, ``scatter``, ``special``: normalisation, indexed addition, the error function

Images are (N, C, *spatial) with one, two or three spatial dimensions; results lie channels last in memory.
Arguments are taken as validated. The caller's ``np.errstate`` holds in the worker threads as well.
"""
