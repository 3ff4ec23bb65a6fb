from pathlib import Path

import pytest

from benchmarks.accuracy import last_metrics, plan_trainings

RECORDS = Path(__file__).parents[2] / "docs" / "capsnet" / "results" / "accuracy.jsonl"


@pytest.mark.parametrize("training", plan_trainings(epochs=4, plateau_epochs=16), ids=str)
def test_recorded_trainings_are_complete(training):
    assert "test_accuracy" in last_metrics(training, RECORDS)
