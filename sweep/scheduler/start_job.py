"""Start a job with the packages in the folder that contains this file.

A copy of this file lies beside copies of submitit and of the worker in a study's folder; see
`worker_package`. It runs in the Python of the user's environment, from version 3.8 on.
"""

import logging
import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120

    from submitit.core import plugins
    from submitit.core.submission import submitit_main

    # submitit's search for its plugins fails on Python 3.8 and 3.9 if none is installed (submitit 1.5.4).
    plugins._iter_submitit_entrypoints = lambda: ()
    # submitit logs a success whenever its own process ends normally, also if the trial has failed.
    logging.getLogger("submitit").addFilter(lambda record: "success" not in str(record.msg))
    submitit_main()
