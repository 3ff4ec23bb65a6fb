"""Functions that start the servers of the tests, wait for them and terminate them."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil


def program(name: str) -> str | None:
    """Return the path of an installed server; /usr/sbin is searched even if the PATH omits it."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")


def start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
    """Start a server in its own session and return its process id."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    path = program(command[0])
    assert path is not None, f"{command[0]} is not installed"
    return os.posix_spawn(path, command, environment, file_actions=files, setsid=True)


def terminate(pid: int, timeout_s: float = 10) -> None:
    """Terminate a process, kill it if it has not ended after the timeout, and wait until it has ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.terminate()
        try:
            wait_until(f"process {pid} has ended", lambda: has_ended(process), timeout_s)
        except TimeoutError:
            process.kill()
            wait_until(f"process {pid} is killed", lambda: has_ended(process), timeout_s)


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, even if its parent has not read its exit status yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(description: str, condition: Callable[[], object], timeout_s: float = 30) -> None:
    """Wait until a condition holds.

    Args:
        description: The condition in words, for the error.
        condition: A function without arguments; its result is interpreted as a boolean.
        timeout_s: The time after which waiting fails.

    Raises:
        TimeoutError: The condition did not hold within `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s in vain until {description}")
        time.sleep(0.05)


def free_ports(num_ports: int) -> list[int]:
    """Return distinct TCP ports of this machine on which no process listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(num_ports)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
