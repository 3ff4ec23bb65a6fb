"""Tests with a server on the loopback interface. No test uses another network."""

import gzip
import hashlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from capsmodel.data import fetch, kmnist, load_dataset, verify
from capsmodel.data.download import PIECE_BYTES
from capsmodel.errors import DataError

NAMES = list(kmnist.SHA256)


def _idx(array):
    """Encode an array in the idx format."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def files(monkeypatch):
    """Return four files in the format of the data set, and replace the real checksums with theirs."""
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28), dtype=np.uint8)
    labels = (np.arange(400) % 10).astype(np.uint8)
    contents = [_idx(images), _idx(labels), _idx(images[:20]), _idx(labels[:20])]
    checksums = [hashlib.sha256(content).hexdigest() for content in contents]
    monkeypatch.setattr(kmnist, "SHA256", dict(zip(NAMES, checksums, strict=True)))
    return dict(zip(NAMES, contents, strict=True))


class FileServer(ThreadingHTTPServer):
    """A server of files that can interrupt its responses, ignore ranges, and send wrong files.

    Attributes:
        files: The content of each file, by name.
        cut_after: The number of bytes after which each of the next responses is interrupted.
        supports_ranges: Whether the server respects the Range header.
        requests: The file name and the Range header of each request.
        url: The address of the server, ending in a slash.
    """

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(files)
        self.cut_after = []
        self.supports_ranges = True
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, wanted = self.path[1:], self.headers["Range"]
        self.server.requests.append((name, wanted))
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.server.supports_ranges else 0
        if first and first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        cut = self.server.cut_after.pop(0) if self.server.cut_after else None
        self.wfile.write(content[first:][:cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(files):
    with FileServer(files) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fetch_downloads_once_and_load_uses_no_network(server, files, tmp_path):
    checksum = fetch("kmnist", tmp_path, server.url)
    assert _names(tmp_path) == sorted(NAMES)
    assert [name for name, _ in server.requests] == NAMES
    assert fetch("kmnist", tmp_path, server.url) == verify("kmnist", tmp_path) == checksum
    assert len(server.requests) == 4
    dataset = load_dataset("kmnist", tmp_path)
    assert dataset.sha256 == checksum
    assert dataset.x_train.shape == (400, 28, 28, 1)
    assert dataset.x_test.shape == (20, 28, 28, 1)
    np.testing.assert_array_equal(dataset.y_train, np.arange(400) % 10)


def test_interrupted_download_is_resumed(server, files, tmp_path):
    server.cut_after = [2 * PIECE_BYTES, PIECE_BYTES + 10]
    fetch("kmnist", tmp_path, server.url)
    assert server.requests[:3] == [
        (NAMES[0], None),
        (NAMES[0], f"bytes={2 * PIECE_BYTES}-"),
        (NAMES[0], f"bytes={3 * PIECE_BYTES}-"),
    ]
    assert (tmp_path / NAMES[0]).read_bytes() == files[NAMES[0]]


def test_incomplete_download_is_kept_for_next_fetch(server, files, tmp_path):
    server.cut_after = [2 * PIECE_BYTES, PIECE_BYTES, 10]
    with pytest.raises(DataError, match="to resume the download"):
        fetch("kmnist", tmp_path, server.url)
    assert _names(tmp_path) == [f"{NAMES[0]}.part"]
    fetch("kmnist", tmp_path, server.url)
    assert server.requests[3] == (NAMES[0], f"bytes={3 * PIECE_BYTES}-")
    assert _names(tmp_path) == sorted(NAMES)


def test_download_restarts_if_server_does_not_support_ranges(server, files, tmp_path):
    server.supports_ranges = False
    server.cut_after = [2 * PIECE_BYTES]
    fetch("kmnist", tmp_path, server.url)
    assert (tmp_path / NAMES[0]).read_bytes() == files[NAMES[0]]


def test_complete_part_file_is_used(server, files, tmp_path):
    (tmp_path / f"{NAMES[0]}.part").write_bytes(files[NAMES[0]])
    fetch("kmnist", tmp_path, server.url)
    assert _names(tmp_path) == sorted(NAMES)


def test_file_with_wrong_checksum_is_rejected_and_removed(server, files, tmp_path):
    server.files[NAMES[1]] = b"a captive portal's page"
    with pytest.raises(DataError, match=rf"could not fetch .*{NAMES[1]}.*does not match"):
        fetch("kmnist", tmp_path, server.url)
    assert _names(tmp_path) == [NAMES[0]]
    with pytest.raises(DataError, match=rf"not complete; missing: {NAMES[1]}.*; run: sweep data fetch"):
        load_dataset("kmnist", tmp_path)
    server.files = files
    fetch("kmnist", tmp_path, server.url)


def test_part_file_of_another_version_is_rejected_and_removed(server, files, tmp_path):
    (tmp_path / f"{NAMES[0]}.part").write_bytes(b"of another version")
    with pytest.raises(DataError, match="does not match"):
        fetch("kmnist", tmp_path, server.url)
    fetch("kmnist", tmp_path, server.url)


def test_damaged_file_is_detected_and_downloaded_again(server, files, tmp_path):
    fetch("kmnist", tmp_path, server.url)
    (tmp_path / NAMES[2]).write_bytes(files[NAMES[2]][:-1])
    for function in (verify, load_dataset):
        with pytest.raises(DataError, match=rf"{NAMES[2]}: damaged; its sha256 is .* expected .*sweep data"):
            function("kmnist", tmp_path)
    fetch("kmnist", tmp_path, server.url)
    assert [name for name, _ in server.requests] == [*NAMES, NAMES[2]]


def test_fetch_raises_if_file_is_missing_on_server(server, tmp_path):
    del server.files[NAMES[3]]
    with pytest.raises(DataError, match=f"could not fetch .*{NAMES[3]}.*404"):
        fetch("kmnist", tmp_path, server.url)


def test_fetch_raises_with_advice_if_connection_fails(files, tmp_path):
    with socket.socket() as unused:  # bound but not listening, so that connections fail
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"could not fetch[\s\S]*copy the four files[\s\S]*digits"):
            fetch("kmnist", tmp_path, url)


def test_fetch_raises_if_folder_cannot_be_created(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="could not fetch"):
        fetch("kmnist", tmp_path / "file", server.url)


def test_default_data_dir_is_user_cache_folder(files, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="capsweep"):
        verify("kmnist")


def test_real_checksums_cover_four_files():
    assert len(NAMES) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in kmnist.SHA256.values())
