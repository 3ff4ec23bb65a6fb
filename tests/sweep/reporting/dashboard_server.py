"""A dashboard server for tests."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweep.reporting.dashboard import make_server


@contextmanager
def running(storage: str, *, writable: bool = False, token: str | None = None) -> Iterator[str]:
    """Serve a dashboard on a free loopback port, and yield its address."""
    with make_server(storage, "127.0.0.1", 0, writable, token) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def printed_link(folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `sweep dashboard` in a folder on a free port, and yield the link that it prints and its process."""
    command = [sys.executable, "-m", "sweep", "dashboard", "--port", "0", *options]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.fullmatch(r"Optuna dashboard, [\w-]+: (\S+) \(stop it with Ctrl-C\)\n", line)
            assert match, line
            yield match[1], process
        finally:
            process.kill()
