# Tickwire: `make play` opens a match, `make test` runs every check. Both make .venv first, from Python 3.11 or later;
# name another one with make PYTHON=python3.12 test. On Windows use pip: see the README.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Made last, so that an install that was broken off is begun anew; newer than pyproject.toml means nothing has to be done.
INSTALLED := $(VENV)/.installed
PYTEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help play test test-long cover bench fuzz install clean

help:  ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 /p' $(MAKEFILE_LIST) | awk '{t = $$1 " " $$2; $$1 = $$2 = ""; printf "  %-15s%s\n", t, $$0}'

play: $(INSTALLED)  ## start a server with bots on this machine and a client in it
	@$(PY) play.py

test: $(INSTALLED)  ## linter, formatter, type checker and all tests but the slow ones
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m pytest -n 2 --dist loadfile -m "not slow" $(PYTEST_FLAGS)

test-long: $(INSTALLED)  ## the tests that run for minutes
	@$(PY) -m pytest -m slow $(PYTEST_FLAGS)

cover: $(INSTALLED)  ## branches of the connection that its tests take: less than all of them fails
	@$(PY) -m pytest tests/link/netcode -p no:xdist --cov=engine/link/netcode --cov-branch --cov-report=term-missing --cov-fail-under=100

# With atheris guided by coverage; without it, from true examples and a seed. `make test` runs a million of them too.
FUZZ_RUNS ?= 1000000
fuzz: $(INSTALLED)  ## a million damaged inputs for every parser together (FUZZ_RUNS=... for another number)
	@if $(PY) -c 'import atheris' 2> /dev/null; then $(PY) tests/fuzz/fuzz.py all -runs=$(FUZZ_RUNS); else $(PY) tests/fuzz/plain.py --inputs $(FUZZ_RUNS); fi

bench: $(INSTALLED)  ## every benchmark in bench/, one after the other
	@set -e; for file in bench/[a-z]*.py; do echo "== $$file"; $(PY) "$$file"; done

install: $(INSTALLED)  ## make .venv with everything in it

$(INSTALLED): pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "make: there is no $(PYTHON) here: install Python 3.11 or later, or name one with make PYTHON=..."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), and Tickwire needs 3.11 or later: name one with make PYTHON=python3.12"; exit 2; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) can't make a virtual environment; on Debian: apt install python3-venv"; exit 2; }
	@echo "make: installing into $(VENV) (once; takes a minute)"
	@$(PY) -m pip install -qq --disable-pip-version-check --editable ".[client,ops,lab,dev]"
# Nobody has to compile a fuzzer: where there is no wheel of atheris (there is for Linux on x86-64), fuzzing does without.
	@$(PY) -m pip install -qq --disable-pip-version-check --only-binary atheris "atheris>=3" 2> /dev/null || echo "make: there is no atheris for this machine: fuzzing goes without coverage"
	@touch $@

clean:  ## remove .venv and everything that was made
	@rm -rf $(VENV) build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
