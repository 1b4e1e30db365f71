"""Faults in what is written to files and read from them."""

from tests.mutants.planted.fault import Fault

STATES, FILES = "tensorgrad/serialization.py", "tensorgrad/files.py"
TESTS = "tests/serialization tests/test_files.py"

FAULTS = [
    Fault(
        "load: the checksum is not compared",
        STATES,
        "if about.get(DIGEST) != _digest(text, arrays):",
        "if DIGEST not in about:",
        TESTS,
    ),
    Fault(
        "save: the checksum covers no numbers",
        STATES,
        "        digest.update(array.data)\n",
        "",
        TESTS,
    ),
    Fault(
        "save: the checksum is of the arrays, not of what is written",
        STATES,
        "_digest(text, copies)",
        "_digest(text, arrays.by_name)",
        TESTS,
    ),
    Fault(
        "save: what is shared is written twice",
        STATES,
        "if id(owner) in self._known:",
        "if False:",
        TESTS,
    ),
    Fault(
        "load: tensors lose requires_grad",
        STATES,
        "return tensor.requires_grad_()",
        "return tensor",
        TESTS,
    ),
    Fault(
        "replacing: the name changes before the file is closed",
        FILES,
        "            yield file\n            file.flush()\n",
        "            os.replace(temporary, target)\n            yield file\n            file.flush()\n",
        TESTS,
    ),
    Fault(
        "replacing: a file takes the place of a pipe",
        FILES,
        "if target.exists() and not (target.is_file() or target.is_dir()):",
        "if False:",
        TESTS,
    ),
    Fault(
        "replacing: the rest of a failed write stays",
        FILES,
        "        temporary.unlink(missing_ok=True)\n",
        "",
        TESTS,
    ),
]
