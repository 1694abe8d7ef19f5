# Two commands do everything: `make plan` and `make test`. Both make .venv when it is missing or out of date.

# The first Python from 3.11 to 3.13 that can make a virtual environment; PYTHON=... overrides it.
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach python,python3 python3.13 python3.12 python3.11,$(shell $(python) -c '$(SUITABLE)' 2>/dev/null && echo $(python))))

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One thread a process: two test processes with two threads each only wait for one another. What is compiled is kept, for
# the hundreds of processes that tests start.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# How long a newcomer has to wait, on two cores that do nothing else.
TEST_MINUTES := 7
SLOW_MINUTES := 13
COVERAGE_MINUTES := 10

.PHONY: plan serve test test-slow coverage mutants fuzz kills check hooks audit bench mornings evidence peers schemas api reference screenshots notebook notebooks wheel wheel-smoke lock clean

plan: .venv/ready  ## the main job on the embedded default, and a picture of it in plan.png
	@$(BIN)/salvocast plan --plot plan.png
	@echo "picture: plan.png"

serve: .venv/ready  ## the planner's page and the HTTP API on http://127.0.0.1:8000
	@$(BIN)/salvocast serve

test: check  ## all of check, and all tests but the slow ones
	@echo "the tests take about $(TEST_MINUTES) minutes on two cores; one file: .venv/bin/python -m pytest -q tests/FILE"
	$(PYTEST) -m "not slow"

test-slow: .venv/ready-for-tests  ## the tests that need real servers, browsers or kills, install things or take long
	@echo "the slow tests take about $(SLOW_MINUTES) minutes on two cores"
	$(PYTEST) -m slow

# Counting takes half as long again: not of the slow tests, which hardly run a branch that the others leave out.
coverage: check  ## check and all tests but the slow ones; fails below 90 % of the branches that they run
	@echo "the tests, with their branches counted, take about $(COVERAGE_MINUTES) minutes on two cores"
	@rm -rf build/coverage && mkdir -p build/coverage
	COVERAGE_FILE=build/coverage/data $(PYTEST:$(BIN)/python%=$(BIN)/coverage run%) -m "not slow"
	@COVERAGE_FILE=build/coverage/data $(BIN)/coverage combine --quiet
	COVERAGE_FILE=build/coverage/data $(BIN)/coverage report

# A copy, because mutmut leaves its mutants beside the code.
mutants: .venv/ready-for-mutants  ## how many small faults in the modules that everything rests on the tests notice (some four minutes)
	@rm -rf build/mutation && mkdir -p build/mutation && cp -r features forecasting experiments tests pyproject.toml README.md build/mutation
	cd build/mutation && OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 ../../$(BIN)/mutmut run --max-children 2
	@$(BIN)/python -m tests.mutation_score build/mutation/mutants

fuzz: .venv/ready-for-fuzz .venv/ready-for-tests  ## a million inputs to the readers, thousands to the API (some twenty minutes; Linux on x86-64)
	$(BIN)/python tests/fuzz/fuzz_readers.py --runs 1000000
	SALVOCAST_CASES=2400 $(BIN)/python -m pytest -q tests/forecasting/service/api/test_fuzz.py

kills: .venv/ready-for-tests  ## MLflow's server and PostgreSQL killed at 20 moments of a retraining each, the retraining at 50, and databases without room (some 25 minutes)
	SALVOCAST_KILLS=20 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -s tests/experiments/test_server_kills.py
	SALVOCAST_KILLS=50 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/experiments/test_retrain_kills.py

check: .venv/ready-for-tests  ## lint, format, types, dead code, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture
	$(BIN)/deptry .

hooks: .venv/ready-for-tests  ## git runs check before each commit
	$(BIN)/pre-commit install

audit: .venv-audit/ready  ## asks for known vulnerabilities of the packages in requirements.txt, and says where it got no answer
	@mkdir -p build && rm -f build/audit.json
	@.venv-audit/bin/pip-audit --progress-spinner off --timeout 10 --disable-pip -r requirements.txt -f json -o build/audit.json 2>build/audit.log || true
	@.venv-audit/bin/python -m tests.audit_result build/audit.json

bench: .venv/ready-for-tests  ## how long everything takes that has an aim, and the steps of a plan and of a scenario, as ratios to fixed work of the same run (some ten minutes)
	$(BIN)/python -m experiments.benchmarks.speed
	$(BIN)/python experiments/benchmarks/plan_steps.py
	$(BIN)/python experiments/benchmarks/supply.py

mornings: .venv/ready  ## a year of mornings retrained one by one, with a fake clock (some twenty minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m experiments.benchmarks.mornings

