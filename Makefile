# `make demo` draws pictures from prompts; `make test` runs every check. Both make the environment that they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Byte code is made of what is imported, when it is: that of all files takes a minute, and most are never imported.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --constraint constraints.txt
ROOMS := state registry engine guiders families adapters blocks saving pipeline presets app modular_pipelines testing scale
export HF_HUB_OFFLINE = 1
export OMP_NUM_THREADS ?= 2

WORK ?= build/embedded-model
TRAIN = cd training && ../$(BIN)/python -m embedded_model

.PHONY: demo test check types tests docs mutate raises clean embedded-model scorer

demo: $(VENV)/.installed
	$(BIN)/python -m brickwork.app.demo

test: $(VENV)/.installed-dev
	$(MAKE) check

check: build/typing/brickwork
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --jobs=2 types tests

# Beside each other, because imports and types are checked by one process for a minute or two.
types: build/typing/brickwork
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy $(addprefix -p brickwork.,$(ROOMS))

# Each script of a test would compile the package, and where the environment forbids Python to write byte code
# (PYTHONDONTWRITEBYTECODE), each process the libraries: 13 seconds. Ours says the hash of its source, so it is never stale.
# Pytest writes the assertions of test files anew in each of its processes, 20 seconds, where none has kept them before.
tests: $(VENV)/.imported
	$(BIN)/python -m compileall -q -x '(^|/)(test_|saved_before/)' --invalidation-mode checked-hash __init__.py $(ROOMS) training tests
	$(BIN)/python -m pytest -c tests/pytest.ini tests -q -n 2

$(VENV)/.imported:
	PYTHONDONTWRITEBYTECODE= $(BIN)/python tests/support/prepared_python.py
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -c tests/pytest.ini tests -qq --collect-only >/dev/null || true
	touch $@

# The site, with a reference page for every name, in build/site/html. Dead links and unknown names are errors.
docs: $(VENV)/.installed-dev build/typing/brickwork
	$(BIN)/python docs/site/build_site.py build/site

# Puts small faults into state, registry and engine, in copies, and says which no test notices; see CONTRIBUTING.md. The
# first run measures which test runs which line: about as long as all tests, and it needs two processes.
MUTATE_SEED ?= 0
MUTATE_COUNT ?= 80
MUTATE_EXCLUDE ?=
MUTATE = cd tests && OMP_NUM_THREADS=1 ../$(BIN)/python -m mutation

mutate: $(VENV)/.installed-dev
	$(MUTATE) sample --seed $(MUTATE_SEED) --count $(MUTATE_COUNT) --exclude $(MUTATE_EXCLUDE)

raises: $(VENV)/.installed-dev
	$(MUTATE) raises

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
	rm -f $(VENV)/.imported
	touch $@

# Type checkers find the package under its name through this link, because the repository's root is the package.
build/typing/brickwork:
	mkdir -p build/typing
	ln -sfn ../.. $@

# Everything that made the embedded model, in order: two hours on two CPU cores, minutes on a GPU. Run it again after a
# stop: the long training goes on from its last checkpoint.
embedded-model: $(VENV)/.installed-dev
	$(PIP) --editable '.[training]'
	$(TRAIN).prepare --folder $(abspath $(WORK))
	test -e $(WORK)/vae || ($(TRAIN).train_vae --folder $(abspath $(WORK)))
	$(TRAIN).train --folder $(abspath $(WORK))
	$(TRAIN).classifier
	$(TRAIN).export --folder $(abspath $(WORK)) --target ../presets/embedded/model
	$(TRAIN).evaluate --model ../presets/embedded/model

# The CLIP that measures what the embedded model draws: a quarter of an hour of one core.
scorer: $(VENV)/.installed-dev
	$(TRAIN).train_scorer --target ../presets/embedded/scorer

clean:
	rm -rf $(VENV) build outputs *.egg-info
