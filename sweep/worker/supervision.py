"""Running a function in a forked process, and ending everything that this process has started."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

from sweep.worker.processes import adopt_orphans, die_with_parent, kill_descendants

FLUSH_TIMEOUT_S = 10
"""How long the output of a process that has done its work may take to be written."""


class ProcessEnd(NamedTuple):
    """How a supervised process ended.

    Attributes:
        pid: Its process id.
        exit_code: Its exit code; None if a signal ended it.
        signal: The signal that ended it; None if it ended by itself.
        timed_out: Whether it was killed because it reached its time limit.
    """

    pid: int
    exit_code: int | None
    signal: int | None
    timed_out: bool

    def __str__(self) -> str:
        if self.signal is None:
            return f"exit code {self.exit_code}"
        return f"signal {signal_name(self.signal)}"


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGSEGV; its number if it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def describe_signal(number: int) -> str:
    """Return the name of a signal with its description, such as `SIGSEGV (Segmentation fault)`."""
    description = signal.strsignal(number)
    return f"{signal_name(number)} ({description})" if description else signal_name(number)


def run_supervised(function: Callable[[], None], time_limit_s: float | None = None) -> ProcessEnd:
    """Run a function in a forked process, wait for its end, and kill all processes that it has left behind.

    The forked process ends as soon as the function has returned and its output is written: neither other
    threads, nor child processes, nor functions registered with `atexit` delay it. If this process receives
    SIGTERM, it kills the forked process with its descendants, then ends by SIGTERM.

    This process must have one thread and no other children.

    Args:
        function: The function. If it raises an error, the exit code is 1.
        time_limit_s: How many seconds it may take; None sets no limit.
    """
    adopt_orphans()
    parent = os.getpid()
    end_descendants_on_sigterm()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run_and_exit(function, parent)
    alarm = _Alarm(child, time_limit_s)
    try:
        status = _wait_for(child)
    finally:
        alarm.cancel()
        kill_descendants(groups=[child])
    if os.WIFSIGNALED(status):
        return ProcessEnd(child, None, os.WTERMSIG(status), alarm.has_expired)
    return ProcessEnd(child, os.WEXITSTATUS(status), None, alarm.has_expired)


def end_by_signal(number: int) -> None:
    """End this process by a signal, so that what observes it sees the same end as that of its child."""
    sys.stdout.flush()
    sys.stderr.flush()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def end_descendants_on_sigterm() -> None:
    """Kill all descendants of this process when it receives SIGTERM, then end it by that signal."""

    def end(number: int, frame: FrameType | None) -> None:
        kill_descendants()
        end_by_signal(number)

    signal.signal(signal.SIGTERM, end)


class _Alarm:
    """Kills a child when its time limit is reached."""

    def __init__(self, child: int, time_limit_s: float | None) -> None:
        self._child = child
        self.has_expired = False
        if time_limit_s is not None:
            signal.signal(signal.SIGALRM, self._expire)
            signal.setitimer(signal.ITIMER_REAL, time_limit_s)

    def _expire(self, number: int, frame: FrameType | None) -> None:
        self.has_expired = True
        os.kill(self._child, signal.SIGKILL)

    def cancel(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _wait_for(child: int) -> int:
    """Return the status of a child when it ends. Orphans that end before are collected."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return status


def _run_and_exit(function: Callable[[], None], parent: int) -> None:
    """Run the function in the forked process, and end the process."""
    exit_code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        die_with_parent(parent)
        function()
        exit_code = 0
    except BaseException:  # nothing may return into the copy of the parent
        traceback.print_exc()
    finally:
        _flush_and_exit(exit_code)


def _flush_and_exit(exit_code: int) -> None:
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process if its output cannot be written
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        signal.setitimer(signal.ITIMER_REAL, FLUSH_TIMEOUT_S)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the function may have replaced or closed it
                stream.flush()
    finally:
        os._exit(exit_code)
