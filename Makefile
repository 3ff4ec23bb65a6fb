# A real Slurm on this machine to try things on: make slurm-up, then the two export lines that it prints.
DIR ?= /tmp/capsweep-slurm
PYTHON ?= python

.PHONY: slurm-up slurm-down

slurm-up:
	@$(PYTHON) -m tests.cluster.slurm up $(DIR)

slurm-down:
	@$(PYTHON) -m tests.cluster.slurm down $(DIR)
