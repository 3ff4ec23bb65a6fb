"""The server of Optuna's dashboard, which is read-only unless it is requested to be writable."""

import io
import logging
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import psutil

from sweep.errors import InputError
from sweep.reporting.dashboard_access import Access, bracketed, guarded, served_hosts
from sweep.storage.database import connect, parse_url, real_url
from sweep.storage.studies import study_workdirs
from sweep.terminal_text import one_line, several_lines
from sweep.worker.attempt_folder import dashboard_folder

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)

CLIENT_TIMEOUT_S = 60
"""How many seconds a client may send or accept nothing before its connection is closed."""


def make_server(
    storage_url: str, host: str, port: int, writable: bool, token: str | None = None
) -> "DashboardServer":
    """Return a server that listens on an address and answers once `serve_forever` is called.

    Args:
        storage_url: The URL of the database.
        host: The name or address to listen on.
        port: The port to listen on; 0 for any free port.
        writable: Whether requests may change studies.
        token: What each request must present; None answers everybody who can reach the port.

    Raises:
        InputError: If the database cannot be opened, or the server cannot listen on the address.
    """
    app = _dashboard(storage_url)
    try:
        family, *_, (address, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        server = DashboardServer(family, str(address), port)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error}\nchoose another address with --host and --port"
        ) from error
    names, addresses = ([], []) if server.is_local else (_own_names(), _own_addresses())
    access = Access(token, served_hosts(host, names, addresses), server.server_port, writable)
    server.set_app(guarded(app, access))
    return server


def link(server: "DashboardServer", host: str, token: str | None) -> str:
    """Return the address of a dashboard that a user can open, with the token.

    Args:
        server: The server.
        host: The name or address that it was to listen on.
        token: The token that the server requires.
    """
    name = bracketed(socket.gethostname() if server.ip_address.is_unspecified else host)
    query = "" if token is None else f"/?token={token}"
    return f"http://{name}:{server.server_port}{query}"


def _own_names() -> list[str]:
    return [socket.gethostname(), socket.getfqdn()]


def _own_addresses() -> list[str]:
    internet = (socket.AF_INET, socket.AF_INET6)
    return [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in internet
    ]


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
        from optuna.artifacts.exceptions import ArtifactNotFound

        for study, workdir in study_workdirs(self._engine).items():
            file = dashboard_folder(Path(workdir, study)) / artifact_id
            if file.is_file() and not file.is_symlink():  # a link may leave the folder
                return file.open("rb")
        raise ArtifactNotFound(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Raise NotImplementedError: only the launcher writes artifacts."""
        raise NotImplementedError("only the launcher writes dashboard artifacts")

    def remove(self, artifact_id: str) -> None:
        """Raise NotImplementedError: only the launcher removes artifacts."""
        raise NotImplementedError("only the launcher removes dashboard artifacts")


class DashboardServer(ThreadingMixIn, WSGIServer):
    """A server with one thread per request, so that a slow request does not delay others."""

    daemon_threads = True

    def __init__(self, family: socket.AddressFamily, address: str, port: int) -> None:
        self.address_family = family
        super().__init__((address, port), _LoggingHandler)

    @property
    def ip_address(self) -> IPv4Address | IPv6Address:
        """The address that the server listens on."""
        return ip_address(str(self.server_address[0]).partition("%")[0])

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.ip_address.is_loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if isinstance(error, ConnectionError | TimeoutError):
            logger.info("the connection of %s was closed: %s", client_address[0], type(error).__name__)
        else:
            logger.exception("a request from %s failed", client_address[0])


class _LoggingHandler(WSGIRequestHandler):
    """A request handler that logs requests instead of printing them.

    The log contains no query, which may contain the token, and no header.
    """

    timeout = CLIENT_TIMEOUT_S

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        path = one_line(getattr(self, "path", "").partition("?")[0])
        logger.info("%s %s %s: %s", self.address_string(), one_line(self.command), path, code)

    def log_error(self, format: str, *args: object) -> None:
        logger.info("%s: the request was not understood", self.address_string())

    def log_message(self, format: str, *args: object) -> None:
        """Ignore messages that may contain a whole request line."""

    def get_stderr(self) -> TextIO:
        return _ErrorLog()


class _ErrorLog(io.StringIO):
    """A stream that logs errors of the application as one message each."""

    def write(self, text: str) -> int:
        if text.strip():
            logger.error("%s", several_lines(text.strip()))
        return len(text)
