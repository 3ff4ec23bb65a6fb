"""The server of Optuna's dashboard, which is read-only unless it is requested to be writable."""

import json
import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, BinaryIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sweep.errors import InputError
from sweep.storage.database import connect, parse_url, real_url
from sweep.storage.studies import study_workdirs
from sweep.worker.attempt_folder import dashboard_folder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)

# The dashboard's pages use these methods only to read. Its routes with other methods change studies.
READING_METHODS = ("GET", "HEAD", "OPTIONS")
READ_ONLY_REASON = (
    "This dashboard is read-only. Start it with `sweep dashboard --writable` to change studies."
)


def make_server(storage_url: str, host: str, port: int, writable: bool) -> WSGIServer:
    """Return a server that listens on an address and answers once `serve_forever` is called.

    Args:
        storage_url: The URL of the database.
        host: The name or address to listen on.
        port: The port to listen on; 0 for any free port.
        writable: Whether requests may change studies.

    Raises:
        InputError: If the database cannot be opened, or the server cannot listen on the address.
    """
    app = _dashboard(storage_url)
    try:
        family, *_, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        server = _Server(family, str(address), port)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error}\nchoose another address with --host and --port"
        ) from error
    server.set_app(app if writable else read_only(app))
    return server


def read_only(app: "WSGIApplication") -> "WSGIApplication":
    """Return an application that rejects every request that could change something, with status 403."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING_METHODS:
            return app(environ, start_response)
        body = json.dumps({"reason": READ_ONLY_REASON}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return guarded


def _dashboard(storage_url: str) -> "WSGIApplication":
    url = parse_url(storage_url)
    connect(url, must_exist=True).dispose()
    # Imported here because the import takes seconds and loads pandas.
    import optuna_dashboard
    from optuna.storages import RDBStorage

    storage = RDBStorage(real_url(url))  # creates Optuna's tables if they do not exist
    app: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=DashboardArtifactStore(connect(url)))
    return app


class DashboardArtifactStore:
    """A read-only artifact store with the dashboard artifacts of all studies of a database."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open an artifact of any study.

        Raises:
            ArtifactNotFound: If no study has the artifact.
        """
        from optuna.artifacts import FileSystemArtifactStore
        from optuna.artifacts.exceptions import ArtifactNotFound

        for study, workdir in study_workdirs(self._engine).items():
            with suppress(ArtifactNotFound):
                return FileSystemArtifactStore(dashboard_folder(Path(workdir, study))).open_reader(
                    artifact_id
                )
        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Raise NotImplementedError: only the launcher writes artifacts."""
        raise NotImplementedError("only the launcher writes dashboard artifacts")

    def remove(self, artifact_id: str) -> None:
        """Raise NotImplementedError: only the launcher removes artifacts."""
        raise NotImplementedError("only the launcher removes dashboard artifacts")


class _Server(ThreadingMixIn, WSGIServer):
    """A server with one thread per request, so that a slow request does not delay others."""

    daemon_threads = True

    def __init__(self, family: socket.AddressFamily, address: str, port: int) -> None:
        self.address_family = family
        super().__init__((address, port), _LoggingHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.exception("a request from %s failed", client_address)


class _LoggingHandler(WSGIRequestHandler):
    """A request handler that logs requests instead of printing them."""

    def log_message(self, format: str, *args: object) -> None:
        logger.info(format, *args)
