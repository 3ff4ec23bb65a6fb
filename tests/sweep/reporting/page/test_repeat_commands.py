import dataclasses

from sweep.reporting.page.repeat_commands import commands
from tests.sweep.reporting import synthetic_studies as studies


def test_the_code_the_data_and_the_study_each_have_a_command() -> None:
    data = studies.kmnist()
    data = dataclasses.replace(
        data,
        provenance={"git_commit": "3f9a", "git_dirty": True, "data_sha256": "51", "command": "sweep launch"},
    )
    data = studies.with_definition(data, verify="capsmodel.data:verify")
    assert commands(data) == [
        "git checkout 3f9a  # the code had changes that were not committed",
        "sweep data verify kmnist  # expect sha256 51",
        f"sweep reproduce --study kmnist --trial {data.trials['value'].idxmax()}"
        "  # the best trial, compared with the first time",
        "sweep launch --set name=kmnist-again",
    ]


def test_what_was_not_recorded_has_none() -> None:
    data = dataclasses.replace(studies.all_failed(), provenance={"git_commit": None, "data_sha256": None})
    assert commands(data) == []
