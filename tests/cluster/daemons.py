"""Servers that tests start on this machine: run apart from the tests, waited for, ended for certain."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil


def program(name: str) -> str | None:
    """Where a server is installed; an ordinary user's PATH may leave out /usr/sbin."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
    """Start a server in a session of its own; its process id."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    path = program(command[0])
    assert path is not None, f"{command[0]} is not installed"
    return os.posix_spawn(path, command, environment, file_actions=files, setsid=True)


def end(pid: int, timeout_s: float = 10) -> None:
    """Ask a process to end, make it after a while, and see that it has."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.terminate()
        try:
            wait_until(f"process {pid} has ended", lambda: has_ended(process), timeout_s)
        except TimeoutError:
            process.kill()
            wait_until(f"process {pid} is killed", lambda: has_ended(process), timeout_s)


def has_ended(process: psutil.Process) -> bool:
    """Whether a process is over, be it that nobody has taken note of it yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(what: str, condition: Callable[[], object], timeout_s: float = 30) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {timeout_s} s: {what}")
        time.sleep(0.05)


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
