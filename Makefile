# Everything works in .venv at the root, and does nothing that is already done.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo
export OMP_NUM_THREADS ?= 2
# Not a warning about us: mkdocs-material speaks of a successor of MkDocs.
export NO_MKDOCS_2_WARNING := 1

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help setup demo test lint fix docs bench clean

help: ## Show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

setup: $(READY) ## Make .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "MIAP needs Python 3.11 or newer; install it or run: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes the first time) …"
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

demo: setup ## Make a synthetic study, analyse it, show what was found and where the report is
	@test -d $(DEMO)/study || { rm -rf $(DEMO)/study.partial && $(BIN)/miap phantom thigh --output $(DEMO)/study.partial \
		&& mv $(DEMO)/study.partial $(DEMO)/study; }
	@$(BIN)/miap analyze $(DEMO)/study --output $(DEMO)/result --overwrite
	@echo "Picture: $(DEMO)/result/overview.png"

test: setup lint ## Check style, types and floors, then run every test that needs no GPU, with coverage
	@scripts/system-packages
	@rm -f .coverage .coverage.*
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not gpu" --cov --cov-report=term --junitxml=.pytest_cache/results.xml

lint: setup ## Check style, types, floors and dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

fix: setup ## Mend what ruff can mend, the traceability page and the conformance statement
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python scripts/traceability.py
	$(BIN)/python scripts/conformance.py

docs: setup ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: setup ## Run the benchmarks
	$(BIN)/python -m benchmarks.bench_segment
	$(BIN)/python -m benchmarks.bench_seg_write
	$(BIN)/python -m benchmarks.bench_cli

clean: ## Remove everything that can be made again, .venv included
	rm -rf $(VENV) $(DEMO) site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
