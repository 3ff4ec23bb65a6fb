import pytest
from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.goals import Goals, Objective
from sweep.storage.database import upgrade
from sweep.storage.studies import (
    create_study,
    find_study,
    get_study,
    record_launch,
    study_names,
    study_workdirs,
)

DEFINITION = {"metric": "loss", "direction": "minimize"}
BASELINES = {"metric": "accuracy", "note": "", "configurations": [], "results": []}


def test_database_without_tables_has_no_studies(engine: Engine) -> None:
    assert study_names(engine) == []
    assert study_workdirs(engine) == {}


def test_studies_are_listed_in_the_order_of_their_first_launches(engine: Engine) -> None:
    upgrade(engine)
    create_study(engine, "second_by_name", DEFINITION, {}, "/scratch/b")
    create_study(engine, "first_by_name", DEFINITION, {}, "/scratch/a")
    assert study_names(engine) == ["second_by_name", "first_by_name"]
    assert study_workdirs(engine) == {"second_by_name": "/scratch/b", "first_by_name": "/scratch/a"}


def test_missing_study_is_an_error_that_lists_the_studies(engine: Engine) -> None:
    upgrade(engine)
    with pytest.raises(InputError, match=r"has no study 'toi'; its studies are: none$"):
        get_study(engine, "toi")
    create_study(engine, "toy", DEFINITION, {}, ".")
    with pytest.raises(InputError, match=r"sqlite:///.*sweep.db has no study 'toi'; its studies are: toy$"):
        get_study(engine, "toi")
    assert find_study(engine, "toi") is None


def test_row_of_a_study_has_its_objective(engine: Engine) -> None:
    upgrade(engine)
    row = create_study(engine, "toy", DEFINITION, {}, ".")
    assert (row.goals, row.directions) == (Goals((Objective("loss", "minimize"),)), ["MINIMIZE"])


def test_launch_records_the_baselines_of_that_launch(engine: Engine) -> None:
    upgrade(engine)
    study = create_study(engine, "toy", DEFINITION, {}, ".")
    assert study.baselines is None
    record_launch(engine, study.id, DEFINITION, "slurm", withdraw_stop=True, baselines=BASELINES)
    assert get_study(engine, "toy").baselines == BASELINES
    record_launch(engine, study.id, DEFINITION, "local", withdraw_stop=True)
    row = get_study(engine, "toy")
    assert (row.baselines, row.cluster) == (None, "local")
