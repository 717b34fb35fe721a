# `make demo` and `make test` set up everything they need in .venv on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
DEMO := ganaug-demo

export MLFLOW_DISABLE_TELEMETRY := true
# Two test processes with one thread each: more would wait for each other.
test bench-quality bench-draws bench-control: export OMP_NUM_THREADS := 1

.PHONY: demo test lint types doctest bench-speed bench-quality bench-draws bench-control clean

.venv/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[dev]'
	@touch $@

.venv/.bench: .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[bench]'
	@touch $@

demo: .venv/.dev            ## compare arms on a real imbalanced table, tracked in MLflow
	$(BIN)/python -m ganaug compare --output-dir $(DEMO)

test: lint types            ## everything that guards the code
	$(BIN)/python -m pytest -q -n 2

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

bench-speed: .venv/.bench   ## against CTGAN, same rows, one process each
	$(BIN)/python benchmarks/speed.py

bench-quality: .venv/.dev   ## 17 KEEL sets x 5 classifiers against the usual oversamplers
	$(BIN)/python benchmarks/quality.py

bench-draws: .venv/.dev     ## the GAN in bags against bagging and balanced bagging
	$(BIN)/python benchmarks/draws.py
	$(BIN)/python benchmarks/draws.py --minority 30

bench-control: .venv/.dev   ## does a class-c row look like class c to an independent classifier?
	$(BIN)/python benchmarks/control.py

clean:
	rm -rf .venv $(DEMO) .mypy_cache .pytest_cache .ruff_cache
