import errno
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder, trial_folder
from sweep.worker.documents import EpochReport, Result, Start, TrialSpec


def spec(**changes: object) -> TrialSpec:
    values: dict[str, object] = {
        "study": "toy", "number": 3, "attempt": 1, "token": "t1", "train": "toy_model:train",
        "objectives": ("score",),
        "params": {"x": 0.5, "kind": None}, "seed": 7, "dataset": None, "data_dir": None, "code_dir": ".",
        "threads": None, "earlier_attempts": ("a", "b"),
    }  # fmt: skip
    return TrialSpec(**{**values, **changes})  # type: ignore[arg-type]


def start(token: str, pid: int = 1) -> Start:
    return Start(token, 1.5, "n1", pid, None, "3.11", {"numpy": "2"})


def folder(tmp_path: Path) -> AttemptFolder:
    made = attempt_folder(trial_folder(tmp_path, "toy", 3), 1, "t1")
    made.create(spec())
    return made


def test_path_contains_the_padded_number_and_the_token(tmp_path: Path) -> None:
    assert folder(tmp_path).path == tmp_path / "toy" / "00003" / "attempt-1-t1"


def test_spec_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert folder(tmp_path).read_spec() == spec()


def test_unfinished_folder_can_be_created_again(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    attempt.spec.unlink()
    attempt.create(spec())
    assert attempt.read_spec() == spec()


def test_only_the_first_claim_succeeds(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    assert attempt.read_start("t1") is None
    assert attempt.claim(start("t1", pid=1))
    assert not attempt.claim(start("t1", pid=2))
    assert attempt.read_start("t1") == start("t1", pid=1)
    assert sorted(file.name for file in attempt.path.iterdir()) == ["artifacts", "spec.json", "started.json"]


def test_epochs_are_read_from_an_offset(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    assert attempt.read_epochs() == ([], 0)
    first, second = EpochReport(1, 0.5, {"score": 1.0}), EpochReport(2, 0.7, {"score": float("inf")})
    attempt.append_epoch(first)
    reports, offset = attempt.read_epochs()
    assert reports == [first]
    attempt.append_epoch(second)
    assert attempt.read_epochs(offset)[0] == [second]


def test_unfinished_last_line_is_left_for_the_next_read(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    attempt.append_epoch(EpochReport(1, 0.5, {"score": 1.0}))
    line = json.dumps(asdict(EpochReport(2, 0.7, {"score": 2.0}))) + "\n"
    with attempt.metrics.open("a") as lines:
        lines.write(line[:20])
    reports, offset = attempt.read_epochs()
    assert [report.epoch for report in reports] == [1]
    assert attempt.read_epochs(offset) == ([], offset)
    with attempt.metrics.open("a") as lines:
        lines.write(line[20:])
    assert [report.epoch for report in attempt.read_epochs(offset)[0]] == [2]


def test_damaged_lines_are_logged_and_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damage of this kind arises when a disk is full for a while."""
    made = folder(tmp_path)
    made.append_epoch(EpochReport(1, 1.0, {"score": 0.1}))
    with made.metrics.open("a") as lines:
        lines.write('{"epoch": 2, "repo')
    made.append_epoch(EpochReport(3, 3.0, {"score": 0.3}))
    with made.metrics.open("a") as lines:
        lines.write("[]\n")
    made.append_epoch(EpochReport(4, 4.0, {"score": 0.4}))
    reports, offset = made.read_epochs()
    assert [report.epoch for report in reports] == [1, 4]
    assert offset == made.metrics.stat().st_size
    assert "ignored 2 damaged lines; the first: it is not JSON" in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_damaged_file_is_read_as_missing(tmp_path: Path, content: str) -> None:
    made = folder(tmp_path)
    made.started.write_text(content)
    made.result.write_text(content)
    assert made.read_start("t1") is None
    assert made.read_result("t1") is None


def test_documents_with_another_token_are_ignored(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    result = Result("t1", Outcome.FAILED, 2.0, {"score": 1.0}, Cause.ERROR, "trace", {"key": "value"})
    assert attempt.read_result("t1") is None
    attempt.write_result(result)
    assert attempt.read_result("t1") == result
    assert attempt.read_result("t2") is None
    assert attempt.read_start("t2") is None


def test_stop_request_contains_its_reason(tmp_path: Path) -> None:
    attempt = folder(tmp_path)
    assert attempt.read_stop() is None
    attempt.request_stop(Outcome.PRUNED)
    assert attempt.read_stop() is Outcome.PRUNED


def test_stop_request_for_a_folder_that_was_never_created_is_omitted(tmp_path: Path) -> None:
    AttemptFolder(tmp_path / "attempt-1-abc").request_stop(Outcome.SUPERSEDED)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS])
def test_only_the_first_claim_succeeds_on_a_file_system_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def link(source: str, target: str) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    attempt = folder(tmp_path)
    assert attempt.claim(start("t1", pid=1))
    assert not attempt.claim(start("t1", pid=2))
    assert attempt.read_start("t1") == start("t1", pid=1)
    assert sorted(file.name for file in attempt.path.iterdir()) == ["artifacts", "spec.json", "started.json"]


def test_claim_succeeds_if_the_answer_to_the_link_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An NFS client repeats the request, and the server answers that the name exists."""
    real = os.link

    def link(source: str, target: str) -> None:
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", link)
    assert folder(tmp_path).claim(start("t1"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("10%\r20%\r30%", "30%"),
        ("10%\r20%\r30%\r", "30%"),
        ("\r10%\r20%\nepoch 2\r\n\r50%", "20%\nepoch 2\n50%"),
        ("x" * 3000 + "\r40%", "40%"),
        ("".join(f"\r{number}%" for number in range(1000)), "999%"),
    ],
)
def test_last_state_of_a_progress_bar_is_one_line(tmp_path: Path, written: str, shown: str) -> None:
    attempt = folder(tmp_path)
    attempt.log.write_bytes(written.encode())
    assert attempt.read_log(2000) == shown
