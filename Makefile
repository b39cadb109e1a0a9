# Two commands: `make run` and `make test`. Both make their own environment in $(VENV) first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin
# --no-compile: half of the time of an install is compiling modules that nobody imports
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
OLD = Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11
DEMO ?=
# a process for each core; tests of one group stay together in one
PYTEST ?= --numprocesses auto --dist loadgroup
BENCH ?=

# The tests start some hundred processes: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench clean

run: $(VENV)/installed  ## listen on the demonstration channels, send the samples, go on serving
	$(BIN)/mllp-engine demo $(DEMO)

test: $(VENV)/tested  ## everything that this machine can test
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/tested  ## style, types and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("$(OLD)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing mllp-engine into $(VENV) …"
	$(PIP) --editable .
	@touch $@

$(VENV)/tested: setup.cfg pyproject.toml | $(BIN)/python
	@echo "installing mllp-engine and what its tests need into $(VENV) …"
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/installed

bench: $(VENV)/tested  ## measure, and print a table; some minutes
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
