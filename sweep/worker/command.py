"""Running the command of a trial, and the result that follows from its end."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sweep.states import Cause, Outcome
from sweep.worker.atomic_file import write_atomically
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.command_output import CommandOutput
from sweep.worker.documents import MAX_EXIT_STATUS, CommandSpec, Result, TrialSpec
from sweep.worker.epoch_numbering import EpochNumbering
from sweep.worker.metric_sources import (
    FileScanner,
    Finding,
    FollowedFile,
    MetricCollector,
    StdoutScanner,
)
from sweep.worker.metrics import check_required
from sweep.worker.processes import die_with_parent
from sweep.worker.supervision import describe_signal, signal_name
from sweep.worker.trial import StopRequested, Trial

OUTPUT_WAIT_S = 0.2
POLL_S = 0.5
"""How many seconds pass between two looks at the files of metrics and at the stop marker."""
SHELL_SIGNAL = 128
"""What a shell adds to the number of the signal that ended its program, as its own exit code."""
OUTSIDE_SIGNALS = frozenset({signal.SIGTERM, signal.SIGKILL})
"""The signals that end whole jobs; the scheduler reports why."""
_OUT_OF_MEMORY = re.compile(
    r"CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|HIP out of memory|OutOfMemoryError|MemoryError"
    r"|ResourceExhausted|RESOURCE_EXHAUSTED|oom[-_ ]kill|std::bad_alloc|[Cc]annot allocate memory"
)


class KilledBySignal(Exception):  # noqa: N818 - the end of a process, not an error of this one
    """Raised if a signal that ends whole jobs has ended the command.

    Attributes:
        number: The number of the signal.
        result: The result of the attempt if no scheduler reports why.
    """

    def __init__(self, number: int, result: Result) -> None:
        super().__init__(signal_name(number))
        self.number = number
        self.result = result


class CommandEnd(NamedTuple):
    """How a command ended.

    Attributes:
        returncode: Its exit code, or the negative number of the signal that ended it.
        stop: Why it was requested to stop; None if it was not.
        metrics: The metrics of its result.
        error_lines: The last lines of its stderr.
        missing_file: The file of metrics, if there is none; otherwise None.
    """

    returncode: int
    stop: Outcome | None
    metrics: Mapping[str, float]
    error_lines: Sequence[str]
    missing_file: str | None = None


def run_command(
    spec: TrialSpec,
    command: CommandSpec,
    trial: Trial,
    folder: AttemptFolder,
    earlier_attempts: Sequence[AttemptFolder],
    *,
    is_own_process: bool,
) -> Result:
    """Run the command of a trial until its end, and return the result of the attempt.

    Args:
        spec: The specification of the attempt.
        command: Its command.
        trial: The trial, whose epochs are reported.
        folder: The folder of the attempt.
        earlier_attempts: The folders of the trial's earlier attempts, newest first.
        is_own_process: Whether the attempt is the only task of this process, and the command must not outlive
            it.

    Raises:
        KilledBySignal: If a signal that ends whole jobs has ended the command.
    """
    values = attempt_values(spec, folder)
    words = [word.format(**values) for word in command.words]
    write_atomically(folder.params, json.dumps(dict(spec.params)))
    folder.reported.touch()
    sources = _Sources(spec, command, values, folder, earlier_attempts)
    with folder.log.open("a", encoding="utf-8") as log:
        log.write(f"+ {' '.join(map(shlex.quote, words))}\n")
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(command, values, folder),
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()) if is_own_process else None,
        )
    except OSError as error:
        return _result(spec, cause=Cause.LAUNCH_FAILURE, error=_start_error(words, error))
    try:
        end = _Run(process, command, trial, folder, sources).wait()
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return judge(spec, command, end, _log_lines(folder))


def attempt_values(spec: TrialSpec, folder: AttemptFolder) -> dict[str, str]:
    """Return the values of the placeholders that the launcher has left."""
    return {
        "study": spec.study,
        "trial": str(spec.number),
        "attempt": str(spec.attempt),
        "seed": str(spec.seed),
        "folder": str(folder.artifacts),
        "checkpoint_dir": str(folder.checkpoints),
        "data_dir": spec.data_dir or "",
        "params_file": str(folder.params),
    }


def environment(command: CommandSpec, values: Mapping[str, str], folder: AttemptFolder) -> dict[str, str]:
    """Return the environment of a command: that of this process, the values as `SWEEP_*`, and its own."""
    inherited = {name: value for name, value in os.environ.items() if name != "SWEEP_DATA_DIR"}
    own = {f"SWEEP_{name.upper()}": value for name, value in values.items() if value}
    given = {name: text.format(**values) for name, text in command.env.items()}
    return {**inherited, **own, "SWEEP_METRICS": str(folder.reported), **given}


class _Sources:
    """The sources of a command's metrics, and what they have contained so far."""

    def __init__(
        self,
        spec: TrialSpec,
        command: CommandSpec,
        values: Mapping[str, str],
        folder: AttemptFolder,
        earlier_attempts: Sequence[AttemptFolder],
    ) -> None:
        numbering = EpochNumbering(folder, earlier_attempts)
        earlier_epochs = folder.read_all_epochs()
        self._stdout = StdoutScanner(command.stdout, numbering)
        self._files = [
            FileScanner(
                "SWEEP_METRICS",
                FollowedFile(folder.reported, is_own=True),
                spec.objectives,
                numbering,
                reports=True,
            )
        ]
        self._path: Path | None = None
        if command.file is not None:
            self._path = path = Path(command.file.format(**values)).absolute()
            is_own = folder.path.absolute() in path.parents
            self._files.append(
                FileScanner("file", FollowedFile(path, is_own=is_own), spec.objectives, numbering)
            )
        last = earlier_epochs[-1].metrics if earlier_epochs else {}
        self._collector = MetricCollector(spec.objectives, last)

    @property
    def missing_file(self) -> str | None:
        return str(self._path) if self._path is not None and not self._path.exists() else None

    @property
    def metrics(self) -> Mapping[str, float]:
        return self._collector.result

    def scan_lines(self, lines: Sequence[str]) -> list[tuple[int, dict[str, float]]]:
        return self._add([finding for line in lines for finding in self._stdout.scan(line)])

    def scan_files(self, *, is_ended: bool = False) -> list[tuple[int, dict[str, float]]]:
        return self._add([finding for file in self._files for finding in file.scan(is_ended=is_ended)])

    def finish(self) -> list[tuple[int, dict[str, float]]]:
        return self._collector.finish()

    def _add(self, findings: Sequence[Finding]) -> list[tuple[int, dict[str, float]]]:
        return [epoch for finding in findings for epoch in self._collector.add(finding)]


