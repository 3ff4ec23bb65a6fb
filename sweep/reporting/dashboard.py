"""optuna-dashboard over a study's storage: for reading, unless writing was asked for."""

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
from sweep.storage.study_records import study_workdirs
from sweep.worker.attempt_folder import dashboard_folder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)

# All that the dashboard's pages read, they read with GET: its POST routes create, rename, tell and annotate.
READING_METHODS = ("GET", "HEAD", "OPTIONS")
REFUSAL = "This dashboard is read-only. Start it with `sweep dashboard --writable` to change studies."


def make_server(storage_url: str, host: str, port: int, writable: bool) -> WSGIServer:
    """A server that listens already and answers once `serve_forever` is called; port 0 takes a free one.

    Raises
    ------
    InputError
        When the storage cannot be opened, or the address cannot be listened on.
    """
    app = _dashboard(storage_url)
    try:
        family, *_, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        server = _Server(family, str(address), port)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error}\nname another address with --host and --port"
        ) from error
    server.set_app(app if writable else read_only(app))
    return server


def read_only(app: "WSGIApplication") -> "WSGIApplication":
    """The application, with every request that could change something answered by 403 and the reason."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in READING_METHODS:
            return app(environ, start_response)
        body = json.dumps({"reason": REFUSAL}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return guarded


def _dashboard(storage_url: str) -> "WSGIApplication":
    url = parse_url(storage_url)
    connect(url, must_exist=True).dispose()
    # Imported here: it takes seconds, and brings pandas along.
    import optuna_dashboard
    from optuna.storages import RDBStorage

    storage = RDBStorage(real_url(url))  # makes Optuna's tables, which the dashboard would not
    app: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=ExhibitStore(connect(url)))
    return app


class ExhibitStore:
    """The files that launchers have kept for the dashboard, of all studies of a database: for reading."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def open_reader(self, artifact_id: str) -> BinaryIO:
        from optuna.artifacts import FileSystemArtifactStore
        from optuna.artifacts.exceptions import ArtifactNotFound

        for study, workdir in study_workdirs(self._engine).items():
            with suppress(ArtifactNotFound):
                return FileSystemArtifactStore(dashboard_folder(Path(workdir, study))).open_reader(
                    artifact_id
                )
        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        raise NotImplementedError("only the launcher keeps files")

    def remove(self, artifact_id: str) -> None:
        raise NotImplementedError("only the launcher keeps files")


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request, so that a slow one does not hold up the page."""

    daemon_threads = True

    def __init__(self, family: socket.AddressFamily, address: str, port: int) -> None:
        self.address_family = family
        super().__init__((address, port), _LoggingHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.exception("a request from %s failed", client_address)


class _LoggingHandler(WSGIRequestHandler):
    """Requests go to the log: only the command line prints."""

    def log_message(self, format: str, *args: object) -> None:
        logger.info(format, *args)
