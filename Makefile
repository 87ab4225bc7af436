# Everything runs in .venv, which these targets make themselves from hashed requirements.
# Nothing but Python 3.11+, git and make is expected to be there.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
SCAN ?=

.PHONY: demo test check bench real lint types layers docs requirements clean

demo: .venv/.read  ## install what reading needs and do the main job (SCAN=folder reads your own)
	@$(BIN)/bregma demo --out demo $(if $(SCAN),--scan "$(SCAN)")

test: .venv/.dev  ## install what development needs and pass every check and test
	@$(MAKE) --no-print-directory lint types layers
	@rm -f .coverage .coverage.*
	$(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report= tests
	$(BIN)/coverage report

check: test  ## the same, by its other name

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.dev
	$(BIN)/mypy

layers: .venv/.dev
	$(BIN)/lint-imports

bench: .venv/.dev  ## every speed we claim, as a ratio to a named peer in the same run
	$(BIN)/python -m benchmarks

real: .venv/.read  ## the bundled model on the real scans beside the checkout
	$(BIN)/python -m research.real

requirements: .venv/.uv  ## pin the newest versions that pyproject.toml allows
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 \
	    pyproject.toml -o requirements/read.txt
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 \
	    --extra train --extra dev -c requirements/read.txt pyproject.toml -o requirements/dev.txt

.venv/.uv: requirements/uv.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/.read: .venv/.uv requirements/read.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/read.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.read requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

clean:  ## remove the environment and what the targets made
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*
