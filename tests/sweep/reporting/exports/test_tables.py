import io

import pandas as pd
import pytest

from sweep.reporting.exports.tables import MAX_ROWS, csv, markdown, parquet
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
        "| trial | epochs | größe | validation accuracy | time | state |",
        "|--:|--:|---|--:|--:|---|",
        "| 1 | 1 | c | 90.00 % | 2 min | complete |",
        r"| 0 | 1 | a\|b | 50.00 % | 2 min | complete |",
    ]


def test_markdown_of_a_large_study_lists_the_best_trials_only() -> None:
    lines = markdown(studies.of_values([0.5] * 5000)).decode().splitlines()
    assert len(lines) == 2 + 2 + MAX_ROWS + 2
    assert lines[-1] == f"These are the best {MAX_ROWS} of 5,000 trials."


def test_markdown_reports_a_missing_result() -> None:
    assert "no complete trial yet. 5 trials: 5 failed." in markdown(studies.all_failed()).decode()
