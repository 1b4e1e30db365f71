# Two commands do everything on a fresh machine with Python >= 3.11: `make mnist` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RESULTS := build/bench
OPERATORS := tests/test_table.py tests/test_reference.py $(wildcard tests/test_semantics_*.py) tests/ops tests/kernels tests/nn tests/optim
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: mnist test lint mutants bench bench-mnist bench-others clean

mnist: $(VENV)/.installed            ## train the CNN on the shipped MNIST and print its test accuracy
	$(BIN)/python examples/mnist_cnn.py

test: $(VENV)/.installed-dev         ## run every test, doctest and example; then what comes to the kernels without Numba, on one thread
	$(BIN)/python -m pytest -n 2 --dist worksteal
	TENSORGRAD_KERNELS=numpy TENSORGRAD_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --second-version $(OPERATORS)

lint: $(VENV)/.installed-dev         ## ruff (lint and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: $(VENV)/.installed-dev      ## plant faults in a copy of the package, one at a time: a test must catch each
	$(BIN)/python tests/mutants/run.py

bench: $(VENV)/.installed-bench      ## the tables against PyTorch, see docs/benchmarks.md: about 25 minutes
	$(BIN)/python benchmarks/train_step.py --json $(RESULTS)/train_step.json
	$(BIN)/python benchmarks/train_step.py --inference --json $(RESULTS)/inference.json
	$(BIN)/python benchmarks/operators.py --json $(RESULTS)/operators.json
	$(BIN)/python benchmarks/building_blocks.py --json $(RESULTS)/building_blocks.json
	$(BIN)/python benchmarks/building_blocks.py --small --json $(RESULTS)/small_building_blocks.json
	$(BIN)/python benchmarks/sequences.py --json $(RESULTS)/sequences.json
	$(BIN)/python benchmarks/scaling.py --json $(RESULTS)/scaling.json
	$(BIN)/python benchmarks/overhead.py --json $(RESULTS)/overhead.json

bench-mnist: $(VENV)/.installed-bench  ## seconds to 99.2 % on MNIST, ours and PyTorch
	$(BIN)/python benchmarks/mnist_race.py --json $(RESULTS)/mnist_race.json

bench-others: $(VENV)/.installed-bench ## the same small networks in JAX, MyGrad, HIPS autograd, tinygrad, plain loops
	$(BIN)/python -m pip install --quiet --editable '.[bench-others]'
	$(BIN)/python benchmarks/others.py --json $(RESULTS)/others.json

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("tensorgrad needs Python >= 3.11, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[bench,fast]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
	find tensorgrad tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
