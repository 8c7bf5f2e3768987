# Run `make help` for what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
BIN := .venv/bin
# What each says comes whole, where make can do that (from 4.0 on).
SIDE_BY_SIDE := -j 6 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Else each process of the tests compiles pycall and rewrites the assertions of all tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check lab soak lint lint-code lint-types lint-imports lint-page audit units most format clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/installed  ## install into .venv and show a whole call on this machine
	@$(BIN)/pycall demo

test: .venv/installed-dev  ## all checks and all tests (as root on Debian: installs what they need)
	@.ci/debian
	@$(MAKE) $(SIDE_BY_SIDE) lint most
	@$(BIN)/pytest -m "integration and not parallel"

check: .venv/installed-dev  ## format, lint, types, imports, advisories and unit tests, under a minute
	@$(MAKE) $(SIDE_BY_SIDE) units lint audit

lab: .venv/installed-dev  ## calls in bad networks (as root, over two hours): the tables of docs/networks.md and docs/quality.md
	@.ci/debian
	@failed=0; $(BIN)/python -m tests.netlab.lab || failed=1; \
	$(BIN)/python benchmarks/bad_network.py --json build/bad_network.jsonl --plot build/bad_network.svg || failed=1; \
	exit $$failed

soak: .venv/installed-dev  ## a call of half an hour with losses and drifting clocks (as root): what does not stay level
	@.ci/debian
	@$(BIN)/python -m tests.netlab.soak

lint: lint-types lint-code lint-imports lint-page

lint-code:
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

lint-types:
	@$(BIN)/mypy

lint-imports:
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo

ifeq ($(shell command -v npm),)
lint-page:
	@echo "No npm: the page's types are not checked."
else
lint-page: tests/browser/node_modules/.installed
	@npm --prefix tests/browser run --silent check
endif

audit:
	@$(BIN)/python .ci/audit.py

units:
	@$(BIN)/pytest -q -m "not integration" -n 3 --dist worksteal

# The units, and those of the others that may run beside them.
most:
	@$(BIN)/pytest -q -m "not integration or parallel" -n 3 --dist worksteal

tests/browser/node_modules/.installed: tests/browser/package-lock.json
	@npm --prefix tests/browser ci --ignore-scripts --silent
	@touch $@

format: .venv/installed-dev  ## let ruff format the code and repair what it can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix .

clean:  ## remove .venv and everything else that was made here, but not recordings
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find . -name node_modules -type d -prune -exec rm -rf {} +

# The stamps are newer than pyproject.toml once its dependencies are installed.
.venv/installed: pyproject.toml
	@.ci/venv
	@touch $@

.venv/installed-dev: pyproject.toml
	@.ci/venv dev
	@touch .venv/installed $@
