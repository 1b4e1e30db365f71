"""Faults in formulas of every number, and in the loops that are made of them."""

from tests.mutants.planted.fault import Fault

TESTS = "tests/kernels/test_formula.py"

FAULTS = [
    Fault(
        "formulas: a column is read as a row",
        "tensorgrad/kernels/operands.py",
        "return COLUMN, last",
        "return ROW, last",
        f"{TESTS} -k repeated",
    ),
    Fault(
        "formulas: rows of two lengths are read as one",
        "tensorgrad/kernels/operands.py",
        "if len(splits) > 1:",
        "if len(splits) > 2:",
        f"{TESTS} -k together",
    ),
    Fault(
        "formulas: every slice reads the first one",
        "tensorgrad/kernels/formula.py",
        "out[start:stop] = result(start, stop)",
        "out[start:stop] = result(at[0], at[0] + stop - start)",
        f"{TESTS} -k every_operator",
    ),
    Fault(
        "formulas: a number keeps the value of the first call",
        "tensorgrad/kernels/compiled/formula.py",
        "return [(name, type(value), None if type(value) is float else value) for name, value in static.items()]",
        "return [(name, type(value)) for name, value in static.items()]",
        f"{TESTS} -k numbers_may_change",
    ),
    Fault(
        "formulas: a repeated constant takes the place of another",
        "tensorgrad/kernels/compiled/formula_source.py",
        'constants.setdefault(repr(operand), (f"c{len(constants)}", F(operand)))',
        'constants.setdefault(repr(abs(operand)), (f"c{len(constants)}", F(operand)))',
        f"{TESTS} -k compiled_loops",
    ),
    Fault(
        "formulas: a decision by a number's value is made once",
        "tensorgrad/kernels/traced.py",
        "    __bool__ = __int__",
        "    __int__",
        f"{TESTS} -k refused",
    ),
    Fault(
        "formulas: the maximum loses a NaN",
        "tensorgrad/kernels/compiled/formula_source.py",
        '"{0} if ({0} > {1}) | ({0} != {0}) else {1}"',
        '"{0} if {0} > {1} else {1}"',
        f"{TESTS} -k compiled_loops",
    ),
    Fault(
        "exp: 2^n overflows before its product would",
        "tensorgrad/kernels/compiled/functions.py",
        "half = n >> I(1)  # 2^n itself may be no normal number",
        "half = I(0)",
        f"{TESTS} -k functions",
    ),
    Fault(
        "log1p: what rounds off in the sum is lost",
        "tensorgrad/kernels/compiled/functions.py",
        "y = log(u) * (x / rounded)",
        "y = log(u)",
        f"{TESTS} -k functions",
    ),
    Fault(
        "tanh: the sign of zero is lost",
        "tensorgrad/kernels/compiled/functions.py",
        "return with_sign_of(x, t / (t + TWO))",
        "return -t / (t + TWO) if x < ZERO else t / (t + TWO)",
        f"{TESTS} -k functions",
    ),
    Fault(
        "sine: the low bits of 2/pi are left out",
        "tensorgrad/kernels/compiled/trigonometry.py",
        " + ((m * LOW[e]) >> WORD)",
        "",
        f"{TESTS} -k functions",
    ),
    Fault(
        "sine: numbers too large for the short way take it",
        "tensorgrad/kernels/compiled/formula_source.py",
        'body += ["found = False", *loop([*plain, *[f"found |= abs({x}) > far" for x in turns], stored])]',
        'body += ["found = False", *loop([*plain, stored])]',
        f"{TESTS} -k functions",
    ),
    Fault(
        "sine: the rest of pi/2 is left out",
        "tensorgrad/kernels/compiled/trigonometry.py",
        "F((wide - n * QUARTER_TURN) - n * QUARTER_TURN_REST)",
        "F(x - n * F(QUARTER_TURN))",
        f"{TESTS} -k functions",
    ),
    Fault(
        "cosine: a quarter of a turn too late",
        "tensorgrad/kernels/compiled/trigonometry.py",
        "return _turned(sine if q & 1 else cosine, q + np.int32(1))",
        "return _turned(sine if q & 1 else cosine, q)",
        f"{TESTS} -k functions",
    ),
    Fault(
        "erf: the inner polynomial goes too far",
        "tensorgrad/kernels/special.py",
        "choose(size <= 1, near, far)",
        "choose(size <= 1.5, near, far)",
        f"{TESTS} -k erf",
    ),
    Fault(
        "a choice by bits takes the other one",
        "tensorgrad/kernels/choice.py",
        "bits ^= second",
        "bits ^= first",
        f"{TESTS} -k choice",
    ),
    Fault(
        "relu: zeros of another dtype",
        "tensorgrad/kernels/activation.py",
        "return np.zeros(LARGE, dtype)",
        "return np.zeros(LARGE)",
        "tests/kernels/test_activation.py -k thousand",
    ),
    Fault(
        "formulas: a plan for one shape serves another",
        "tensorgrad/kernels/compiled/formula.py",
        "return value.dtype, value.shape, value.strides",
        "return value.dtype, value.ndim",
        f"{TESTS} -k 'rows_and_columns or not_alike or repeated'",
    ),
]
