# `make report` and `make test` do all the set-up themselves; they need Python 3.12 to 3.14 (or uv).

BIN := .venv/bin

# Without a budget the report looks 100 times beyond the largest run.
REPORT_ARGS ?= nano-lm --best

# Packages are installed without byte code, which is then written where they are first imported.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help report test test-slow notebooks lint format setup setup-dev setup-train lock clean

help:
	@echo "make report     fit the shipped sweep and write report.html (trains nothing)"
	@echo "make test       run the fast tests"
	@echo "make test-slow  run the slow tests"
	@echo "make notebooks  run every notebook"
	@echo "make lint       check style and types"
	@echo "make format     put imports and layout in order"
	@echo "make lock       pin the newest allowed versions"

report: setup
	$(BIN)/bayes-scaling report $(REPORT_ARGS) -o report.html

test: setup
	$(BIN)/python -m pytest

# From here on jax is there, so the fast tests of the trainer, skipped without it, run as well.
test-slow: setup-train
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest tests/datasets

notebooks: setup
	@set -e; set -- notebooks/*.py; \
	if [ ! -e "$$1" ]; then echo "There are no notebooks."; exit 0; fi; \
	for notebook; do echo "$$notebook"; MPLBACKEND=Agg $(BIN)/python "$$notebook"; done

lint: setup-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: setup-dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

setup:
	@.ci/setup

setup-dev:
	@.ci/setup requirements-dev.lock

# For `bayes-scaling train-sweep` and `train-run`.
setup-train:
	@.ci/setup requirements-train.lock

# The lock files name versions and no place to fetch them from. Each of the two further ones lists
# only what it adds.
lock:
	rm -rf build/lock && "$$(.ci/find-python)" -m venv build/lock
	build/lock/bin/pip install -q '.[parquet,test]'
	build/lock/bin/pip freeze --exclude bayes-scaling > requirements.lock
	build/lock/bin/pip install -q '.[dev]'
	build/lock/bin/pip freeze --exclude bayes-scaling | \
	    grep -vxF -f requirements.lock > requirements-dev.lock
	build/lock/bin/pip install -q '.[train]'
	build/lock/bin/pip freeze --exclude bayes-scaling | \
	    grep -vxF -f requirements.lock -f requirements-dev.lock > requirements-train.lock
	rm -rf build/lock

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache report.html
