# `make demo` draws pictures from prompts; `make test` runs every check. Both make the environment that they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
ROOMS := state registry engine guiders blocks presets app modular_pipelines
export HF_HUB_OFFLINE = 1
export OMP_NUM_THREADS ?= 2

.PHONY: demo test check clean

demo: $(VENV)/.installed
	$(BIN)/python -m brickwork.app.demo

test: $(VENV)/.installed-dev
	$(MAKE) check

check: build/typing/brickwork
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy $(addprefix -p brickwork.,$(ROOMS))
	$(BIN)/python -m pytest -c tests/pytest.ini tests -q -n 2

# torch comes first and alone, in the tested version: a looser range can pull gigabytes of GPU packages.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(shell grep '^torch==' constraints.txt)
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	touch $@

# Type checkers find the package under its name through this link, because the repository's root is the package.
build/typing/brickwork:
	mkdir -p build/typing
	ln -sfn ../.. $@

clean:
	rm -rf $(VENV) build outputs *.egg-info
