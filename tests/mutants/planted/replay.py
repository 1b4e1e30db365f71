"""Faults in `tg.compile`."""

from tests.mutants.planted.fault import Fault

GUARD = "tests/replay/test_guard.py tests/replay/test_refused.py tests/replay/test_promises.py"
COMPILE = "tests/replay/test_compile.py"

FAULTS = [
    Fault(
        "compile: what is read beside the arguments counts by its number only",
        "tensorgrad/replay/snapshots.py",
        "return len(now) == len(before) and all(map(_same, now, before))",
        "return len(now) == len(before)",
        GUARD,
    ),
    Fault(
        "compile: tensors that are reached are not compared",
        "tensorgrad/replay/guard.py",
        "if kind_of_tensor(tensor) != kind:",
        "if False:",
        GUARD,
    ),
    Fault(
        "compile: minus zero is zero",
        "tensorgrad/replay/compiled.py",
        "key.append((float, repr(leaf)))",
        "key.append((float, leaf))",
        GUARD,
    ),
    Fault(
        "compile: anybody may look at values",
        "tensorgrad/replay/trap.py",
        "if frame.f_code not in _READERS and frame.f_code not in SHAPE_READERS:",
        "if False:",
        GUARD,
    ),
    Fault(
        "compile: settings of an optimizer may be written",
        "tensorgrad/replay/trap.py",
        "if tape is not None and is_users_frame(sys._getframe(2)):",
        "if False:",
        GUARD,
    ),
    Fault(
        "compile: a try statement has one way",
        "tensorgrad/replay/python.py",
        "    if handlers > 0:\n",
        "    if handlers > 99:\n",
        GUARD,
    ),
    Fault(
        "compile: built-in functions are called once",
        "tensorgrad/replay/python.py",
        "if not of_value and not is_pure(function):",
        "if False:",
        GUARD,
    ),
    Fault(
        "compile: two tensors with one array are one",
        "tensorgrad/replay/values.py",
        'captured = name is not None and name[0] == "w" and id(tensor) not in self.made',
        "captured = False",
        GUARD,
    ),
    Fault(
        "compile: a filled tensor is filled once",
        "tensorgrad/replay/tape.py",
        'self.know(array, self.assign(self.call(np.array, "copied", model)))',
        "self.know(array, model)",
        f"{GUARD} {COMPILE}",
    ),
    Fault(
        "compile: an optimizer's step is made once",
        "tensorgrad/replay/tape.py",
        "            self.program.add(text)\n",
        "            pass\n",
        COMPILE,
    ),
    Fault(
        "compile: a result that waits reads what was written meanwhile",
        "tensorgrad/replay/tape.py",
        "        self._carry_out_what_may_be_written()\n",
        "",
        GUARD,
    ),
    Fault(
        "compile: of two gradients the second is left away",
        "tensorgrad/replay/sweep.py",
        'tape.program.add(tape.call(add_to, "add_to", *both))',
        "pass",
        "tests/replay/test_rows.py",
    ),
    Fault(
        "compile: a leaf keeps any array as its gradient",
        "tensorgrad/replay/sweep.py",
        'own = self._own.get(id(gradient), "True") if leaf in self.owned else "False"',
        'own = "True"',
        "tests/replay",
    ),
    Fault(
        "compile: views of each other come back as strangers",
        "tensorgrad/replay/plan.py",
        "        _refuse_views_of_each_other(tape, tensors)\n",
        "",
        GUARD,
    ),
    Fault(
        "compile: an operator that fails in a plan does not say its name",
        "tensorgrad/replay/plan.py",
        "            self._explain(error)\n",
        "",
        GUARD,
    ),
    Fault(
        "compile: a dictionary that was given is not changed again",
        "tensorgrad/replay/compiled.py",
        "if any(_contents(container) != contents for container, contents in before):",
        "if False:",
        GUARD,
    ),
    Fault(
        "compile: a decision that only saves work is noted as it fell",
        "tensorgrad/autograd/between.py",
        "return condition or per_thread.state.tape is not None",
        "return condition",
        "tests/replay/test_values.py -k blind",
    ),
    Fault(
        "compile: the number of elements under a mask is taken for a constant",
        "tensorgrad/ops/index.py",
        'as_masked(input, static_array(mask), "masked_select")',
        'as_masked(input, mask, "masked_select")',
        "tests/replay/test_values.py -k mask",
    ),
    Fault(
        "compile: positions are checked when a plan is made, and never again",
        "tensorgrad/ops/index.py",
        "    found: np.ndarray = of_values(checked_positions, positions_given(index),",
        "    checked_positions(static_array(index), x.shape[dim] if x.ndim else 1, dim, op)\n"
        "    found: np.ndarray = of_values(lambda array, *_: array, positions_given(index),",
        "tests/replay/test_values.py -k given_is_checked",
    ),
    Fault(
        "compile: nothing is seen any more after a kernel",
        "tensorgrad/replay/python.py",
        'if event == "return" and frame is self._kernel:',
        'if event == "never":',
        "tests/replay/test_values.py",
    ),
]
