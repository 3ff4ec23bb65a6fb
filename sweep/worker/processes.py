"""The processes that this process has started, directly or indirectly, and their end."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

PROC = "/proc"
KILL_TIMEOUT_S = 10.0
"""How long to wait for killed processes to end; a process that waits for a disk cannot be killed."""

# Operations of prctl, from <linux/prctl.h>.
_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parents end, also of those in sessions of their own.

    Only Linux offers this. On other systems, such processes become children of the first process.
    """
    _prctl(_SET_CHILD_SUBREAPER, 1)


def peak_memory_gb() -> float:
    """Return the largest resident memory that this process or one of its ended descendants has had, in GiB.

    Memory of a GPU does not count.
    """
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of the values
    return max(peaks) * unit / 2**30


def die_with_parent(parent: int) -> None:
    """End this process by SIGKILL when its parent ends, if the system is Linux.

    Args:
        parent: The process id of the parent when it started this process.
    """
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the request
        os.kill(os.getpid(), signal.SIGKILL)


def kill_descendants(groups: Iterable[int] = ()) -> None:
    """Kill all descendants of this process, and wait until they have ended.

    Args:
        groups: Process groups that are killed in any case, for systems without `/proc`.
    """
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while _reap() and time.monotonic() < deadline:
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """Return the ids of all descendants of a process; none on a system without `/proc`."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir(PROC)  # noqa: PTH208 - a path object per process would take most of the time
    except OSError:
        return []
    for name in names:
        parent = _parent(name) if name.isdigit() else None
        if parent is not None:
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        of_one = children.get(waiting.pop(), [])
        found += of_one
        waiting += of_one
    return found


def _parent(pid: str) -> int | None:
    """Return the parent of a process; None if the process has ended."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read()
    except OSError:
        return None
    return int(text[text.rindex(b")") + 1 :].split()[1])  # the name before it may contain parentheses


def _reap() -> bool:
    """Collect the children that have ended, and return whether there are others."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def _prctl(operation: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # a C library without this function
            ctypes.CDLL(None).prctl(operation, value, 0, 0, 0)
