# Two commands do everything: `make plan` and `make test`. Both make .venv when it is missing or out of date.

# The first Python from 3.11 to 3.13 that can make a virtual environment; PYTHON=... overrides it.
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach python,python3 python3.13 python3.12 python3.11,$(shell $(python) -c '$(SUITABLE)' 2>/dev/null && echo $(python))))

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One thread a process: two test processes with two threads each only wait for one another.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal


.PHONY: plan test test-slow check bench evidence schemas lock clean

plan: .venv/ready  ## the main job on the embedded default, and a picture of it in plan.png
	@$(BIN)/salvocast plan --plot plan.png
	@echo "picture: plan.png"

test: check  ## lint, format, types, and all tests but the slow ones
	$(PYTEST) -m "not slow"

test-slow: .venv/ready-for-tests  ## the tests that install things or take long
	$(BIN)/python -m pytest -m slow

check: .venv/ready-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready  ## how long the steps of a plan take, as ratios to one import of NumPy
	$(BIN)/python experiments/benchmarks/plan_steps.py

evidence: .venv/ready  ## the tables of the README on the salvo models (some ten minutes)
	$(BIN)/python experiments/benchmarks/salvo_models.py

schemas: .venv/ready  ## writes the published JSON Schemas after a change of the documents
	$(BIN)/python -c 'from pathlib import Path; from forecasting.report.schema import SCHEMAS, current_schema; [Path(f"forecasting/report/{name}.schema.json").write_text(current_schema(name), encoding="utf-8") for name in SCHEMAS]'

lock: .venv/ready-for-tests  ## resolves the requirements anew; the files name no package index
	$(BIN)/python -m uv pip compile pyproject.toml --group build -o requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt $(LOCK)
LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet

clean:
	rm -rf .venv build dist *.egg-info plan.png

.venv/python:
	@test -n "$(PYTHON)" || { echo "salvocast needs Python 3.11, 3.12 or 3.13 with venv: install one, or name it: make plan PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

# Installed without looking anything up: every package and hash is in the requirements, Salvocast itself is the checkout.
.venv/ready: requirements.txt pyproject.toml | .venv/python
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-for-tests: requirements-dev.txt .venv/ready
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
