import dataclasses
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.reporting.page.comparison import comparison, winners
from sweep.reporting.report import write_comparison
from tests.sweep.reporting import synthetic_studies as studies
from tests.sweep.reporting.page.test_page import Elements


def test_study_with_the_best_value_is_first_and_marked() -> None:
    rows = winners(
        [studies.sequential("a", [0.5]), studies.empty(), studies.sequential("größe", [0.7, 0.6])]
    ).rows
    assert [(row.kind, row.cells[0]) for row in rows] == [("best", "größe"), ("", "a"), ("", "kmnist")]
    assert (
        winners([studies.sequential("a", [0.5], "minimize"), studies.sequential("b", [0.7], "minimize")])
        .rows[0]
        .cells[0]
        == "a"
    )


def test_fixed_param_is_listed_beside_the_searched_one() -> None:
    searched = studies.of_values([0.5], {"depth": [3]}, {"depth": {"type": "int", "low": 1, "high": 5}})
    fixed = studies.sequential("b", [0.4], space={}, fixed={"depth": 8})
    table = winners([searched, fixed])
    column = [column.heading for column in table.columns].index("depth")
    assert [row.cells[column] for row in table.rows] == ["3", "8"]


def test_studies_with_different_objectives_raise_error() -> None:
    other = studies.with_definition(studies.empty(), name="other", metric="val_loss", direction="minimize")
    with pytest.raises(
        InputError, match=r"cannot be compared.*\n  kmnist: maximize val_accuracy\n  other: minimize val_loss"
    ):
        comparison([studies.empty(), other])


def test_page_contains_the_table_and_the_figures() -> None:
    elements = Elements(comparison([studies.sequential("a", [0.5, 0.6]), studies.sequential("<b>", [0.7])]))
    assert "2 studies compared" in elements.text
    assert len(elements.plots()) == 3
    assert "b" not in elements.tags


def test_comparison_is_written_without_passwords(tmp_path: Path) -> None:
    command = "sweep launch --storage postgresql://me:hunter2@db/x"
    data = dataclasses.replace(studies.sequential("a", [0.5]), provenance={"command": command})
    path = write_comparison([data, studies.sequential("b", [0.6])], tmp_path)
    assert path.name == "comparison.html"
    assert b"hunter2" not in path.read_bytes()
