"""`python -m sweep.worker FOLDER`: run the attempt in a folder."""

import sys

from sweep.worker.run import run_in_process

run_in_process(sys.argv[1])
