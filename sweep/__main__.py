"""The entry point of `python -m sweep`, which runs the command `sweep`."""

from sweep.cli import main

main()
