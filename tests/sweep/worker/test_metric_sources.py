"""Tests of the sources of a command's metrics."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.epoch_numbering import EpochNumbering
from sweep.worker.metric_sources import FileScanner, Finding, FollowedFile, MetricCollector, StdoutScanner

Epochs = list[tuple[int, dict[str, float]]]
PATTERNS = {"epoch": r"Epoch (\d+)", "acc": r"val_acc[=:]\s*(\S+)"}


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    return AttemptFolder(tmp_path)


def collected(findings: Sequence[Finding], objective: str = "acc") -> tuple[Epochs, Epochs, dict[str, float]]:
    """Return the epochs reported while a command runs, those reported at its end, and its result."""
    collector = MetricCollector([objective], {})
    early = [epoch for finding in findings for epoch in collector.add(finding)]
    return early, collector.finish(), collector.result


def scan_lines(folder: AttemptFolder, text: str, patterns: dict[str, str] = PATTERNS) -> list[Finding]:
    scanner = StdoutScanner(patterns, EpochNumbering(folder))
    return [finding for line in text.splitlines() for finding in scanner.scan(line)]


def test_epoch_of_the_output_is_complete_when_the_next_one_begins(folder: AttemptFolder) -> None:
    findings = scan_lines(folder, "Epoch 1\nval_acc: 0.1\nval_acc: 0.2,\nEpoch 2\nval_acc=0.3\nEpoch 2 ends")
    assert collected(findings) == ([(1, {"acc": 0.2})], [(2, {"acc": 0.3})], {"acc": 0.3})


def test_metrics_may_be_in_the_line_of_their_epoch(folder: AttemptFolder) -> None:
    findings = scan_lines(folder, "Epoch 1: val_acc=0.1\nEpoch 2: val_acc=0.2")
    assert collected(findings) == ([(1, {"acc": 0.1})], [(2, {"acc": 0.2})], {"acc": 0.2})


def test_output_without_epochs_has_a_result_only(folder: AttemptFolder) -> None:
    findings = scan_lines(folder, "val_acc=0.1\nval_acc=0.2", {"acc": PATTERNS["acc"]})
    assert collected(findings) == ([], [], {"acc": 0.2})


@pytest.mark.parametrize(
    ("line", "pattern", "value"),
    [
        ("a=1 a=2 a=3", r"a=(\d)", 3.0),
        ("accuracy: 0.5", r"acc=(\S+)|accuracy: (\S+)", 0.5),
        ("\x1b[32macc=0.5\x1b[0m", r"acc=(\S+)", 0.5),
        ("acc=1e-3;", r"acc=(\S+)", 0.001),
        ("acc=n/a", r"acc=(\S+)", None),
        ("acc=", r"acc=(\d+)?", None),
        ("loss=0.5", r"acc=(\S+)", None),
    ],
)
def test_last_group_that_matched_is_the_value(
    folder: AttemptFolder, line: str, pattern: str, value: float | None
) -> None:
    result = collected(scan_lines(folder, line, {"acc": pattern}))[2]
    assert result == ({} if value is None else {"acc": value})


def test_epochs_that_are_counted_from_0_are_shifted(folder: AttemptFolder) -> None:
    early, late, _ = collected(scan_lines(folder, "Epoch 0 val_acc=0.1\nEpoch 1 val_acc=0.2"))
    assert early + late == [(1, {"acc": 0.1}), (2, {"acc": 0.2})]


def test_later_attempts_count_as_the_first_one_did(tmp_path: Path) -> None:
    folders = [AttemptFolder(tmp_path / name) for name in "abc"]
    for folder in folders:
        folder.path.mkdir()
    assert EpochNumbering(folders[0]).number("file", 0) == 1
    assert EpochNumbering(folders[1], [folders[0]]).number("file", "3") == 4
    third = EpochNumbering(folders[2], [folders[1], folders[0]])
    assert (third.number("file", 5), third.number("stdout", 5)) == (6, 5)


@pytest.mark.parametrize("epoch", [-1, 0.5, "1.5", "x", None, True, [1], float("nan"), "inf", 2**31, 10**400])
def test_what_is_not_the_number_of_an_epoch_is_ignored(folder: AttemptFolder, epoch: object) -> None:
    assert EpochNumbering(folder).number("file", epoch) is None


class GrowingFile:
    """A file of metrics, and the epochs that were reported while it grew."""

    def __init__(self, folder: AttemptFolder, *, is_own: bool = True, reports: bool = False) -> None:
        self.path = folder.path / "log"
        self._arguments = (folder, is_own, reports)
        self.collector = MetricCollector(["acc"], {})
        self.scanner: FileScanner | None = None

    def start(self) -> None:
        folder, is_own, reports = self._arguments
        followed = FollowedFile(self.path, is_own=is_own)
        self.scanner = FileScanner("file", followed, ["acc"], EpochNumbering(folder), reports=reports)

    def add(self, text: str, mode: str = "a") -> Epochs:
        with self.path.open(mode) as file:
            file.write(text)
        return self.scan()

    def scan(self, *, is_ended: bool = False) -> Epochs:
        if self.scanner is None:
            self.start()
        assert self.scanner is not None
        findings = list(self.scanner.scan(is_ended=is_ended))
        return [epoch for finding in findings for epoch in self.collector.add(finding)]

    def finish(self) -> Epochs:
        return self.scan(is_ended=True) + self.collector.finish()


def test_rows_of_kerass_csv_logger_are_reported_at_once(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    assert file.scan() == []  # the file appears later
    assert file.add("epoch,acc,loss\n") == []
    assert file.add("0,0.1,2.0\n1,0.2") == [(1, {"acc": 0.1, "loss": 2.0})]
    assert file.add(",1.5\n") == [(2, {"acc": 0.2, "loss": 1.5})]
    assert file.scan() == []
    assert file.add("2,0.3,1.0") == []
    assert file.finish() == [(3, {"acc": 0.3, "loss": 1.0})]
    assert file.collector.result == {"acc": 0.3, "loss": 1.0}


def test_rows_with_empty_cells_are_merged(folder: AttemptFolder) -> None:
    """The file is of Lightning's CSVLogger, which writes it anew when a column is added."""
    file = GrowingFile(folder)
    assert file.add("epoch,step,train_loss\n0,49,1.0\n") == []
    assert file.add("epoch,step,train_loss,acc\n0,49,1.0,\n0,99,,0.5\n", "w") == []
    assert file.add("0,99,0.8,\n1,149,0.6,\n") == [(1, {"train_loss": 0.8, "acc": 0.5})]
    assert file.add("1,199,,0.7\n") == []
    assert file.finish() == [(2, {"train_loss": 0.6, "acc": 0.7})]


