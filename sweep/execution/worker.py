"""What runs on the node: claim the attempt, import the train function, call it, write the result.

Standard library only, so that starting a trial costs little more than starting Python.
"""

import importlib
import logging
import math
import numbers
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sweep.execution.trial import (
    AttemptFolder,
    Cause,
    EpochReport,
    Outcome,
    Result,
    Start,
    TrialSpec,
)

logger = logging.getLogger(__name__)

# So that several trials fit on one GPU: each takes what it needs, as it needs it
SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
LONGEST_METRIC_NAME = 128  # characters that the database has room for
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


class StopRequested(Exception):  # noqa: N818 - not an error: the way a trial is told to end
    """Raised by `Trial.report` when the launcher has asked this attempt to end."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class Trial:
    """What a train function is given beside its params."""

    def __init__(self, spec: TrialSpec, folder: AttemptFolder) -> None:
        self.folder: Path = folder.artifacts
        self.checkpoint_dir: Path = folder.checkpoints
        self.seed: int = spec.seed
        self.dataset: str | None = spec.dataset
        self.data_dir: Path | None = Path(spec.data_dir) if spec.data_dir else None
        self.notes: dict[str, str] = {}
        self._folder = folder
        self._reported = {report.epoch for report in folder.read_epochs()[0]}

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a finished epoch, counted from 1.

        An epoch reported before, by an attempt this one goes on from, is not recorded again.

        Raises
        ------
        StopRequested
            When the trial is pruned or given up; let it pass through the train function.
        ValueError, TypeError
            When the epoch is not a positive integer or a metric not a number.
        """
        if not isinstance(epoch, int) or epoch < 1:
            raise ValueError(f"an epoch is an integer counted from 1, but report got epoch={epoch!r}")
        if epoch not in self._reported:
            self._folder.append_epoch(EpochReport(epoch, time.time(), plain_numbers(metrics)))
            self._reported.add(epoch)
        if (reason := self._folder.read_stop()) is not None:
            raise StopRequested(reason)

    def note(self, key: str, value: str) -> None:
        """Have a fact stored with the trial, such as the checksum of the data it saw."""
        self.notes[key] = str(value)


def plain_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as plain floats, whatever number type the train function uses.

    Raises
    ------
    TypeError, ValueError
        When a value is not one number, or a name longer than the database takes.
    """
    plain = {}
    for name, value in metrics.items():
        if len(str(name)) > LONGEST_METRIC_NAME:
            raise ValueError(
                f"a metric's name has at most {LONGEST_METRIC_NAME} characters, got {name!r} ({len(name)})"
            )
        if not isinstance(value, numbers.Real) and not hasattr(value, "__float__"):
            raise TypeError(f"metric {name!r} must be a number, but got {value!r}")
        plain[str(name)] = float(value)
    return plain


def load_function(path: str) -> Callable[..., Any]:
    """The function that a dotted path "package.module:function" names.

    Raises
    ------
    ImportError, AttributeError
        When the module does not import or has no such function.
    """
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def run_in_job(paths: Sequence[str]) -> None:
    """Run the attempts in these folders as the whole business of this job: one here, several side by side.

    submitit's own signal handlers would raise inside the train function: they are taken out. Every epoch
    is checkpointed, so a job that is about to end loses one epoch at most, and its scheduler knows why.
    """
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if len(paths) == 1:
        run_in_process(paths[0])
    else:
        _run_side_by_side(paths)


def run_in_process(path: str) -> None:
    """Run the attempt in `path` as the whole business of this process: its output is the trial's log."""
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


def _run_side_by_side(paths: Sequence[str]) -> None:
    """All on this job's GPU, a process an attempt: whatever befalls one, the others go on."""
    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(_run_in_child, paths))


def _run_in_child(path: str) -> None:
    command = [sys.executable, "-m", "sweep.execution.worker", path]
    code = subprocess.run(command, env={**os.environ, **SHARED_GPU}, check=False).returncode
    folder = AttemptFolder(Path(path))
    # one that was killed was so with its job, and the scheduler knows why; a crash is the trial's own
    if not folder.result.exists() and -code not in {signal.SIGTERM, signal.SIGKILL}:
        error = f"the trial's process ended with exit code {code} and left no result"
        token = folder.read_spec().token
        folder.write_result(Result(token, Outcome.FAILED, time.time(), {}, cause=Cause.LOST, error=error))


