# For those who work on faultkit; users need only ./demo and ./test.
PYTHON := .venv/bin/python
CODE := faultkit injectors monitors microdriver slicer drivers experiments benchmarks tests
C := $(shell git ls-files '*.c' '*.h')

.PHONY: setup check format test bench docs picture fingerprint

setup:
	./setup

check:
	./setup --tests
	$(PYTHON) -m ruff format --check $(CODE)
	$(PYTHON) -m ruff check $(CODE)
	$(PYTHON) -m mypy
	clang-format --dry-run -Werror $(C)
	$(PYTHON) -m tests.checkpatch
	shellcheck demo test setup .ci/run
	$(PYTHON) -m pytest -q -n auto --dist loadfile --no-loadscope-reorder -m "not guest"

format:
	$(PYTHON) -m ruff check --fix -q $(CODE)
	$(PYTHON) -m ruff format -q $(CODE)
	clang-format -i $(C)

test:
	./test

bench: setup
	$(PYTHON) -m benchmarks.bench

docs: setup
	$(PYTHON) -m faultkit.cli.pages

fingerprint:
	./demo
	$(PYTHON) -m benchmarks.fingerprint --publish results/quickstart_nbd/latest results/quickstart_rtl8139/latest

picture:
	./setup --tests
	$(PYTHON) -m benchmarks.picture
