import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact

from sweep.errors import InputError
from sweep.reporting.dashboard import link, make_server
from sweep.storage.database import connect, parse_url, upgrade
from sweep.storage.studies import create_study
from sweep.worker.attempt_folder import dashboard_folder
from tests.sweep.reporting.dashboard_server import running

CHANGING = [
    ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
    ("POST", "/api/studies/1/rename", {"study_name": "new"}),
    ("PUT", "/api/studies/1/note", {"version": 1, "body": "a note"}),
    ("DELETE", "/api/studies/1", {}),
    ("PATCH", "/api/studies/1", {}),
    ("delete", "/api/studies/1", {}),
]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Create a database with one study, which no test changes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('storage') / 'sweep.db'}"
    study = optuna.create_study(study_name="größe", storage=url, direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    return url


@pytest.fixture(scope="module")
def address(storage: str) -> Iterator[str]:
    """Serve a read-only dashboard of the database, and yield its address."""
    with running(storage) as address:
        yield address


def request(url: str, method: str = "GET", body: object = None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    try:
        with urlopen(Request(url, data, headers, method=method), timeout=10) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def study_names(address: str) -> list[str]:
    status, body = request(f"{address}/api/studies")
    assert status == 200
    return [study["study_name"] for study in json.loads(body)["study_summaries"]]


def test_read_only_dashboard_answers_every_page(address: str) -> None:
    assert study_names(address) == ["größe"]
    pages = ["/", "/dashboard/studies/1", "/static/bundle.js", "/api/meta", "/api/studies/1", "/csv/1"]
    for path in [*pages, "/api/studies/1/param_importances"]:
        assert request(address + path)[0] == 200, path
    assert request(f"{address}/dashboard", "HEAD") == (200, b"")


@pytest.mark.parametrize(("method", "path", "body"), CHANGING)
def test_read_only_dashboard_rejects_changes(address: str, method: str, path: str, body: object) -> None:
    status, answer = request(address + path, method, body)
    assert status == 403
    assert "read-only" in json.loads(answer)["reason"]
    assert study_names(address) == ["größe"]


def test_writable_dashboard_changes_studies(tmp_path: Path) -> None:
    (tmp_path / "sweep.db").touch()  # without Optuna's tables, which the dashboard creates
    with running(f"sqlite:///{tmp_path / 'sweep.db'}", writable=True) as address:
        assert request(f"{address}/api/studies", "POST", CHANGING[0][2])[0] == 201
        assert study_names(address) == ["new"]
        assert request(f"{address}/api/studies/1", "DELETE", {})[0] == 204
        assert study_names(address) == []


def test_artifacts_of_every_study_are_served(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sweep.db'}"
    engine = connect(parse_url(url))
    upgrade(engine)
    for name in ("a", "b"):
        create_study(engine, name, {}, {}, str(tmp_path / "sweeps"))
        study = optuna.create_study(study_name=name, storage=url)
        store = dashboard_folder(tmp_path / "sweeps" / name)
        store.mkdir(parents=True)
        (tmp_path / "log.txt").write_text(f"log of {name}")
        upload_artifact(
            artifact_store=FileSystemArtifactStore(store),
            file_path=str(tmp_path / "log.txt"),
            study_or_trial=study.ask(),
        )
    engine.dispose()
    with running(url) as address:
        for study_id, name in ((1, "a"), (2, "b")):
            (trial,) = json.loads(request(f"{address}/api/studies/{study_id}")[1])["trials"]
            (artifact,) = trial["artifacts"]
            file = f"{address}/artifacts/{study_id}/{trial['trial_id']}/{artifact['artifact_id']}"
            assert request(file) == (200, f"log of {name}".encode())


def raw_request(address: str, text: str) -> bytes:
    """Send a request as it is, and return everything that the server answers."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_token_is_required_and_never_logged(
    storage: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    token = "SECRET-token"
    with running(storage, token=token) as address:
        assert request(f"{address}/api/studies")[0] == 403
        assert request(f"{address}/?token=wrong")[0] == 403
        host = f"Host: {address.removeprefix('http://')}\r\n"
        answer = raw_request(address, f"GET /?token={token} HTTP/1.0\r\n{host}\r\n").decode()
        cookie = answer.partition("Set-Cookie: ")[2].partition(";")[0]
        assert answer.startswith("HTTP/1.0 302")
        assert "Location: /\r\n" in answer
        for header in (
            f"Cookie: {cookie}",
            f"Authorization: Bearer {token}",
            f"Authorization: token {token}",
        ):
            request_text = f"GET /api/studies HTTP/1.0\r\n{host}{header}\r\n\r\n"
            assert raw_request(address, request_text).startswith(b"HTTP/1.0 200")
        raw_request(address, f"GET /?token={token} nonsense HTTP/9.9\r\n\r\n")
        raw_request(address, f"GET /\x1b[2J?token={token} HTTP/1.0\r\n{host}\r\n")
    assert token not in caplog.text
    assert "\x1b" not in caplog.text
    assert "GET /api/studies: 200" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_request_under_another_name_is_rejected(storage: str) -> None:
    with running(storage, writable=True) as address:
        for method in ("GET", "DELETE"):
            answer = raw_request(address, f"{method} /api/studies/1 HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            assert answer.startswith(b"HTTP/1.0 403")
        host = f"Host: {address.removeprefix('http://')}\r\n"
        for origin in ("http://evil.example", "null"):
            text = f"DELETE /api/studies/1 HTTP/1.1\r\n{host}Origin: {origin}\r\n\r\n"
            assert raw_request(address, text).startswith(b"HTTP/1.0 403")
        assert study_names(address) == ["größe"]


def test_rejected_request_with_a_body_gets_its_answer(address: str) -> None:
    status, answer = request(f"{address}/api/studies", "POST", {"study_name": "x" * 900_000})
    assert (status, b"read-only" in answer) == (403, True)


def test_client_that_sends_nothing_does_not_delay_others(address: str) -> None:
    port = int(address.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for connection in silent[::2]:
            connection.sendall(b"POST /api/studies HTTP/1.1\r\nContent-Length: 100\r\n")
        assert study_names(address) == ["größe"]
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("0.0.0.0", socket.gethostname()),
        ("::1", "[::1]"),
    ],
)
def test_link_can_be_opened(storage: str, host: str, shown: str) -> None:
    with make_server(storage, host, 0, writable=False, token="abc") as server:
        assert link(server, host, "abc") == f"http://{shown}:{server.server_port}/?token=abc"
        assert link(server, host, None) == f"http://{shown}:{server.server_port}"
        assert server.is_local == (host != "0.0.0.0")


def test_requests_are_not_printed(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    study_names(address)
    assert capfd.readouterr() == ("", "")


def test_port_in_use_raises_error(storage: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"cannot listen on 127.0.0.1 port {port}: .*in use.*\n.*--port"
        ):
            make_server(storage, "127.0.0.1", port, writable=False)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 70_000)])
def test_invalid_address_raises_error(storage: str, host: str, port: int) -> None:
    with pytest.raises(InputError, match=f"cannot listen on {host} port {port}"):
        make_server(storage, host, port, writable=False)


def test_missing_database_raises_error_and_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no database"):
        make_server(f"sqlite:///{tmp_path / 'none.db'}", "127.0.0.1", 0, writable=False)
    assert list(tmp_path.iterdir()) == []


def test_error_hides_the_password() -> None:
    with pytest.raises(InputError) as raised:
        make_server("postgresql+psycopg://me:hunter2@127.0.0.1:1/sweep", "127.0.0.1", 0, writable=False)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("sweep.reporting.dashboard", {"pandas", "plotly", "optuna_dashboard"}),
        ("sweep.reporting.report", {"optuna_dashboard", "sqlalchemy"}),
    ],
)
def test_module_does_not_import_heavy_packages_it_does_not_need(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not unwanted & set(loaded.split())
