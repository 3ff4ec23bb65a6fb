"""`sweep status`: one study, all studies, the JSON document, and --watch."""

import json
import re
from collections.abc import Callable

import pytest

from tests.sweep.cli.conftest import CommandResult, Sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("status",), "there is no database"),
        (("status", "--study", "toy"), "there is no database"),
        (("status", "--watch"), "--watch shows one study: give --study, and leave --json out"),
        (("status", "--study", "toy", "--watch", "--json"), "--watch shows one study"),
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


def test_unknown_study_is_rejected_with_the_names_of_all(launched: CommandResult, sweep: Sweep) -> None:
    missing = sweep("status", "--study", "other")
    assert (missing.code, "its studies are: toy" in missing.err) == (2, True)
