import dataclasses

from sweep.reporting.page.repeat_commands import repeat_commands
from tests.sweep.reporting import synthetic_studies as studies


def test_code_data_best_trial_and_study_have_a_command_each() -> None:
    data = studies.kmnist()
    data = dataclasses.replace(
        data,
        provenance={"git_commit": "3f9a", "git_dirty": True, "data_sha256": "51", "command": "sweep launch"},
    )
    data = studies.with_definition(data, verify="capsmodel.data:verify")
    assert repeat_commands(data) == [
        "git checkout 3f9a  # the code had uncommitted changes",
        "sweep data verify kmnist  # expect sha256 51",
        f"sweep reproduce --study kmnist --trial {data.trials['value'].idxmax()}"
        "  # trains the best trial again and compares the metrics",
        "sweep launch --set name=kmnist-again",
    ]


def test_unrecorded_provenance_has_no_command() -> None:
    data = dataclasses.replace(studies.all_failed(), provenance={"git_commit": None, "data_sha256": None})
    assert repeat_commands(data) == []
