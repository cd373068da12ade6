# Two commands matter: `make demo` and `make test`. Both set up .venv by themselves and can be repeated.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP  := $(VENV)/.installed-

.PHONY: help demo test lint bench clean

help:
	@echo "make demo   set up, generate 24 samples with the embedded model, export them, write a report"
	@echo "make test   set up, run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make bench  what measures speed and memory"
	@echo "make clean  remove .venv and build leftovers (runs/ stays)"

$(STAMP)local: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("synth needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing synth into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable '.[local]'
	@touch $@

$(STAMP)dev: $(STAMP)local
	@$(PIP) install --constraint constraints.txt --editable '.[local,dev]'
	@touch $@

DEMO ?= runs/demo
demo: $(STAMP)local
	$(BIN)/synth generate --ability abnormal --n 24 --out $(DEMO)
	$(BIN)/synth export $(DEMO) --format llava --out $(DEMO)-llava --allow-preview
	$(BIN)/synth report $(DEMO)
	@echo
	@echo "Look at: $(DEMO)/report.html"
	@echo "Data set: $(DEMO)/dataset.jsonl, for LLaVA: $(DEMO)-llava"

test: $(STAMP)dev
	@$(BIN)/synth models fetch smollm2-135m
	$(BIN)/python -m pytest

# mypy reads the package as it is installed, so that the folders mapped to synth.* are really there.
lint: $(STAMP)dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf build/installed && $(PIP) install --no-deps --no-build-isolation --target build/installed .
	cd build/installed && ../../$(BIN)/mypy --config-file ../../pyproject.toml --python-executable ../../$(BIN)/python -p synth

bench: $(STAMP)dev
	$(BIN)/python benchmarks/help.py
	$(BIN)/python benchmarks/repetition.py
	$(BIN)/python benchmarks/preview.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/flow.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
