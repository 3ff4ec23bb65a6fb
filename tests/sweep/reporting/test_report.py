from importlib.util import find_spec
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.reporting.report import write_report
from tests.sweep.reporting import synthetic_studies as studies

FILES = [
    "report.html",
    "trials.csv",
    "epochs.csv",
    "trials.parquet",
    "epochs.parquet",
    "report.md",
    "report.json",
]


def test_usual_formats_are_written_and_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "new folder" / "größe"
    written = write_report(studies.kmnist(), output)
    assert written == [output / file for file in FILES]
    assert sorted(file.name for file in output.iterdir()) == sorted(FILES)


def test_parquet_is_written_only_if_pyarrow_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.reporting.report.find_spec", find_spec_without_pyarrow)
    monkeypatch.setattr("sweep.reporting.exports.tables.find_spec", find_spec_without_pyarrow)
    written = write_report(studies.kmnist(), tmp_path)
    assert [file.name for file in written] == [name for name in FILES if not name.endswith(".parquet")]
    with pytest.raises(InputError, match=r"pip install 'capsweep\[parquet\]'"):
        write_report(studies.kmnist(), tmp_path, ["parquet"])


def find_spec_without_pyarrow(name: str) -> object | None:
    return None if name == "pyarrow" else find_spec(name)


def test_only_requested_formats_are_written(tmp_path: Path) -> None:
    assert write_report(studies.kmnist(), tmp_path, ["markdown"]) == [tmp_path / "report.md"]


def test_report_replaces_an_earlier_one(tmp_path: Path) -> None:
    write_report(studies.empty(), tmp_path, ["csv"])
    write_report(studies.all_failed(), tmp_path, ["csv"])
    assert len((tmp_path / "trials.csv").read_text().splitlines()) == 6


def test_no_file_contains_a_password(tmp_path: Path) -> None:
    data = studies.all_failed()
    data.trials["error"] = "cannot reach postgresql://me:hunter2@db/sweep"
    for file in write_report(data, tmp_path):
        assert b"hunter2" not in file.read_bytes(), file.name


def test_unknown_format_raises_error_that_lists_the_formats(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"no report format 'docx'; the formats are html, csv, parquet, markdown, json, latex",
    ):
        write_report(studies.kmnist(), tmp_path, ["csv", "docx"])
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_raises_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot write the report to .*\n.*--output"):
        write_report(studies.kmnist(), tmp_path / "file", ["csv"])


def test_failed_replacement_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "report.md" / "in the way").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot write the report"):
        write_report(studies.kmnist(), tmp_path, ["markdown"])
    assert [file.name for file in tmp_path.iterdir()] == ["report.md"]
