# `make train` and `make test` need git, make, and Python 3.11 or newer with pip and venv; they install
# the rest into .venv. ARGS go to train.py: make train ARGS="--opt sgd --epochs 3"
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: train test lint types wheel test-wheel test-slow test-deep parity faults bench clean

train: .venv/train
	$(BIN)/python train.py --opt adam $(ARGS)

test: .venv/test
	$(BIN)/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 $(ARGS)

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

wheel: .venv/test
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist . > /dev/null
	$(BIN)/python -m zipfile --list dist/*.whl

# the library's own tests against the wheel, in an environment and a folder that know nothing of this one
test-wheel: wheel
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && set -e && \
	$(PYTHON) -m venv "$$dir/venv" && \
	"$$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
	    --constraint constraints.txt "$$(echo dist/*.whl)[test]" && \
	mkdir "$$dir/tests" && cp -r tests/conftest.py tests/golden tests/jaxlearn "$$dir/tests" && \
	cd "$$dir" && venv/bin/python -c "import jaxlearn; print(jaxlearn.__file__)" && \
	JAXLEARN_DATA=$${JAXLEARN_DATA:-$(CURDIR)/../shared/data} \
	    venv/bin/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 \
	        --import-mode=importlib $(ARGS) tests

# what every run leaves out of the longest proofs: rows of the optimizers' contract, optimizers of train.py ...
test-slow: .venv/test
	$(BIN)/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 -m slow tests

# the property tests with a thousand random examples each instead of twenty fixed ones
test-deep: .venv/test
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest --quiet --numprocesses=auto --maxprocesses=4 -m hypothesis tests

# every optimizer and schedule beside PyTorch, optax and the papers, in both precisions: docs/parity.md
parity: .venv/test
	$(BIN)/python -m tests.parity docs/parity.md

# what can go wrong with files, signals, disks, numbers and arguments, and what happens then: docs/faults.md
faults: .venv/test
	$(BIN)/python -m tests.faults docs/faults.md

# the same work on jaxlearn and on its peers, in turn: benchmarks/RESULTS.md, and the table in README.md;
# then what importing and saving cost
bench: .venv/bench
	$(BIN)/python -m benchmarks.run $${JAXLEARN_DATA:-../shared/data}/mnist $(ARGS)
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python -m benchmarks.checkpoints $${JAXLEARN_DATA:-../shared/data}/mnist

.venv/train: pyproject.toml constraints.txt
	@echo "installing jaxlearn and what train.py needs into .venv (a minute or two) ..."
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[train]'
	@touch $@

.venv/test: pyproject.toml constraints.txt
	@echo "installing jaxlearn and what its tests need into .venv (a minute or two) ..."
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[test]'
	@touch .venv/train $@

.venv/bench: pyproject.toml constraints.txt
	@echo "installing jaxlearn and its peers into .venv (a minute or two) ..."
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[bench]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
