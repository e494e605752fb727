# `make train` and `make test` need git, make, and Python 3.11 or newer with pip and venv; they install
# the rest into .venv. ARGS go to train.py: make train ARGS="--opt sgd --epochs 3"
# PYTHON names another Python: make test PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN = $(VENV)/bin
CONSTRAINTS = --constraint constraints.txt
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)
PYTEST = $(BIN)/python -m pytest --quiet --numprocesses=auto --maxprocesses=4

.PHONY: train test test-all test-newest check-newest test-gpu lint types versions wheel test-wheel test-slow \
    test-deep parity faults bench bench-costs clean FORCE

train: $(VENV)/train
	$(BIN)/python train.py --opt adam $(ARGS)

# of tests with several cases some, on each day others (JAXLEARN_TEST_DAY: another day's); `make test-slow` ...
TODAY = JAXLEARN_TEST_DAY=$${JAXLEARN_TEST_DAY:-today}

test: $(VENV)/test
	$(TODAY) $(PYTEST) $(ARGS)

# ... all the others, and what is left out of the longest proofs: they are whole there
test-slow: $(VENV)/test
	$(TODAY) $(PYTEST) -m slow $(ARGS) tests

# all cases but those of the longest proofs
test-all: $(VENV)/test
	$(PYTEST) $(ARGS)

# the newest Python that runs here, or PYTHON, with the newest JAX that pip finds for it: the whole suite ...
ON_NEWEST = @python=$(if $(findstring file,$(origin PYTHON)),$$(.ci/newest-python),'$(PYTHON)') && \
    $(MAKE) --no-print-directory PYTHON="$$python" VENV=.venv-newest CONSTRAINTS= versions types

test-newest:
	$(ON_NEWEST) test-all

# ... and the part of it that every change runs there: from the command line to the files that a run leaves,
# every update of every optimizer, programs for GPUs, and what the README shows
check-newest:
	$(ON_NEWEST) test ARGS="tests/test_train.py tests/test_train_compare.py tests/test_resume.py \
	    tests/test_portable.py tests/test_precision.py tests/models tests/jaxlearn/training/test_saved.py \
	    tests/jaxlearn/optim/test_parity.py tests/jaxlearn/optim/test_contract.py README.md"

versions: $(VENV)/test
	@$(BIN)/python -c "import sys, jax; print('Python', sys.version.split()[0], 'with JAX', jax.__version__)"

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy

wheel: $(VENV)/test
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist . > /dev/null
	$(BIN)/python -m zipfile --list dist/*.whl

# the library's own tests against the wheel, in an environment and a folder that know nothing of this one
test-wheel: wheel
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e && \
	$(PYTHON) -m venv "$$dir/venv" && \
	"$$dir/venv/bin/python" $(PIP_INSTALL) "$$(echo dist/*.whl)[test]" && \
	mkdir "$$dir/tests" && cp -r tests/conftest.py tests/golden tests/jaxlearn "$$dir/tests" && \
	cd "$$dir" && venv/bin/python -c "import jaxlearn; print(jaxlearn.__file__)" && \
	JAXLEARN_DATA=$${JAXLEARN_DATA:-$(CURDIR)/../shared/data} \
	    venv/bin/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 \
	        --import-mode=importlib $(ARGS) tests

# the library on the GPU that JAX finds, which needs jax[cuda13] in $(VENV) beside the rest
test-gpu: $(VENV)/test
	$(BIN)/python -c "import jax; print(jax.devices('gpu'), 'with JAX', jax.__version__)"
	$(PYTEST) tests/jaxlearn/nn tests/jaxlearn/optim tests/jaxlearn/training $(ARGS)

# the property tests with a thousand random examples each instead of twenty fixed ones
test-deep: $(VENV)/test
	HYPOTHESIS_PROFILE=deep $(PYTEST) -m hypothesis tests

# every optimizer and schedule beside PyTorch, optax and the papers, in both precisions: docs/parity.md
parity: $(VENV)/test
	$(BIN)/python -m tests.parity docs/parity.md

# what can go wrong with files, signals, disks, numbers and arguments, and what happens then: docs/faults.md
faults: $(VENV)/test
	$(BIN)/python -m tests.faults docs/faults.md

# the same work on jaxlearn and on its peers, in turn: benchmarks/RESULTS.md, and the table in README.md;
# on a GPU, benchmarks/RESULTS-gpu.md: make bench ARGS="--device gpu"
bench: $(VENV)/bench
	$(BIN)/python -m benchmarks.run $${JAXLEARN_DATA:-../shared/data}/mnist $(ARGS)

# what importing, saving, and convolutions in a loop cost
bench-costs: $(VENV)/bench
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python -m benchmarks.convolutions
	$(BIN)/python -m benchmarks.checkpoints $${JAXLEARN_DATA:-../shared/data}/mnist

# during an install the environment counts as unmade; what the tests and the benchmarks need has what train needs
$(VENV)/train $(VENV)/test $(VENV)/bench: $(VENV)/made pyproject.toml constraints.txt
	@echo "installing jaxlearn and what make $(@F) needs into $(VENV) (a minute or two) ..."
	@mv $(VENV)/made $(VENV)/unmade
	$(BIN)/python $(PIP_INSTALL) --editable '.[$(@F)]'
	@mv $(VENV)/unmade $(VENV)/made
	@touch $(VENV)/train $@

# an environment is made again where another Python or another folder made it, or an install was cut off
$(VENV)/made: FORCE
	@maker="$$(.ci/identify '$(PYTHON)') for $(CURDIR)" && \
	if [ "$$maker" != "$$(cat $@ 2> /dev/null)" ]; then \
	    echo "making $(VENV) with $$maker ..." && \
	    '$(PYTHON)' -m venv --clear $(VENV) && echo "$$maker" > $@; \
	fi

clean:
	rm -rf .venv .venv-newest build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
