# `make` lists the targets. The environment is made by the first target that needs it.
.DEFAULT_GOAL := help
.PHONY: help install dft demo test lint bench clean
export PYTHON

BIN := .venv/bin
DEMO := runs/si-ge

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: .venv/.installed ## the environment in .venv, as requirements.txt pins it

# Depends on what pins it alone, so that a changed source file installs nothing
.venv/.installed: pyproject.toml requirements.txt
	@.ci/install

dft: .venv/.installed-dft ## GPAW and its data sets, for `discover anchor` (compiles for some minutes)

.venv/.installed-dft: .venv/.installed requirements-dft.txt
	@.ci/install-dft

demo: .venv/.installed ## search Si-Ge and write its report; goes on where it was stopped
	$(BIN)/discover run campaigns/si-ge.yaml --out $(DEMO) $(if $(wildcard $(DEMO)/campaign.yaml),--resume)

test: .venv/.installed ## all tests but the slow ones, two at a time; PYTEST_ARGS="-k hull" chooses
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: .venv/.installed ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: .venv/.installed ## NAME=relaxation: a measured comparison of campaigns/benchmarks
	@test -f "campaigns/benchmarks/$(NAME)/run.py" || { echo "bench: no campaigns/benchmarks/$(NAME)/run.py; \
	give one of: $(notdir $(patsubst %/run.py,%,$(wildcard campaigns/benchmarks/*/run.py))), as in make bench NAME=..." >&2; exit 2; }
	$(BIN)/python "campaigns/benchmarks/$(NAME)/run.py"

clean: ## caches and build products; keeps .venv and runs
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
