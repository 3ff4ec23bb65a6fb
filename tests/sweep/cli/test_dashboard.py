"""`sweep dashboard`. The server is tested in tests/sweep/reporting/test_dashboard.py."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.sweep.reporting.dashboard_server import printed_link


def new_database(folder: Path) -> Path:
    """Create an empty database in a folder, and return the folder."""
    (folder / "sweep.db").touch()
    return folder


def answer(address: str) -> int:
    try:
        with urlopen(address, timeout=30) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


def test_missing_database_is_rejected(check_rejected: Callable[[Sequence[str], str], None]) -> None:
    check_rejected(("dashboard", "--storage", "sqlite:///missing.db"), "there is no database")


@pytest.mark.slow
def test_printed_link_contains_a_new_token(tmp_path: Path) -> None:
    links = []
    for _ in range(2):
        with printed_link(new_database(tmp_path)) as (address, _process):
            links.append(address)
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
            assert answer(address.partition("?")[0]) == 403
    assert links[0].partition("=")[2] != links[1].partition("=")[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ([], []),
        (["--no-token"], ["without a token, every user of this machine can read all studies"]),
        (["--host", "0.0.0.0"], ["can be reached over the network"]),
        (
            ["--host", "0.0.0.0", "--no-token", "--writable"],
            ["everybody who can reach this port over the network can read, change and delete", "ssh -L"],
        ),
    ],
)
def test_warning_says_what_others_can_do(tmp_path: Path, options: list[str], warned: list[str]) -> None:
    with printed_link(new_database(tmp_path), *options) as (address, process):
        if "--no-token" in options:
            port = address.rpartition(":")[2]
            assert answer(f"http://127.0.0.1:{port}/api/studies") == 200
        process.terminate()
        assert process.stderr is not None
        printed = process.stderr.read()
    assert bool(printed) == bool(warned)
    for part in warned:
        assert part in printed
