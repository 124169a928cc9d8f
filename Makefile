# Every job of this project is a target here; CI calls the same ones. `make` alone lists them.

SHELL := /bin/bash
PORT ?= 8800
WORKERS ?= 3
EXAMPLES ?= 10000
MUTANTS ?= 1000000
LOG_KILLS ?= 500
SECONDS_AT_MOST ?= 14400
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The newest of the Pythons that will do; 3.11 is what the lock was made with.
PYTHON := $(shell for name in python3.11 python3 python; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$name; break; }; done)

.NOTPARALLEL:
.PHONY: help run install tools test lint types imports unit conformance faults trust large log fuzz mutants engines wheel lock bench clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

run: $(STAMP) ## Install what is needed, tell the story once, and leave a sandbox hub serving (PORT=8800)
	$(BIN)/congvan demo
	@echo "Now a sandbox hub at port $(PORT). In another terminal, for example:"
	@echo "  $(BIN)/congvan inbox --as 000.00.12.H56"
	exec $(BIN)/congvan sandbox --dir .sandbox/hub --port $(PORT) --ready-file .sandbox/ready.json

install: $(STAMP) ## Make the virtual environment from the lock file
$(STAMP): requirements.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and there is none here"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "This Python has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

tools: ## Install what the tests compare with: xmlsec1, a JDK, openssl, a soft HSM and poppler
	@missing=""; \
	want() { command -v $$1 >/dev/null || missing="$$missing $$2"; }; \
	want xmlsec1 xmlsec1; want javac openjdk-17-jdk-headless; want openssl openssl; \
	want softhsm2-util softhsm2; want pdfsig poppler-utils; \
	test -z "$$missing" && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi; \
	for tool in xmlsec1 javac openssl softhsm2-util pdfsig; do command -v $$tool >/dev/null || \
		echo "NOTE: $$tool is missing and cannot be installed here; its test cases will be reported as left out"; done

test: $(STAMP) tools lint types imports wheel ## Check everything: style, types, imports, the built wheel, and all tests
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(STAMP) ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Check types
	$(BIN)/mypy

imports: $(STAMP) ## Check that the rooms look in one direction
	$(BIN)/lint-imports

unit: $(STAMP) ## Run the unit and contract tests
	$(BIN)/python -m pytest tests/unit tests/contract

conformance: $(STAMP) tools ## Run the vectors, the samples and the comparison with other engines
	$(BIN)/python -m pytest tests/conformance

faults: $(STAMP) ## Kill the hub after every step and in the middle of traffic
	$(BIN)/python -m pytest tests/faults

fuzz: $(STAMP) ## Try ten thousand messages, mutations and requests (EXAMPLES=10000)
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 tests/fuzz

mutants: $(STAMP) ## Try a million mutants of signed letters and print what became of them (MUTANTS=1000000, SECONDS_AT_MOST=14400)
	nice -n 15 $(BIN)/python -m tests.fuzz.million --count $(MUTANTS) --workers $(WORKERS) --seconds $(SECONDS_AT_MOST)

engines: $(STAMP) ## Compare the verifier with signxml and xmlsec on ten thousand mutants, and explain where they disagree
	nice -n 15 $(BIN)/python -m tests.fuzz.disagreements --count $(EXAMPLES)

loss: $(STAMP) ## Kill and starve the hub under load and count what is lost (2,000 letters, 20 kills)
	@command -v fiu-run >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -y -qq fiu-utils >/dev/null; } || \
		echo "NOTE: fiu-run (Debian: fiu-utils) is missing; runs with failing disks will be left out"
	$(BIN)/python -m tests.loss

trust: $(STAMP) ## Send letters while revocation servers are up, down, and down for too long (TRUST_LETTERS=1500)
	$(BIN)/python -W ignore -m tests.load

large: $(STAMP) ## Carry a file of 2 GB up and down over a line that breaks, and print what it took
	CONGVAN_LARGE_MB=2048 $(BIN)/python -m pytest tests/faults/test_uploads.py -k large_file -s --timeout 3600

log: $(STAMP) ## Kill two processes that compete for the sequencer of the log, 500 times, and look at the log (LOG_KILLS=500)
	LOG_KILLS=$(LOG_KILLS) $(BIN)/python -m pytest tests/faults/test_sequencer.py -s --timeout 3600

wheel: $(STAMP) ## Build the wheel and try it where only what it requires is installed
	rm -rf dist build
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements.lock --dest build/wheels
	$(PYTHON) -m venv build/venv
	build/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links build/wheels dist/*.whl
	cd build && venv/bin/congvan demo

lock: $(STAMP) ## Resolve the dependencies anew, with hashes
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--all-extras --generate-hashes --no-emit-index-url --no-emit-find-links setup.cfg --output-file requirements.lock

bench: $(STAMP) ## Measure against floors and other engines in one run
	$(BIN)/python -W ignore -m bench

clean: ## Remove what was made here, except the sandbox
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
