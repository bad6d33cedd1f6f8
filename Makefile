# `make report` and `make test` do all the set-up themselves; they need Python 3.12 to 3.14 (or uv).

BIN := .venv/bin

# Two processes; the tests of a file share what they fitted, so they stay together.
WORKERS := -n 2 --dist loadfile

NOTEBOOKS := $(wildcard notebooks/[0-9]*.py)

# Without a budget the report looks 100 times beyond the largest run.
REPORT_ARGS ?= nano-lm --best

# Packages are installed without byte code, which is then written where they are first imported.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help report test test-slow test-oldest bench mutate licences notebooks ipynb docs lint format setup \
    setup-dev setup-docs setup-train lock clean

help:
	@echo "make report     fit the shipped sweep and write report.html (trains nothing)"
	@echo "make test       run the fast tests"
	@echo "make test-slow  run the slow tests"
	@echo "make test-oldest  run the fast tests with the oldest versions allowed"
	@echo "make bench      measure what answers cost (minutes)"
	@echo "make mutate     see that the fast tests notice changes of the statistical core (minutes)"
	@echo "make licences   list the licences of what is installed"
	@echo "make notebooks  run every notebook, with few draws"
	@echo "make ipynb      write every notebook as .ipynb, run in full"
	@echo "make docs       write the API reference and the notebooks as pages: build/docs"
	@echo "make lint       check style and types"
	@echo "make format     put imports and layout in order"
	@echo "make lock       pin the newest allowed versions"

report: setup
	$(BIN)/bayes-scaling report $(REPORT_ARGS) -o report.html

test: setup
	$(BIN)/python -m pytest $(WORKERS)

# From here on jax is there, so the fast tests of the trainer, skipped without it, run as well.
test-slow: setup-train
	$(BIN)/python -m pytest $(WORKERS) -m slow
	$(BIN)/python -m pytest tests/datasets

test-oldest:
	.ci/oldest

# The public tables are found by BAYES_SCALING_PUBLIC_DATA.
bench: setup
	$(BIN)/python -m tests.studies.speed
	$(BIN)/python -m tests.studies.sampling_speed

mutate: setup
	$(BIN)/python -m tests.studies.mutate

licences: setup
	$(BIN)/python -m tests.studies.licences

# Two at a time; what one prints is shown where it fails.
notebooks: setup
	@mkdir -p build/notebooks
	@printf '%s\n' $(NOTEBOOKS) | MPLBACKEND=Agg BAYES_SCALING_DRAWS=400 xargs -P 2 -I {} sh -c ' \
	    began=$$(date +%s); log=build/$$(dirname {})/$$(basename {} .py).log; \
	    $(BIN)/python {} >"$$log" 2>&1 || { cat "$$log"; exit 255; }; \
	    echo "{}: $$(($$(date +%s) - began)) s"'

ipynb: setup-docs
	$(BIN)/python .ci/ipynb.py $(NOTEBOOKS)

docs: setup-docs
	$(BIN)/python .ci/docs.py build/docs

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

setup-docs:
	@.ci/setup requirements-docs.lock

# For `bayes-scaling train-sweep` and `train-run`.
setup-train:
	@.ci/setup requirements-train.lock

# The lock files name versions and no place to fetch them from. Each of the further ones lists only
# what it adds.
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
	build/lock/bin/pip install -q '.[docs]'
	build/lock/bin/pip freeze --exclude bayes-scaling | grep -vxF -f requirements.lock \
	    -f requirements-dev.lock -f requirements-train.lock > requirements-docs.lock
	rm -rf build/lock

clean:
	rm -rf .venv .venv-oldest build dist .pytest_cache .mypy_cache .ruff_cache report.html
