import json
from typing import Any

import pytest

from sweep.reporting.exports.json_document import document
from tests.sweep.reporting import synthetic_studies as studies


def loaded(data: Any) -> dict[str, Any]:
    def reject(constant: str) -> None:
        raise AssertionError(f"{constant} is not valid JSON")

    content: dict[str, Any] = json.loads(document(data), parse_constant=reject)
    return content


def test_document_contains_the_best_trial_with_params_and_metrics() -> None:
    data = studies.kmnist()
    best = data.trials.loc[data.trials["value"].idxmax()]
    found = loaded(data)["best"]
    assert (found["trial"], found["value"]) == (best["number"], best["value"])
    assert found["params"] == {name: best[f"param_{name}"] for name in studies.SPACE}
    assert found["metrics"]["train_loss"] == best["final_train_loss"]


def test_document_counts_states_and_failures_and_adds_up_hours() -> None:
    data = studies.kmnist()
    found = loaded(data)
    assert found["trials"] == data.trials["state"].value_counts().to_dict()
    assert found["failed_attempts"] == data.attempts["cause"].value_counts().to_dict()
    assert found["cost"]["total"] == pytest.approx(sum(found["cost"]["by_outcome"].values()))
    assert sum(found["importance"]["shares"].values()) == pytest.approx(1)
    assert found["started_at"] == data.trials["started_at"].min().isoformat()


@pytest.mark.parametrize("make", [studies.empty, studies.all_failed])
def test_unknown_values_are_null(make: Any) -> None:
    found = loaded(make())
    assert found["best"] is None
    assert found["importance"]["shares"] == {}
    assert found["version"] == 1


def test_names_are_kept_unchanged() -> None:
    data = studies.of_values([0.5, float("inf")], {"größe": ["小", None]}, {})
    assert loaded(data)["best"]["params"] == {"größe": "小"}
