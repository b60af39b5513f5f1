.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
SCENARIO ?= happy
SUMMARY ?=
YES ?=

.PHONY: help demo test check bench lock schema clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 20

demo: .venv/runtime ## From a push to an approved rollout in the sandbox; SCENARIO=happy|broken-tests|bad-release|rejected|unhealthy-staging|canary|two-approvers|pull-request|freeze|superseded|pull-request-mode, YES=1, SUMMARY=file.json
	@$(BIN)/tidegate demo --scenario $(SCENARIO) $(if $(SUMMARY),--summary $(SUMMARY)) $(if $(YES),--yes)

test: .venv/dev ## All tests; those with Docker and Chromium where these are there
	@$(BIN)/python -m pytest

check: .venv/dev ## Lint, types, and the configuration
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/tidegate check

bench: .venv/dev ## The figures of tests/benchmarks
	@$(BIN)/python -m pytest -m benchmark -s tests/benchmarks

lock: .venv/dev ## Write the pinned requirements anew from pyproject.toml
	@$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile $(LOCK) -c requirements.txt --extra dev pyproject.toml -o requirements-dev.txt
LOCK := -q --group build --python-version 3.11 --universal --no-strip-extras --generate-hashes --no-annotate --no-header

schema: .venv/runtime ## Write the JSON Schemas of the configuration files anew
	@$(BIN)/tidegate schema > deployments/delivery.schema.json
	@$(BIN)/tidegate schema --waivers > deployments/waivers.schema.json

clean: ## Remove the virtual environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis

# Everything is pinned and resolved, so pip has nothing to resolve again: --no-deps.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tidegate needs Python 3.11 or newer; set PYTHON=python3.12, say")'
	@$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing the pinned requirements into .venv (once, a minute or so) ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	@echo "Installing what the tests need into .venv ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@
