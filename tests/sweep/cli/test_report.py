"""`sweep report`: its files, several studies, --watch, and the Python code of docs/reports.md."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sweep.cli.conftest import CommandResult, Sweep

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "reports.md"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "--study", "toy"), "there is no database"),
        (("report", "--study", "toy", "--storage", "nonsense"), "invalid storage URL: nonsense"),
        (
            ("report", "--study", "toy", "--storage", "sqlite:///empty.db"),
            "sqlite:///empty.db contains no study",
        ),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--study", "other"), "its studies are: toy"), (("--study", "toy", "--format", "docx"), "html")],
)
def test_unknown_study_or_format_is_rejected_with_the_available_ones(
    launched: CommandResult, sweep: Sweep, arguments: tuple[str, ...], message: str
) -> None:
    result = sweep("report", *arguments)
    assert (result.code, message in result.err) == (2, True)


def documented_columns(table: str) -> list[str]:
    """Return the columns that docs/reports.md lists, for the toy study: param x, metrics score and size."""
    rows = PAGE.read_text(encoding="utf-8").partition(f"### {table}\n")[2].partition("\n#")[0]
    names = re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)
    of_study = {"param_NAME": ["param_x"], "final_METRIC": ["final_size", "final_score"], "METRIC": ["score"]}
    return [column for name in names for column in of_study.get(name, [name])]


def test_tables_have_the_documented_columns(launched: CommandResult, sweep: Sweep) -> None:
    report = sweep("report", "--study", "toy", "--format", "csv,markdown")
    assert report.code == 0, report.err
    written = [Path(line) for line in report.out.splitlines()]
    assert Path("report/toy/report.md") in written
    assert all(path.is_file() for path in written)
    for table in ("trials", "epochs"):
        header = Path(f"report/toy/{table}.csv").read_text().splitlines()[0].split(",")
        assert header == documented_columns(table)


def test_python_code_of_the_page_runs(launched: CommandResult, sweep: Sweep) -> None:
    names: dict[str, Any] = {}
    page = PAGE.read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(code.replace("kmnist", "toy").replace(".show()", ".to_json()"), names)
    assert names["study"].trials["number"].tolist() == [0, 1, 2, 3]


def test_several_studies_are_compared_on_a_page_of_their_own(sweep: Sweep) -> None:
    for name in ("toy", "other"):
        launch = ("launch", "--study", "toy", "--set", f"name={name}", "--cluster", "inline", "--trials", "1")
        assert sweep(*launch).code == 0
    files = ("report.html", "trials.csv", "epochs.csv")
    report = sweep("report", "--study", "toy", "--study", "other", "--study", "toy", "--format", "html,csv")
    assert report.code == 0, report.err
    assert report.out.splitlines() == [
        "report/comparison.html",
        *(f"report/{name}/{file}" for name in ("toy", "other") for file in files),
    ]


def test_watch_rewrites_the_report_until_the_study_is_idle(
    sweep: Sweep, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.cli.report.REWRITE_SECONDS", 0.2)
    launch = ["launch", "--study", "toy", "--set", "fixed.epoch_s=0.3", "--trials", "2"]
    launcher = subprocess.Popen(
        [sys.executable, "-m", "sweep", *launch],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 100
        while not list(workplace.glob("sweeps/toy/*/*/metrics.jsonl")):
            assert time.monotonic() < deadline, "no trial has started"
            time.sleep(0.05)
        watched = sweep("report", "--study", "toy", "--format", "html,csv", "--watch")
        assert watched.code == 0, watched.err
    finally:
        launcher.communicate(timeout=100)
    assert launcher.returncode == 0
    trials = Path("report/toy/trials.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in trials[1:]] == ["complete", "complete"]
    assert 'http-equiv="refresh"' not in Path("report/toy/report.html").read_text()
    assert watched.out.splitlines() == [
        f"report/toy/{file}" for file in ("report.html", "trials.csv", "epochs.csv")
    ]