evidence: .venv/ready  ## the tables of experiments/benchmarks/README.md and the model card: window by window with the targets missed, all models, scenarios (some ten minutes)
	$(BIN)/python experiments/benchmarks/salvo_models.py
	$(BIN)/python experiments/benchmarks/windows.py
	$(BIN)/python experiments/benchmarks/raid_nights.py
	$(BIN)/salvocast backtest --scenario-policy as-published

peers: .venv/ready .venv-peers/ready  ## public tools on the same folds as our models (some fifteen minutes)
	$(BIN)/python experiments/benchmarks/peers/export.py build/peers
	OMP_NUM_THREADS=1 .venv-peers/bin/python experiments/benchmarks/peers/forecast.py build/peers
	$(BIN)/python experiments/benchmarks/peers/score.py build/peers

screenshots: .venv/ready-for-tests  ## the pictures of the page in the documents, by Debian's chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.forecasting.service.page.screenshots .readme

notebook: .venv/ready-for-notebooks  ## opens the notebooks in JupyterLab, on the store of this machine or the one in MLFLOW_TRACKING_URI
	$(BIN)/jupyter lab experiments/notebooks

notebooks: .venv/ready-for-tests  ## runs the notebooks and writes them anew with their output (some four minutes)
	$(BIN)/python experiments/notebooks/build.py

reference: .venv/ready-for-reference  ## the reference of the public API from its docstrings, in build/reference
	$(BIN)/python -m tests.reference build/reference

schemas: .venv/ready  ## writes the published JSON Schemas after a change of the documents
	$(BIN)/python -c 'from pathlib import Path; from forecasting.report.schema import SCHEMAS, current_schema; [Path(f"forecasting/report/{name}.schema.json").write_text(current_schema(name), encoding="utf-8") for name in SCHEMAS]'

api: .venv/ready-for-tests  ## writes tests/public_api.txt after a change of the public API that is meant
	$(BIN)/python -m tests.public_api

# Of the last commit, with its time and with the usual rights, so that anybody gets the same bytes.
wheel: .venv/ready  ## the wheel of the last commit in dist/
	@rm -rf build/wheel && mkdir -p build/wheel
	@umask 022 && git archive HEAD | tar -x -C build/wheel
	umask 022 && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PIP) wheel build/wheel --no-deps --no-build-isolation --no-index --wheel-dir dist
	@sha256sum dist/*.whl

wheel-smoke: wheel  ## the wheel in clean environments of each supported Python that is here, kept in ~/.cache (the first time some minutes)
	$(BIN)/python -m tests.wheel_smoke dist/salvocast-*.whl

lock: .venv/ready-for-tests  ## resolves the requirements; UPGRADE=1 takes the newest of everything; the files name no index
	$(BIN)/python -m uv pip compile pyproject.toml --group build -o requirements.txt $(LOCK)
	$(BIN)/python -m uv pip compile pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group notebooks -c requirements-dev.txt -o requirements-notebooks.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group reference -c requirements-dev.txt -o requirements-reference.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group peers -o requirements-peers.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group fuzz -o requirements-fuzz.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group mutants -c requirements-dev.txt -o requirements-mutants.txt $(LOCK)
	$(BIN)/python -m uv pip compile --group audit -o requirements-audit.txt $(LOCK)
LOCK := $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

clean:
	rm -rf .venv .venv-peers .venv-audit build dist *.egg-info plan.png

.venv/python:
	@test -n "$(PYTHON)" || { echo "salvocast needs Python 3.11, 3.12 or 3.13 with venv: install one, or name it: make plan PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

# Installed without looking anything up: every package and hash is in the requirements, Salvocast itself is the checkout.
.venv/ready: requirements.txt pyproject.toml | .venv/python
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q features forecasting experiments  # as pip does with what it installs itself
	@touch $@

.venv/ready-for-tests: requirements-dev.txt .venv/ready
	$(PIP) install --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

.venv/ready-for-notebooks: requirements-notebooks.txt .venv/ready
	$(PIP) install --require-hashes -r requirements-notebooks.txt
	@touch $@

.venv/ready-for-reference: requirements-reference.txt .venv/ready
	$(PIP) install --require-hashes -r requirements-reference.txt
	@touch $@

.venv/ready-for-mutants: requirements-mutants.txt .venv/ready-for-tests
	$(PIP) install --require-hashes -r requirements-mutants.txt
	@touch $@

.venv/ready-for-fuzz: requirements-fuzz.txt .venv/ready-for-tests
	$(PIP) install --require-hashes -r requirements-fuzz.txt
	@touch $@

# The public tools need pandas below 3, so they live apart.
.venv-peers/ready: requirements-peers.txt | .venv/python
	$(BIN)/python -m venv .venv-peers
	.venv-peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-peers.txt
	@touch $@

.venv-audit/ready: requirements-audit.txt | .venv/python
	$(BIN)/python -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-audit.txt
	@touch $@