def run_attempt(folder: AttemptFolder) -> Outcome:
    """Run one attempt to its result; an attempt that another process has started is left alone."""
    spec = folder.read_spec()
    if not folder.claim(_start(spec.token)):
        logger.warning("attempt %s was started before, by another process; nothing to do", folder.path)
        return Outcome.SUPERSEDED
    trial: Trial | None = None
    try:
        os.chdir(spec.code_dir)
        if spec.code_dir not in sys.path:
            sys.path.insert(0, spec.code_dir)
        _resume(folder, spec.earlier_attempts)
        trial = Trial(spec, folder)
        metrics = plain_numbers(load_function(spec.train)(dict(spec.params), trial))
        _check_objective(spec.metric, metrics)
        result = Result(spec.token, Outcome.COMPLETED, time.time(), metrics)
    except StopRequested as stop:
        result = Result(spec.token, stop.outcome, time.time(), {})
    except (Exception, SystemExit) as error:  # sys.exit in a train function is no result either
        traceback.print_exc()
        text = traceback.format_exc()
        result = Result(spec.token, Outcome.FAILED, time.time(), {}, cause=_cause(error), error=text)
    folder.write_result(_with_notes(result, trial))
    if result.outcome in {Outcome.COMPLETED, Outcome.PRUNED}:
        _discard_checkpoints(folder, *map(AttemptFolder, map(Path, spec.earlier_attempts)))
    return result.outcome


def _discard_checkpoints(*folders: AttemptFolder) -> None:
    """Nobody will go on from them, and those of a study of large networks would fill a disk."""
    for folder in folders:
        shutil.rmtree(folder.checkpoints, ignore_errors=True)


def _with_notes(result: Result, trial: Trial | None) -> Result:
    notes = trial.notes if trial is not None else {}
    return Result(**{**vars(result), "notes": notes})


def _check_objective(metric: str, metrics: Mapping[str, float]) -> None:
    if metric not in metrics:
        raise ValueError(
            f"the study's metric is {metric!r}, but the train function returned {sorted(metrics)}"
        )
    if math.isnan(metrics[metric]):
        raise ValueError(f"the study's metric {metric!r} is nan")


def _cause(error: BaseException) -> Cause:
    """Out of memory, on the host or a GPU, is told from other errors by what each framework raises."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}:
        return Cause.OUT_OF_MEMORY
    if "XlaRuntimeError" in names and "RESOURCE_EXHAUSTED" in str(error):
        return Cause.OUT_OF_MEMORY
    return Cause.ERROR


def _resume(folder: AttemptFolder, earlier_attempts: tuple[str, ...]) -> None:
    """Take over the checkpoints and the reported epochs of the newest earlier attempt that has any.

    The earlier attempt may be training on unseen. Its checkpoints are copied before its epochs: each
    epoch is reported before its checkpoint is written, so the epochs copied cover the checkpoint.
    """
    for earlier in map(AttemptFolder, map(Path, earlier_attempts)):
        if earlier.checkpoints.is_dir() and any(earlier.checkpoints.iterdir()):
            partial = folder.path / "checkpoints.partial"
            shutil.copytree(earlier.checkpoints, partial, ignore=shutil.ignore_patterns(".*", "*.tmp*"))
            reports, _ = earlier.read_epochs()
            for report in reports:
                folder.append_epoch(report)
            partial.rename(folder.checkpoints)
            return
    folder.checkpoints.mkdir()


def _start(token: str) -> Start:
    return Start(
        token=token,
        started_at=time.time(),
        host=os.environ.get("SLURMD_NODENAME") or platform.node(),
        pid=os.getpid(),
        gpu=_gpu(),
        python=platform.python_version(),
        packages=installed_packages(),
    )


def installed_packages() -> dict[str, str]:
    """The installed packages' versions, by their folders' names: importlib.metadata opens every one."""
    folders = [folder for entry in reversed(sys.path) for folder in Path(entry).glob("*.dist-info")]
    pairs = (folder.stem.rpartition("-") for folder in folders)
    return {name: version for name, _, version in sorted(pairs)}


def _gpu() -> str | None:
    """The names of the GPUs this process may use, or their numbers where no driver tells their names."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not visible:
        return None
    command = ["nvidia-smi", f"--id={visible}", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return visible
    return ", ".join(names.split("\n")).strip(", ")


if __name__ == "__main__":
    run_in_process(sys.argv[1])
