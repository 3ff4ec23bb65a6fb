"""Commands on a study whose train function puts markup, control sequences and formulas wherever it can."""

import re
from pathlib import Path

import pytest

from tests.sweep.cli.conftest import Sweep

pytestmark = pytest.mark.slow

MODEL = r"""
def train(params, trial):
    print("\x1b]0;title\x07\x1b[31mred\x1b[0m [bold]\x9b2J", flush=True)
    trial.note("=note", "\x1b[2J<script>")
    for epoch in (1, 2):
        trial.report(epoch, {"val[/x]": epoch, "=1+1": 1.0, "<script>alert(1)</script>": 2.0})
    if params["x"] == "=cmd":
        raise ValueError("\x1b[2J[/bold]<script>alert(1)</script>\r=1+1")
    return {"val[/x]": 1.0, "=1+1": 2.0, "<script>alert(1)</script>": 3.0}
"""
STUDY = """
name: hostile
train: hostile_model:train
metric: val[/x]
direction: maximize
trials: 2
space:
  x: {type: categorical, choices: ["=cmd", "[link=http://example.org]<b>x</b>"]}
enqueue: [{x: "=cmd"}, {x: "[link=http://example.org]<b>x</b>"}]
failures: {stop_after_same: 20}
"""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(workplace: Path, sweep: Sweep) -> str:
    """Launch the study and return what the launch printed."""
    (workplace / "hostile_model.py").write_text(MODEL)
    (workplace / "hostile.yaml").write_text(STUDY)
    launched = sweep("launch", "--study", "hostile.yaml")
    assert launched.code == 0, launched.err
    return launched.out + launched.err


def test_launch_status_and_logs_print_nothing_that_a_terminal_obeys(hostile: str, sweep: Sweep) -> None:
    printed = hostile
    for arguments in (
        ("status",),
        ("status", "--study", "hostile"),
        ("status", "--study", "hostile", "--json"),
        ("logs", "--study", "hostile", "--trial", "0"),
        ("logs", "--study", "hostile", "--trial", "1"),
    ):
        result = sweep(*arguments)
        assert result.code == 0, result.err
        printed += result.out + result.err
    assert not OBEYED.search(printed)
    assert "val[/x] = 1" in printed
    assert "red [bold]" in printed


def test_report_contains_neither_formulas_nor_markup(hostile: str, sweep: Sweep, workplace: Path) -> None:
    result = sweep("report", "--study", "hostile")
    assert result.code == 0, result.err
    folder = workplace / "report" / "hostile"
    for name in ("trials.csv", "epochs.csv"):
        cells = re.split("[,\n]", (folder / name).read_text())
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+", '"='))]
    assert "'=1+1" in (folder / "epochs.csv").read_text()
    assert "'=cmd" in (folder / "trials.csv").read_text()
    assert "<script>alert" not in (folder / "report.html").read_text()
    assert not re.search(r"(?<!\\)<", (folder / "report.md").read_text())
