# What can be done here: `make help`. Everything happens in .venv, which is made when first needed
# and brought up to date when pyproject.toml changes.

VENV := .venv
COMPARED := .venv-compare
BIN := $(VENV)/bin
ARGS ?=
# The first of these that runs and is new enough; or say `make PYTHON=/path/to/python3.12 ...`.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; \
	done)

.DEFAULT_GOAL := help
.PHONY: help demo test interop check format-check lint types imports coverage bench compare fuzz soak format \
	mutants golden tables journals clean

help: ## this page
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.has-trio ## a call fails over from a silent gateway to one that answers
	@$(BIN)/python examples/demo.py $(ARGS)

test: $(VENV)/.has-test ## the tests; `make test ARGS="-k cancel"` runs some
	$(BIN)/python -m pytest $(ARGS)

# What the tests of tests/interop need, by Debian's names; `PROGRAMS=` leaves the machine alone.
PROGRAMS ?= sip-tester kamailio kamailio-tls-modules baresip-core sipsak stunnel4 tshark knot openssl chromium sngrep

interop: $(VENV)/.has-test ## calls with sipp, Kamailio, baresip, sipsak ..., which it installs on Debian if root
	@$(if $(PROGRAMS),tests/interop/install $(PROGRAMS))
	$(BIN)/python -m pytest tests/interop -o python_files='interop_*.py' $(ARGS)

check: format-check lint types imports coverage ## all that must hold: format, lint, types, imports, coverage

bench: $(VENV)/.has-dev ## what things cost, beside a baseline measured in the same run
	$(BIN)/python -m pytest tests/bench -o python_files='bench_*.py' \
		--benchmark-columns=min,median,stddev --benchmark-sort=name --benchmark-min-time=0.001 $(ARGS)

compare: $(COMPARED)/.has-libraries ## sansip beside other parsers; ARGS=--markdown puts the figures into docs/
	PYTHONPATH=.:tests/support $(COMPARED)/bin/python tests/bench/compare/run.py $(ARGS)

format: $(VENV)/.has-dev ## format the code, and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix-only

# Each target for so many seconds, or so many runs if these are given; so many targets at a time.
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?=
FUZZ_JOBS ?=
FUZZ = $(if $(FUZZ_RUNS),--runs $(FUZZ_RUNS),--seconds $(FUZZ_SECONDS)) $(if $(FUZZ_JOBS),--jobs $(FUZZ_JOBS))

fuzz: $(VENV)/.has-fuzz ## coverage-guided fuzzing; FUZZ_SECONDS=3600 or FUZZ_RUNS=10000000, each target
	$(BIN)/python tests/fuzz/fuzz.py $(FUZZ) $(ARGS)

SOAK_SECONDS ?= 3600

soak: $(VENV)/.has-test ## the example proxy under mixed load; SOAK_SECONDS=120 instead of an hour
	$(BIN)/python tests/soak/soak.py --seconds $(SOAK_SECONDS) $(ARGS)

mutants: $(VENV)/.has-test ## bugs planted in copies of the core are all found; ARGS="--only late-200-lost"
	$(BIN)/python tests/mutants/mutants.py $(ARGS)

golden: $(VENV)/.has-test ## write the stored files of golden tests anew; then read the diff
	$(BIN)/python -m pytest -m golden --regenerate

tables: $(VENV)/.has-test ## the same for the tables of the transaction machines alone
	$(BIN)/python -m pytest -m golden --regenerate tests/tables

journals: $(VENV)/.has-test ## record the journals of tests/journals anew; takes a minute, on Linux
	$(BIN)/python tests/journals/record.py $(ARGS)

clean: ## remove everything that make makes
	rm -rf $(VENV) $(COMPARED) dist .fuzz .coverage .benchmarks .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The parts of check

format-check: $(VENV)/.has-dev
	$(BIN)/ruff format --check

lint: $(VENV)/.has-dev
	$(BIN)/ruff check

types: export PATH := $(CURDIR)/$(BIN):$(PATH)
types: $(VENV)/.has-dev
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/pyright --verifytypes sansip --ignoreexternal

imports: $(VENV)/.has-dev
	$(BIN)/lint-imports --no-logo

# One run, then questions: is all of the core covered, is each of its packages covered by its own
# tests (what runs while tests are collected, such as class bodies, counts for all), and what of the
# adapters? The benchmarks run too, once and untimed, so that they keep working.
coverage: $(VENV)/.has-dev
	$(BIN)/python -m pytest --cov --cov-context=test --cov-report=
	$(BIN)/coverage report --include='sansip/*' --fail-under=100
	@set -e; for package in sansip/*/; do package=$$(basename "$$package"); \
		test -f "sansip/$$package/__init__.py" || continue; echo "sansip/$$package by tests/$$package:"; \
		$(BIN)/coverage report --include="sansip/$$package/*" --fail-under=100 \
			--contexts="^tests/$$package/,^$$"; done
	$(BIN)/coverage report --include='adapters/*' --fail-under=95
	$(BIN)/python -m pytest -q tests/bench -o python_files='bench_*.py' --benchmark-disable

# The environment, in steps: the demo shall not wait for the tools of those who work on the code.

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -e

$(VENV)/.has-trio: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[trio]'
	@touch $@

$(VENV)/.has-test: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[trio,asyncio,test]'
	@touch $@ $(VENV)/.has-trio

$(VENV)/.has-dev: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[trio,asyncio,test,dev]'
	@touch $@ $(VENV)/.has-trio $(VENV)/.has-test

# atheris has wheels for Linux on x86-64 alone; fuzz.py says so where it is missing.
$(VENV)/.has-fuzz: pyproject.toml | $(BIN)/python
	$(INSTALL) '.[trio,asyncio,test,fuzz]' --only-binary atheris || $(INSTALL) '.[trio,asyncio,test]'
	@touch $@ $(VENV)/.has-trio $(VENV)/.has-test

# The libraries that are only compared with have an environment of their own. One that does not
# install is left out.
$(COMPARED)/.has-libraries: tests/bench/compare/requirements.txt | $(BIN)/python
	$(BIN)/python -m venv $(COMPARED)
	@grep -v '^#' $< | while read -r library; do \
		$(COMPARED)/bin/python -m pip install --quiet --disable-pip-version-check "$$library" \
		|| echo "$$library is left out" >&2; done
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "sansip needs Python 3.11 or later: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "sansip needs Python 3.11 or later; $(PYTHON) is not" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) lacks venv; on Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