class _Run:
    """A running command, which is observed until its end."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        command: CommandSpec,
        trial: Trial,
        folder: AttemptFolder,
        sources: _Sources,
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._output = CommandOutput(process.stdout, process.stderr, folder.log)
        self._command = command
        self._trial = trial
        self._folder = folder
        self._sources = sources
        self._stop: Outcome | None = None
        self._kill_at: float | None = None

    def wait(self) -> CommandEnd:
        """Copy the output and report epochs until the command has ended; end it if a stop is requested."""
        next_poll = 0.0
        while self._process.poll() is None:
            if self._output.is_open:
                lines, _ = self._output.read(OUTPUT_WAIT_S)
                self._report(self._sources.scan_lines(lines))
            else:
                time.sleep(OUTPUT_WAIT_S)
            if time.monotonic() >= next_poll:
                self._report(self._sources.scan_files())
                self._check_stop(self._folder.read_stop())
                next_poll = time.monotonic() + POLL_S
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                _signal_group(self._process, signal.SIGKILL)
        self._report(self._sources.scan_lines(self._output.close()), is_ended=True)
        self._report(self._sources.scan_files(is_ended=True), is_ended=True)
        self._report(self._sources.finish(), is_ended=True)
        return CommandEnd(
            self._process.returncode,
            self._stop,
            self._sources.metrics,
            self._output.stderr_tail,
            self._sources.missing_file,
        )

    def _report(self, epochs: Sequence[tuple[int, dict[str, float]]], *, is_ended: bool = False) -> None:
        for epoch, metrics in epochs:
            try:
                self._trial.report(epoch, metrics)
            except StopRequested as stop:
                if not is_ended:  # a command that has ended by itself is not stopped
                    self._check_stop(stop.outcome)

    def _check_stop(self, reason: Outcome | None) -> None:
        if reason is None or self._stop is not None:
            return
        self._stop = reason
        self._kill_at = time.monotonic() + self._command.stop_grace_s
        _signal_group(self._process, signal.SIGTERM)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the process group of a command, whose number is the command's process id."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def judge(
    spec: TrialSpec, command: CommandSpec, end: CommandEnd, log_lines: Callable[[], list[str]]
) -> Result:
    """Return the result of an attempt whose command has ended.

    Args:
        spec: The specification of the attempt.
        command: Its command.
        end: How the command ended.
        log_lines: Returns the last lines of the log, for a command that printed no error.

    Raises:
        KilledBySignal: If a signal that ends whole jobs has ended the command.
    """
    if end.stop is not None:
        return _result(spec, outcome=end.stop)
    if end.returncode == 0:
        problem = problem_with_metrics(spec.required, command, end)
        if problem is None:
            return Result(spec.token, Outcome.COMPLETE, time.time(), end.metrics)
        return _result(spec, cause=Cause.ERROR, error=problem)
    kind, lines = ("stderr", list(end.error_lines)) if end.error_lines else ("log", log_lines())
    printed = "\n".join(lines)
    reason = ending(end.returncode)
    if lines and end.returncode > 0:  # the last line of an error is what tables of trials show
        reason = f"{reason}: {lines[-1].strip()}"
    error = f"the last lines of its {kind}:\n{printed}\n{reason}" if lines else reason
    is_out_of_memory = _OUT_OF_MEMORY.search(printed) is not None
    number = _ending_signal(end.returncode)
    result = _result(
        spec,
        cause=Cause.OUT_OF_MEMORY if is_out_of_memory else Cause.ERROR,
        error=error,
        exit_status=f"exit code {end.returncode}"
        if end.returncode > 0
        else f"signal {signal_name(-end.returncode)}",
    )
    if number in OUTSIDE_SIGNALS and not is_out_of_memory:
        raise KilledBySignal(number, result)
    return result


def _ending_signal(returncode: int) -> int | None:
    """Return the signal that ended a command, or that ended the program of a shell; None without one."""
    if returncode < 0:
        return -returncode
    number = returncode - SHELL_SIGNAL
    return number if number in OUTSIDE_SIGNALS else None


def ending(returncode: int) -> str:
    """Return how a command ended, as a sentence without a full stop."""
    if returncode < 0:
        return f"the command was ended by signal {describe_signal(-returncode)}"
    number = _ending_signal(returncode)
    meaning = "" if number is None else f", which means that signal {describe_signal(number)} ended a program"
    return f"the command ended with exit code {returncode}{meaning}"


def problem_with_metrics(required: Sequence[str], command: CommandSpec, end: CommandEnd) -> str | None:
    """Return why a command that ended with exit code 0 has no result, or None if it has one."""
    missing = [metric for metric in required if metric not in end.metrics]
    if not missing:
        try:
            check_required(required, end.metrics)
        except ValueError as error:
            return str(error)
        return None
    seen = ", ".join(sorted(end.metrics)) or "none"
    patterns = [f"the pattern {pattern!r} for {name}" for name, pattern in command.stdout.items()]
    files = [f"the file {command.file}"] if command.file is not None else []
    if end.missing_file is not None:
        files = [f"the file {end.missing_file}, which does not exist"]
    sources = ", ".join([*patterns, *files, "the file that SWEEP_METRICS names"])
    return (
        f"the command ended with exit code 0, but the study's metric {missing[0]!r} was not found; "
        f"metrics that were found: {seen}; sources: {sources}"
    )


def _start_error(words: Sequence[str], error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename == words[0]:
        place = "in the working directory" if "/" in words[0] else f"in PATH ({os.environ.get('PATH', '')})"
        return f"the command cannot be started on {platform.node()}: there is no program {words[0]!r} {place}"
    return f"the command cannot be started on {platform.node()}: {words[0]}: {error.strerror}"


def _log_lines(folder: AttemptFolder) -> Callable[[], list[str]]:
    def read() -> list[str]:
        lines = [line for line in folder.read_log(LOG_TAIL_BYTES).splitlines() if line.strip()]
        return lines[-LOG_TAIL_LINES:]

    return read


LOG_TAIL_BYTES, LOG_TAIL_LINES = 8000, 20


def _result(
    spec: TrialSpec,
    *,
    outcome: Outcome = Outcome.FAILED,
    cause: Cause | None = None,
    error: str | None = None,
    exit_status: str | None = None,
) -> Result:
    status = exit_status[:MAX_EXIT_STATUS] if exit_status else None
    return Result(spec.token, outcome, time.time(), {}, cause=cause, error=error, exit_status=status)
