import io
import re
from csv import reader

import pandas as pd
import pytest

from sweep.reporting.exports.tables import MAX_ROWS, csv, exported_trials, markdown, parquet
from tests.sweep.reporting import synthetic_studies as studies

TIMES = ["started_at", "ended_at"]
FRAMES = {
    "trials": studies.kmnist().trials,
    "epochs": studies.kmnist().epochs,
    "no trials": studies.empty().trials,
    "no epochs": studies.empty().epochs,
    "failed trials": studies.all_failed().trials,
}


@pytest.mark.parametrize("name", FRAMES)
def test_parquet_round_trip_preserves_the_frame(name: str) -> None:
    frame = FRAMES[name].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet(frame))), frame, check_dtype=False)


@pytest.mark.parametrize("name", FRAMES)
def test_csv_round_trip_preserves_columns_and_numbers(name: str) -> None:
    frame = FRAMES[name].reset_index(drop=True)
    loaded = pd.read_csv(io.BytesIO(csv(frame)), parse_dates=[column for column in TIMES if column in frame])
    assert loaded.columns.tolist() == frame.columns.tolist()
    numbers = frame.select_dtypes("number").columns
    pd.testing.assert_frame_equal(loaded[numbers], frame[numbers], check_dtype=False)


def test_parquet_writes_columns_of_mixed_types_as_text() -> None:
    frame = pd.DataFrame({"param_x": pd.Series([0.5, "auto", None], dtype=object), "größe": [1, 2, 3]})
    loaded = pd.read_parquet(io.BytesIO(parquet(frame)))
    assert loaded["param_x"].isna().tolist() == [False, False, True]
    assert loaded["param_x"].tolist()[:2] == ["0.5", "auto"]
    assert loaded["größe"].tolist() == [1, 2, 3]


def test_markdown_contains_a_sentence_and_a_table() -> None:
    lines = markdown(studies.of_values([0.5, 0.9], {"größe": ["a|b", "c"]}, {})).decode().splitlines()
    assert lines == [
        "**kmnist**: best validation accuracy **90.00 %** (trial 1). 2 trials: 2 complete. 0.1 GPU hours.",
        "",
        "Trial 1 has the best validation accuracy, 90.00 %: 40.00 points better than the next best, trial 0. "
        "Each configuration was measured once; differences of this size may be chance. "
        "More trials may help: the last of 2 complete trials improved the result.",
        "",
        "| trial | validation accuracy | epochs | größe | time | state |",
        "|--:|--:|--:|---|--:|---|",
        "| 1 | **90.00 %** | 1 | c | 2 min | complete |",
        r"| 0 | 50.00 % | 1 | a\|b | 2 min | complete |",
    ]


def test_markdown_of_a_large_study_lists_the_best_trials_only() -> None:
    lines = markdown(studies.of_values([0.5] * 5000)).decode().splitlines()
    assert len(lines) == 2 + 2 + 2 + MAX_ROWS + 2
    assert lines[-1] == f"These are the best {MAX_ROWS} of 5,000 trials."


def test_markdown_reports_a_missing_result() -> None:
    assert "no complete trial yet. 5 trials: 5 failed." in markdown(studies.all_failed()).decode()


FORMULAS = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-", '="x"', "+1-1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_contains_no_formula(formula: str) -> None:
    frame = pd.DataFrame({formula: [1.0], "text": [formula], "mixed": pd.Series([formula], dtype=object)})
    heading, cells = list(reader(io.StringIO(csv(frame).decode(), newline="")))[:2]
    shown = "'" + formula.replace("\r", "\n")
    assert heading == [shown, "text", "mixed"]
    assert cells == ["1.0", shown, shown]


def test_carriage_return_in_a_cell_begins_no_row() -> None:
    frame = pd.DataFrame({"text": ["a\r=1+1", "b\r\n=1+1"]})
    assert csv(frame).decode() == 'text\n"a\n=1+1"\n"b\n=1+1"\n'


def test_csv_leaves_numbers_and_other_texts_as_they_are() -> None:
    values = [-1.5, "-1.5", "+2", "-1e-3", ".5", "a=b", "a-b", "'=1", "x@y", None]
    frame = pd.DataFrame({"number": [-1.0] * len(values), "value": pd.Series(values, dtype=object)})
    loaded = list(reader(io.StringIO(csv(frame).decode())))[1:]
    assert loaded == [["-1.0", "" if value is None else str(value)] for value in values]


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "**`x`**|", "&lt;b&gt;"]
)
def test_markdown_shows_names_and_values_literally(text: str) -> None:
    space = {text: {"type": "categorical", "choices": [text, "b"]}}
    data = studies.with_definition(
        studies.of_values([0.5, 0.6], {text: [text, "b"]}, space), name=text, metric=text
    )
    lines = markdown(data).decode().splitlines()
    assert len(lines) == 12  # the last four are the next steps
    assert all(line.startswith("|") and line.count("|") - line.count(r"\|") == 7 for line in lines[4:8])
    unescaped = re.sub(r"\\.", "", "\n".join(lines).replace("**", "", 4))
    assert not set("<>[]`*") & set(unescaped)
    assert "&lt;" not in unescaped


def test_integers_stay_integers_if_some_trials_do_not_have_them() -> None:
    space = {
        "kind": {"type": "categorical", "choices": ["a", "b"]},
        "layers": {"type": "int", "low": 1, "high": 9_000_000, "when": {"kind": "a"}},
    }
    data = studies.of_values([0.1, 0.2], {"kind": ["a", "b"], "layers": [1_234_567, None]}, space)
    rows = csv(exported_trials(data)).decode().splitlines()
    column = rows[0].split(",").index("param_layers")
    assert [row.split(",")[column] for row in rows] == ["param_layers", "1234567", ""]
    read = pd.read_parquet(io.BytesIO(parquet(exported_trials(data))))
    assert read["param_layers"].dropna().tolist() == [1_234_567]
