# Switchboard on one machine. `make help` lists the commands.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.8
# Relative paths only: the checkout may lie in a folder with a space in its name.
PYTHON := .venv/bin/python
UV := .tools/bin/uv
READY := .venv/.made-from
LOCKED := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet
PACKAGES = $(wildcard contract engine workflows activities agents api bridge store sandbox cli settings_table deploy worker_main.py bridge_worker.py)

# Debian's names. Chromium is for tests/e2e/test_browser.py, PostgreSQL for the tests of store and API on it,
# docker-compose (which needs no Docker engine to check a file) for tests/deploy, nodejs and npm for
# tests/e2e/test_client_examples.py, sip-tester (SIPp) and baresip (a SIP phone) judge the bridge in tests/bridge;
# only an unusually bare machine lacks the others.
SYSTEM_PACKAGES := baresip ca-certificates chromium docker-compose nodejs npm postgresql python3-venv sip-tester util-linux

# A Python of the user's own choice would shadow the environment's.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# Prints the first Python that is new enough; the lock is resolved for 3.11 and later.
find-python = for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& { command -v "$$python"; exit; }; done; \
	echo "Python 3.11 or newer is missing: install it (Debian 12: apt-get install python3 python3-venv)." >&2; exit 1

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: env ## One spoken call, with the worker killed in its middle (DEMO_EXIT=1: end by itself)
	@exec $(PYTHON) -m sandbox.demo

.PHONY: test
test: env ## Everything, on free ports and folders of its own, beside a running demo
	@$(PYTHON) -m tests $(ARGS)

.PHONY: test-fast
test-fast: env ## In a minute: what needs no server, no other process and no waiting
	@$(PYTHON) -m pytest -m "not stack and not slow" --numprocesses auto $(ARGS)

.PHONY: up
up: env ## Start every part in the background; returns when all are ready
	@exec $(PYTHON) -m sandbox.stack up $(ARGS)

.PHONY: down
down: env ## End what `make up` started
	@exec $(PYTHON) -m sandbox.stack down $(ARGS)

.PHONY: status
status: env ## Which parts run
	@exec $(PYTHON) -m sandbox.stack status $(ARGS)

.PHONY: logs
logs: env ## The end of every log (ARGS="worker --follow" for one, as it grows)
	@exec $(PYTHON) -m sandbox.stack logs $(ARGS)

.PHONY: bench
bench: env ## Measure the budgets and write docs/benchmarks.md
	@exec $(PYTHON) -m tests.bench $(ARGS)

.PHONY: check
check: env ## Style, types (strict) and import rules
	@failed=0; \
	$(PYTHON) -m ruff check . || failed=1; \
	$(PYTHON) -m ruff format --check . || failed=1; \
	$(PYTHON) -m mypy $(PACKAGES) || failed=1; \
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' || failed=1; \
	exit $$failed

.PHONY: fix
fix: env ## Mend what the checkers can mend by themselves
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

.PHONY: settings-table
settings-table: env ## Write docs/settings.md anew from the settings classes
	@$(PYTHON) -m settings_table

.PHONY: lock
lock: $(UV) ## Resolve pyproject.toml anew into requirements.lock and requirements.prod.lock
	@$(UV) pip compile pyproject.toml --group dev $(LOCKED) -o requirements.lock
	@$(UV) pip compile pyproject.toml --constraint requirements.lock $(LOCKED) -o requirements.prod.lock

# A program of a package's name will do: Debian's npm cannot be beside a nodejs from elsewhere, which has its own.
.PHONY: system-packages
system-packages: ## Debian packages that some tests need (as root)
	@missing=(); for package in $(SYSTEM_PACKAGES); do \
		dpkg -s "$$package" >/dev/null 2>&1 || command -v "$$package" >/dev/null || missing+=("$$package"); done; \
	if [ $${#missing[@]} -eq 0 ]; then echo "Every system package is installed."; \
	elif [ "$$(id -u)" -ne 0 ]; then \
		echo "As root: apt-get install $${missing[*]}" >&2; exit 1; \
	else apt-get update -qq && apt-get install -y -qq --no-install-recommends "$${missing[@]}"; fi

.PHONY: env
env: $(READY)

$(READY): requirements.lock $(UV)
	@echo "Making the environment in .venv ..." >&2
	@[ -x $(PYTHON) ] || { python="$$($(find-python))"; \
		$(UV) venv --quiet --no-python-downloads --python "$$python" .venv; }
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(PYTHON) requirements.lock
	@touch $(READY)

$(UV):
	@python="$$($(find-python))"; "$$python" -m venv .tools >/dev/null \
		|| { echo "Python cannot make a virtual environment: install python3-venv (apt-get install python3-venv)." >&2; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
		|| { echo "uv $(UV_VERSION) could not be installed: see to the way to the package index (pip config, proxy)." >&2; rm -rf .tools; exit 1; }
