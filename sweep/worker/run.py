"""Running attempts: claim the attempt, import the train function, call it, write the result."""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.checkpoints import discard_checkpoints, resume
from sweep.worker.command import KilledBySignal, run_command
from sweep.worker.detached_links import detach_before_writing
from sweep.worker.documents import MAX_EXIT_STATUS, Result, TrialSpec
from sweep.worker.environment import current_start
from sweep.worker.import_path import hide_own_packages
from sweep.worker.metrics import check_required, returned_metrics
from sweep.worker.optuna_trial import call_objective
from sweep.worker.processes import adopt_orphans, die_with_parent, kill_descendants, peak_memory_gb
from sweep.worker.snapshot_imports import use_snapshot
from sweep.worker.supervision import (
    ProcessEnd,
    describe_signal,
    end_by_signal,
    end_descendants_on_sigterm,
    run_supervised,
)
from sweep.worker.train_function import load_function
from sweep.worker.trial import StopRequested, Trial
from sweep.worker.working_dir import create_working_dir, remove_unchanged

logger = logging.getLogger(__name__)

# Each process of a shared GPU allocates memory as it needs it, instead of all at the start.
SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
SAFE_PATH, SAFE_PATH_VALUE = "PYTHONSAFEPATH", "sweep"
"""The variable that makes Python ignore its working directory, where a file may be called `sweep.py`."""
LOG_TAIL_BYTES, LOG_TAIL_LINES = 8000, 20


def run_in_job(paths: Sequence[str], time_limit_s: float | None = None) -> None:
    """Run the attempts in these folders as the only task of this job, several of them side by side.

    submitit's signal handlers would raise inside the train function, so they are removed. Every epoch is
    checkpointed, so a job that ends loses one epoch at most, and the scheduler reports why it ended.

    Args:
        paths: The folders of the attempts.
        time_limit_s: How many seconds the attempts may take, if no scheduler enforces a limit.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if len(paths) == 1:
        run_in_process(paths[0], time_limit_s)
    else:
        os.environ.update(SHARED_GPU)
        _run_side_by_side(paths, time_limit_s)


def run_in_process(path: str, time_limit_s: float | None = None) -> None:
    """Run the attempt in a folder in a forked process, and record its end if that process could not.

    SIGTERM and SIGKILL end whole jobs, and the scheduler reports why. This process then ends by the same
    signal. Every other end without a result is an error of the train function.
    """
    folder = AttemptFolder(Path(path))
    spec = folder.read_spec()
    end = run_supervised(partial(_run_logged, folder, spec), time_limit_s)
    if _has_claimed(folder, spec, end.pid):
        _clear_working_dir(folder, spec)
    if folder.read_result(spec.token) is not None:
        return
    if end.timed_out:
        limit = f"the attempt reached its time limit of {time_limit_s:.0f} s"
        folder.write_result(_failure(folder, spec, Cause.TIMEOUT, limit, end))
    elif end.signal in {signal.SIGTERM, signal.SIGKILL}:
        print(f"the process of {path} was ended by {end}", file=sys.stderr)  # noqa: T201 - the job's output
        end_by_signal(end.signal)
    elif _has_claimed(folder, spec, end.pid):
        folder.write_result(_failure(folder, spec, Cause.ERROR, _reason(end), end))
    elif end.exit_code != 0:  # its traceback is in the log
        raise RuntimeError(f"the attempt could not start: its process ended by {end}\n{_log_tail(folder)}")


def run_attempt(folder: AttemptFolder) -> Outcome:
    """Run one attempt until its result is written, and return its outcome.

    Nothing is done if another process has started the attempt.
    """
    spec, before = folder.read_spec(), Path.cwd()
    try:
        return _run_claimed(folder, spec)
    finally:
        os.chdir(str(before))
        _clear_working_dir(folder, spec)


def _run_logged(folder: AttemptFolder, spec: TrialSpec) -> None:
    """Run one attempt as the only task of this process; its output becomes the trial's log."""
    with folder.log.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    os.environ["PYTHONUNBUFFERED"] = "1"  # also for the processes that the train function starts
    if os.environ.get(SAFE_PATH) == SAFE_PATH_VALUE:
        del os.environ[SAFE_PATH]  # the scripts that the train function starts may rely on their folder
    faulthandler.enable(file=2)
    hide_own_packages()
    if spec.threads is not None:
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(spec.threads)))
    _run_claimed(folder, spec, is_own_process=True)


def _run_claimed(folder: AttemptFolder, spec: TrialSpec, *, is_own_process: bool = False) -> Outcome:
    if not folder.claim(current_start(spec.token)):
        logger.warning("attempt %s was started before by another process; nothing to do", folder.path)
        return Outcome.SUPERSEDED
    earlier_attempts = [AttemptFolder(Path(path)) for path in spec.earlier_attempts]
    result = _train(folder, spec, earlier_attempts, is_own_process)
    folder.write_result(replace(result, peak_memory_gb=peak_memory_gb()) if is_own_process else result)
    if result.outcome in {Outcome.COMPLETE, Outcome.PRUNED}:
        discard_checkpoints([folder, *earlier_attempts])
    return result.outcome


