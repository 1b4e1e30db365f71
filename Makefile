# Two commands do everything on a fresh machine with Python >= 3.11: `make mnist` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OPERATORS := tests/test_table.py tests/test_reference.py $(wildcard tests/test_semantics_*.py) tests/ops tests/kernels tests/nn tests/optim
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: mnist test lint mutants clean

mnist: $(VENV)/.installed            ## train the CNN on the shipped MNIST and print its test accuracy
	$(BIN)/python examples/mnist_cnn.py

test: $(VENV)/.installed-dev         ## run every test, doctest and example; then the operators again without Numba, on one thread
	$(BIN)/python -m pytest -n 2 --dist worksteal
	TENSORGRAD_KERNELS=numpy TENSORGRAD_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(OPERATORS)

lint: $(VENV)/.installed-dev         ## ruff (lint and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: $(VENV)/.installed-dev      ## plant faults in a copy of the package, one at a time: a test must catch each
	$(BIN)/python tests/mutants/run.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("tensorgrad needs Python >= 3.11, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