def test_rows_of_single_steps_do_not_complete_their_epoch(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    assert file.add("epoch,step,acc\n1,1,0.1\n1,2,0.2\n") == []
    assert file.add("2,3,0.3\n") == [(1, {"acc": 0.2})]


def test_json_lines_are_reported_when_they_contain_the_objective(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    assert file.add('{"epoch": 1, "loss": 2}\n') == []
    assert file.add('{"epoch": 1, "acc": 0.5, "text": "x", "list": [1], "flag": true}\n') == [
        (1, {"loss": 2.0, "acc": 0.5})
    ]
    assert file.add('[1]\nnot json\n{"epoch": "x", "acc": 9}\n{"epoch": 2, "ac') == []
    assert file.add('c": 0.7}\n{"test_acc": 0.6}\n') == [(2, {"acc": 0.7})]
    assert file.collector.result == {"loss": 2.0, "acc": 0.7, "test_acc": 0.6}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_may_be_separated_by_other_characters(folder: AttemptFolder, separator: str) -> None:
    rows = "\n".join(separator.join(cells) for cells in (["epoch", "acc"], ["1", "0.5"]))
    assert GrowingFile(folder).add(f"\ufeff{rows}\r\n") == [(1, {"acc": 0.5})]


def test_invalid_cells_and_names_are_ignored(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    assert file.add("epoch,acc,number,,time\n1,0.5,3,4,noon\n2,bad,3,4,5\n") == [(1, {"acc": 0.5})]
    assert file.add("epoch,acc,number,,time\n3,0.7\n") == []  # a second header, and a row that is too short
    assert file.add("4,0.8,1,1,1\n") == [(2, {"time": 5.0}), (4, {"acc": 0.8, "time": 1.0})]


def test_file_that_is_written_anew_is_read_from_its_beginning(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    assert file.add("epoch,acc\n1,0.1\n2,0.2\n") == [(1, {"acc": 0.1}), (2, {"acc": 0.2})]
    assert file.add("epoch,acc\n1,0.5\n", "w") == [(1, {"acc": 0.5})]
    assert file.add("epoch,loss,acc\n1,9,0.6\n2,9,0.6\n3,9,0.7\n", "w")[-1] == (3, {"loss": 9.0, "acc": 0.7})


def test_content_of_an_earlier_trial_is_ignored(folder: AttemptFolder) -> None:
    file = GrowingFile(folder, is_own=False)
    file.path.write_text("epoch,acc\n1,0.9\n")
    file.start()
    assert file.scan() == []
    assert file.scan(is_ended=True) == []
    assert file.add("2,0.1\n") == [(2, {"acc": 0.1})]


def test_earlier_file_that_is_replaced_is_read_whole(folder: AttemptFolder) -> None:
    file = GrowingFile(folder, is_own=False)
    file.path.write_text("epoch,acc\n1,0.9\n")
    file.start()
    assert file.add("epoch,acc\n1,0.2\n2,0.3\n", "w") == [(1, {"acc": 0.2}), (2, {"acc": 0.3})]


def test_own_file_is_read_from_its_beginning(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    file.path.write_text("epoch,acc\n1,0.9\n")
    assert file.scan() == [(1, {"acc": 0.9})]


def test_what_is_not_a_regular_file_is_ignored(folder: AttemptFolder) -> None:
    file = GrowingFile(folder)
    os.mkfifo(file.path)
    assert file.scan() == []
    file.path.unlink()
    file.path.mkdir()
    assert file.finish() == []


def test_line_of_sweep_metrics_is_a_report(folder: AttemptFolder) -> None:
    file = GrowingFile(folder, reports=True)
    assert file.add('{"epoch": 1, "acc": 0.9, "step": 5}\n{"acc": 0.5}\n') == [(1, {"acc": 0.9})]
    assert file.add('{"epoch": 2, "acc": 0.7}\nepoch,acc\n') == [(2, {"acc": 0.7})]
    assert file.collector.result == {"acc": 0.5}  # the final value takes precedence


def test_epoch_waits_for_its_objective_from_another_source() -> None:
    complete = Finding(1, {"loss": 1.0}, is_complete=True)
    collector = MetricCollector(["acc"], {})
    assert collector.add(complete) == []
    assert collector.add(Finding(1, {"acc": 0.5})) == [(1, {"loss": 1.0, "acc": 0.5})]
    assert collector.add(Finding(2, {"loss": 0.9}, is_complete=True)) == []
    assert collector.add(Finding(3, {"acc": 0.6}, is_complete=True)) == [
        (2, {"loss": 0.9}),
        (3, {"acc": 0.6}),
    ]


def test_result_begins_with_what_an_earlier_attempt_has_reported() -> None:
    collector = MetricCollector(["acc"], {"acc": 0.4, "loss": 1.0})
    collector.add(Finding(3, {"loss": 0.5}))
    assert collector.result == {"acc": 0.4, "loss": 0.5}
