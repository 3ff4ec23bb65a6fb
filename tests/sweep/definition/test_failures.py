"""Tests of the failure policy: the retries by cause, their defaults, and stored definitions."""

import json
from pathlib import Path

import jsonschema
import pytest

from sweep.definition.failures import DEFAULT_RETRIES, Failures
from sweep.definition.schema import schema_text
from sweep.definition.study import Study, load_study
from sweep.states import Cause

STUDY = """\
name: small
train: package.module:train
metric: accuracy
direction: maximize
trials: 1
failures:
  retries: {preempted: 9, error: 1}
"""


@pytest.fixture
def study_file(tmp_path: Path) -> str:
    file = tmp_path / "small.yaml"
    file.write_text(STUDY)
    return str(file)


def test_every_cause_except_cancelled_has_a_default() -> None:
    assert set(DEFAULT_RETRIES) == set(Cause) - {Cause.CANCELLED}


def test_default_policy_contains_every_cause() -> None:
    assert Failures().retries == DEFAULT_RETRIES


def test_file_overrides_the_defaults_of_the_causes_that_it_names(study_file: str) -> None:
    retries = load_study(study_file).failures.retries
    assert retries == {**DEFAULT_RETRIES, Cause.PREEMPTED: 9, Cause.ERROR: 1}
    assert all(isinstance(cause, Cause) for cause in retries)


def test_option_overrides_one_cause(study_file: str) -> None:
    retries = load_study(study_file, ["failures.retries.timeout=1"]).failures.retries
    assert retries == {**DEFAULT_RETRIES, Cause.PREEMPTED: 9, Cause.ERROR: 1, Cause.TIMEOUT: 1}


@pytest.mark.parametrize(
    "stored",
    [
        {"preempted": 5, "node_failure": 3, "timeout": 2, "out_of_memory": 1, "launch_failure": 1, "lost": 2},
        {"preempted": 7},
        {},
    ],
)
def test_stored_definition_of_an_earlier_version_is_valid(study_file: str, stored: dict[str, int]) -> None:
    definition = load_study(study_file).model_dump(mode="json")
    definition["failures"]["retries"] = stored
    study = Study.model_validate_json(json.dumps(definition))
    assert study.failures.retries == {**DEFAULT_RETRIES, **{Cause(name): n for name, n in stored.items()}}


def test_stored_definition_names_each_cause_by_its_value(study_file: str) -> None:
    study = load_study(study_file)
    assert json.loads(study.model_dump_json())["failures"]["retries"] == {
        cause.value: count for cause, count in study.failures.retries.items()
    }
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_schema_describes_every_cause_with_its_default() -> None:
    schema = json.loads(schema_text(Failures))["properties"]["retries"]
    assert set(schema["properties"]) == {cause.value for cause in DEFAULT_RETRIES}
    assert schema["properties"]["timeout"] == {
        "default": 2,
        "description": "The job reached its time limit.",
        "minimum": 0,
        "type": "integer",
    }


@pytest.mark.parametrize("retries", [{"cancelled": 1}, {"errors": 1}, {"error": -1}])
def test_schema_rejects_invalid_retries(retries: dict[str, int]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"retries": retries}, json.loads(schema_text(Failures)))
