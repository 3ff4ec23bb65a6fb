"""`python -m sweep`, the same as the command `sweep`."""

from sweep.cli import main

main()
