"""`sweep status`: one study, all studies, the JSON document, and --watch."""

import json
import re
from collections.abc import Callable

import pytest

from sweep.storage.database import connect, parse_url
from tests.sweep.cli.conftest import CommandResult, Sweep
from tests.sweep.reporting.recorded_study import COMPLETE, RecordedStudy, minutes

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status",), "there is no database"),
        (("status", "--study", "toy"), "there is no database"),
        (("status", "--watch"), "--watch shows one study: give --study, and leave --json out"),
        (("status", "--study", "toy", "--watch", "--json"), "--watch shows one study"),
        (("status", "--sort", "score"), "concern one study: give --study"),
        (("status", "--study", "toy", "--where", "x"), "--where: expected NAME=VALUE, but found 'x'"),
        (("status", "--study", "toy", "--state", "done"), "Invalid value for '--state'"),
    ],
)
def test_wrong_input_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


def test_status_shows_one_study_or_all(launched: CommandResult, sweep: Sweep) -> None:
    one, every = sweep("status", "--study", "toy"), sweep("status")
    assert "trials    4 complete" in one.out
    assert "not running" in one.out
    assert every.out.splitlines()[1].split()[:4] == ["toy", "4", "of", "4"]


def test_json_document_contains_every_trial(launched: CommandResult, sweep: Sweep) -> None:
    (found,) = json.loads(sweep("status", "--study", "toy", "--json").out)["studies"]
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 4


def test_watch_prints_one_line_for_an_idle_study_without_a_terminal(
    launched: CommandResult, sweep: Sweep
) -> None:
    watched = sweep("status", "--study", "toy", "--watch")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  study toy: 4 complete; best: trial .*\n", watched.out)


def test_watch_waits_for_the_first_launch_of_a_study_with_a_file(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study is recorded while the command waits for it, and its trial while the command watches."""
    studies: list[RecordedStudy] = []

    def sleep(_: float) -> None:
        if not studies:
            studies.append(RecordedStudy(connect(parse_url("sqlite:///sweep.db"))))
        else:
            studies[0].add(COMPLETE, value=0.5)
            studies[0].change(launcher_seen_at=minutes(0))

    monkeypatch.setattr("sweep.cli.status.time.sleep", sleep)
    watched = sweep("status", "--study", "toy", "--watch")
    assert watched.err == "waiting for the first launch of study toy\n"
    first, last = watched.out.splitlines()
    assert first.endswith("study toy: none yet; best: no trial is complete yet")
    assert last.endswith("study toy: 1 complete; best: trial 0, score = 0.5")
    assert sweep("status", "--study", "without_a_file", "--watch").code == 2


def test_trials_are_selected(launched: CommandResult, sweep: Sweep) -> None:
    def numbers(*options: str) -> list[int]:
        (found,) = json.loads(sweep("status", "--study", "toy", "--json", *options).out)["studies"]
        return [trial["number"] for trial in found["trials"]]

    (found,) = json.loads(sweep("status", "--study", "toy", "--json").out)["studies"]
    trials = found["trials"]
    by_score = sorted(trials, key=lambda trial: -trial["values"]["score"])
    assert numbers("--sort", "score") == [trial["number"] for trial in by_score]
    name, value = next(iter(trials[2]["params"].items()))
    assert 2 in numbers("--where", f"{name}={value}")
    assert numbers("--state", "failed") == []
    assert numbers("--reverse") == [3, 2, 1, 0]
    shown = sweep("status", "--study", "toy").out
    assert name in next(line for line in shown.splitlines() if line.startswith("trial  ")).split()


def test_unknown_study_is_rejected_with_the_names_of_all(launched: CommandResult, sweep: Sweep) -> None:
    missing = sweep("status", "--study", "other")
    assert (missing.code, "its studies are: toy" in missing.err) == (2, True)