def _train(
    folder: AttemptFolder, spec: TrialSpec, earlier_attempts: Sequence[AttemptFolder], is_own_process: bool
) -> Result:
    """Call the train function or run the command, and return the result of the attempt."""
    notes: dict[str, str] = {}
    try:
        _enter_working_dir(folder, spec, is_own_process)
        resume(folder, earlier_attempts)
        trial = Trial(spec, folder)
        notes = trial.notes
        if spec.command is not None:
            return run_command(
                spec, spec.command, trial, folder, earlier_attempts, is_own_process=is_own_process
            )
        with _script_arguments(spec):
            train = load_function(spec.train, spec.code_dir, keep_modules=is_own_process)
            if spec.objective_space is None:
                returned = train(dict(spec.params), trial)
            else:
                returned = call_objective(train, spec, spec.objective_space, trial, folder, earlier_attempts)
            metrics = returned_metrics(returned, spec.train, spec.objectives)
        check_required(spec.required, metrics)
        return Result(spec.token, Outcome.COMPLETE, time.time(), metrics, notes=notes)
    except KilledBySignal as killed:
        if is_own_process:
            end_by_signal(killed.number)
        return killed.result
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
            error=_error_text(error, folder),
            notes=notes,
        )


def _enter_working_dir(folder: AttemptFolder, spec: TrialSpec, is_own_process: bool) -> None:
    """Change to the attempt's working directory; in a process of its own, import from the snapshot only."""
    project_dir = spec.project_dir or spec.code_dir
    if is_own_process:
        use_snapshot(spec.code_dir, project_dir)
    if not spec.has_own_working_dir:
        os.chdir(project_dir)
        return
    create_working_dir(folder.work, Path(spec.code_dir), Path(project_dir))
    if is_own_process:
        detach_before_writing(folder.work, [Path(spec.code_dir), Path(project_dir)])
    os.chdir(str(folder.work))


def _clear_working_dir(folder: AttemptFolder, spec: TrialSpec) -> None:
    """Remove the links and the unchanged copies from the attempt's working directory, if it has one."""
    if spec.has_own_working_dir:
        remove_unchanged(folder.work, Path(spec.code_dir), Path(spec.project_dir or spec.code_dir))


@contextmanager
def _script_arguments(spec: TrialSpec) -> Iterator[None]:
    """Set `sys.argv` to that of a script without arguments: the name of the train function's file."""
    before = sys.argv
    sys.argv = [spec.train.partition(":")[0].replace(".", "/") + ".py"]
    try:
        yield
    finally:
        sys.argv = before


def _error_text(error: BaseException, folder: AttemptFolder) -> str:
    """Return the traceback. For SystemExit, the last line also contains what was printed last.

    argparse, for example, prints what is wrong and then raises SystemExit with a number.
    """
    text = traceback.format_exc().rstrip()
    if not isinstance(error, SystemExit):
        return text
    printed = _lines_before_traceback(_log_tail(folder))
    return f"{text}; the last line that it printed: {printed[-1]}" if printed else text


def _lines_before_traceback(text: str) -> list[str]:
    return text.rpartition("Traceback (most recent call last):")[0].strip().splitlines()


def _cause(error: BaseException) -> Cause:
    """Return `OUT_OF_MEMORY` for the errors by which frameworks report exhausted memory, else `ERROR`."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}:
        return Cause.OUT_OF_MEMORY
    if "XlaRuntimeError" in names and "RESOURCE_EXHAUSTED" in str(error):
        return Cause.OUT_OF_MEMORY
    return Cause.ERROR


def _failure(folder: AttemptFolder, spec: TrialSpec, cause: Cause, reason: str, end: ProcessEnd) -> Result:
    """Return the result of an attempt whose process has ended without one: the end of its log, and why."""
    tail = _log_tail(folder)
    error = f"the last lines of the log:\n{tail}\n{reason}" if tail else reason
    return Result(
        spec.token,
        Outcome.FAILED,
        time.time(),
        {},
        cause=cause,
        error=error,
        exit_status=str(end)[:MAX_EXIT_STATUS],
    )


def _reason(end: ProcessEnd) -> str:
    """Return how the process of a train function ended, as a sentence without a full stop."""
    if end.signal is not None:
        return f"the train function's process was ended by signal {describe_signal(end.signal)}"
    return f"the train function ended its process with exit code {end.exit_code}, and returned no metrics"


def _log_tail(folder: AttemptFolder) -> str:
    lines = [line for line in folder.read_log(LOG_TAIL_BYTES).splitlines() if line.strip()]
    return "\n".join(lines[-LOG_TAIL_LINES:])


def _has_claimed(folder: AttemptFolder, spec: TrialSpec, pid: int) -> bool:
    """Return whether the attempt was started by this process, and not before by that of another job."""
    start = folder.read_start(spec.token)
    return start is not None and start.pid == pid


def _run_side_by_side(paths: Sequence[str], time_limit_s: float | None) -> None:
    """Run each attempt under a supervisor of its own on the job's GPU, so that a failure ends only one."""
    adopt_orphans()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    supervisors: set[int] = set()
    for path in paths:
        supervisor = os.fork()
        if supervisor == 0:
            _supervise_and_exit(path, time_limit_s, parent)
        supervisors.add(supervisor)

    end_descendants_on_sigterm()
    try:
        while supervisors:
            pid, _ = os.waitpid(-1, 0)
            supervisors.discard(pid)
    finally:
        kill_descendants()


def _supervise_and_exit(path: str, time_limit_s: float | None, parent: int) -> None:
    exit_code = 1
    try:
        die_with_parent(parent)
        run_in_process(path, time_limit_s)
        exit_code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
