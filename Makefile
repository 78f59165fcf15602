# Two commands matter: `make demo` and `make test`. Both set up what they need, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
SETUP := pyproject.toml constraints.txt
PROGRAMS := chromium nginx-light dcmtk dicom3tools poppler-utils nodejs
export PYTHONNOUSERSITE := 1

.PHONY: help install demo app test check test-slow bench clean
help:
	@echo "make demo       the whole story on two synthetic hospitals"
	@echo "make test       every check: format, lint, types, imports, tests"
	@echo "make install    only set up $(VENV)"
	@echo "make check      the static checks of make test"
	@echo "make test-slow  proofs that take minutes"
	@echo "make app        look at the demo's studies in the browser"
	@echo "make bench      measure; results go to benchmarks/results"
	@echo "make clean      remove $(VENV) and runs/"

# torch comes first, with its pin: a later package must never pull in another build of it.
$(VENV)/.installed: $(SETUP)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once)"
	@$(PIP) torch
	@$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the tools of make test (once)"
	@$(PIP) --editable '.[app,dev]'
	@sh tests/programs.sh $(PROGRAMS)
	@touch $@

install: $(VENV)/.installed

demo: install
	@$(BIN)/medtransfer demo --out runs/demo $(DEMO)

app: install
	@test -d runs/demo/run/bundle || $(MAKE) demo
	@$(BIN)/medtransfer app --bundle runs/demo/run/bundle --studies runs/demo/sample_data/hillcrest/images \
		--predictions runs/demo/test --runs runs/demo

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --cov --cov-report=term-missing:skip-covered

test-slow: $(VENV)/.installed-dev
	$(BIN)/pytest -m slow

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@echo "installing what make bench compares with (once)"
	@$(PIP) --editable '.[app,dev,bench]'
	@touch $@

bench: $(VENV)/.installed-bench
	$(BIN)/python benchmarks/header_index.py
	$(BIN)/python benchmarks/decoding.py
	$(BIN)/python benchmarks/nifti.py
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/volumes.py

clean:
	rm -rf $(VENV) runs
