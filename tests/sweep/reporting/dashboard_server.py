"""A dashboard server for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
