PYTHON ?= python
DIR ?= /tmp/capsweep-slurm

# Tests without training, services or long subprocesses: under a minute on two cores.
FAST_TESTS = tests/sweep tests/test_docs.py tests/test_invariants.py tests/test_language.py

.PHONY: check lint test-fast slurm-up slurm-down

# What every commit must pass. The complete gate is .ci/run.
check: lint test-fast

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo
	vermin --target=3.8- --violations --no-tips --eval-annotations- sweep/states.py sweep/worker sweep/scheduler/start_job.py

test-fast:
	pytest --quiet -m "not slow" $(FAST_TESTS)

# Start a real Slurm on this machine for manual experiments. It prints two export lines to run.
slurm-up:
	@$(PYTHON) -m tests.cluster.slurm up $(DIR)

slurm-down:
	@$(PYTHON) -m tests.cluster.slurm down $(DIR)
