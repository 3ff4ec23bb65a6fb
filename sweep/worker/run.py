"""Running attempts: claim the attempt, import the train function, call it, write the result."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.checkpoints import discard_checkpoints, resume
from sweep.worker.documents import Result, TrialSpec
from sweep.worker.environment import current_start
from sweep.worker.metrics import check_objective, plain_numbers
from sweep.worker.train_function import load_function
from sweep.worker.trial import StopRequested, Trial

logger = logging.getLogger(__name__)

# Each process of a shared GPU allocates memory as it needs it, instead of all at the start.
SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def run_in_job(paths: Sequence[str]) -> None:
    """Run the attempts in these folders as the only task of this job, several of them side by side.

    submitit's signal handlers would raise inside the train function, so they are removed. Every epoch is
    checkpointed, so a job that ends loses one epoch at most, and the scheduler reports why it ended.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if len(paths) == 1:
        run_in_process(paths[0])
    else:
        _run_side_by_side(paths)


def run_in_process(path: str) -> None:
    """Run the attempt in a folder as the only task of this process; its output becomes the trial's log."""
    folder = AttemptFolder(Path(path))
    with folder.log.open("a") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    spec = folder.read_spec()
    if spec.threads is not None:
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(spec.threads)))
    run_attempt(folder)


def run_attempt(folder: AttemptFolder) -> Outcome:
    """Run one attempt until its result is written, and return its outcome.

    Nothing is done if another process has started the attempt.
    """
    spec = folder.read_spec()
    if not folder.claim(current_start(spec.token)):
        logger.warning("attempt %s was started before by another process; nothing to do", folder.path)
        return Outcome.SUPERSEDED
    earlier_attempts = [AttemptFolder(Path(path)) for path in spec.earlier_attempts]
    result = _train(folder, spec, earlier_attempts)
    folder.write_result(result)
    if result.outcome in {Outcome.COMPLETE, Outcome.PRUNED}:
        discard_checkpoints([folder, *earlier_attempts])
    return result.outcome


def _train(folder: AttemptFolder, spec: TrialSpec, earlier_attempts: Sequence[AttemptFolder]) -> Result:
    """Call the train function and return the result of the attempt."""
    notes: dict[str, str] = {}
    try:
        os.chdir(spec.code_dir)
        if spec.code_dir not in sys.path:
            sys.path.insert(0, spec.code_dir)
        resume(folder, earlier_attempts)
        trial = Trial(spec, folder)
        notes = trial.notes
        metrics = plain_numbers(load_function(spec.train)(dict(spec.params), trial))
        check_objective(spec.metric, metrics)
        return Result(spec.token, Outcome.COMPLETE, time.time(), metrics, notes=notes)
    except StopRequested as stop:
        return Result(spec.token, stop.outcome, time.time(), {}, notes=notes)
    except (Exception, SystemExit) as error:  # a train function that calls sys.exit returns no result
        traceback.print_exc()
        return Result(
            spec.token,
            Outcome.FAILED,
            time.time(),
            {},
            cause=_cause(error),
            error=traceback.format_exc(),
            notes=notes,
        )


def _cause(error: BaseException) -> Cause:
    """Return `OUT_OF_MEMORY` for the errors by which frameworks report exhausted memory, else `ERROR`."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}:
        return Cause.OUT_OF_MEMORY
    if "XlaRuntimeError" in names and "RESOURCE_EXHAUSTED" in str(error):
        return Cause.OUT_OF_MEMORY
    return Cause.ERROR


def _run_side_by_side(paths: Sequence[str]) -> None:
    """Run each attempt in a process of its own on the job's GPU, so that a failure ends only one of them."""
    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(_run_in_child, paths))


def _run_in_child(path: str) -> None:
    command = [sys.executable, "-m", "sweep.worker", path]
    exit_code = subprocess.run(command, env={**os.environ, **SHARED_GPU}, check=False).returncode
    folder = AttemptFolder(Path(path))
    # SIGTERM and SIGKILL end the whole job, and the scheduler reports why. Other exits concern one attempt.
    if not folder.result.exists() and -exit_code not in {signal.SIGTERM, signal.SIGKILL}:
        error = f"the trial's process ended with exit code {exit_code} and left no result"
        token = folder.read_spec().token
        folder.write_result(Result(token, Outcome.FAILED, time.time(), {}, cause=Cause.LOST, error=error))
