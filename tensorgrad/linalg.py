"""Linear algebra under PyTorch's names: ``tg.linalg.solve(A, B)``."""

from tensorgrad.autograd.out import accept_out
from tensorgrad.ops.decompositions import cholesky, cholesky_ex, eigh, eigvalsh, matrix_exp, qr, svd, svdvals
from tensorgrad.ops.linalg import matmul
from tensorgrad.ops.matrix_norm import cond, matrix_norm, matrix_rank, norm, vector_norm
from tensorgrad.ops.products import linalg_cross as cross
from tensorgrad.ops.products import linalg_diagonal as diagonal
from tensorgrad.ops.products import multi_dot, vecdot
from tensorgrad.ops.solve import det, inv, lstsq, matrix_power, pinv, slogdet, solve, solve_triangular

accept_out(
    globals(),
    """
    cholesky cholesky_ex cond cross det eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank multi_dot norm
    pinv qr slogdet solve solve_triangular svd svdvals vecdot vector_norm
    """,
)

__all__ = [
    "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet",
    "solve", "solve_triangular", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip
