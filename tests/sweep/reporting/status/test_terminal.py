"""The status of studies on a terminal."""

import io
import re
from datetime import timedelta

import pytest
from rich.console import Console, RenderableType
from sqlalchemy import Engine

from sweep.reporting.status.study_status import all_statuses
from sweep.reporting.status.terminal import plain_line, show_studies, show_study
from sweep.storage.studies import get_study
from sweep.storage.user_requests import request_retry
from tests.sweep.reporting.recorded_study import (
    COMPLETE,
    FAILED,
    NOON,
    PENDING,
    RUNNING,
    RecordedStudy,
    minutes,
    status_of,
)

WIDTH = 400


def text(what: RenderableType, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def test_bars_compare_the_progress_and_value_of_trials(engine: Engine) -> None:
    study = RecordedStudy(engine, direction="minimize")
    study.add(COMPLETE, value=1.0, epochs=dict.fromkeys(range(1, 9), 2.0))
    study.add(RUNNING, epochs={1: 5.0, 2: 3.0})
    study.add(RUNNING, epochs={1: 2.0})
    rows = [
        line for line in text(show_study(status_of(study), minutes(30), WIDTH)).splitlines() if "━" in line
    ]
    assert [re.findall("[━─]{8}", row) for row in rows] == [
        ["━━━━━━━━", "━━━━━━━━"],
        ["━━──────", "────────"],
        ["━───────", "━━━━────"],
    ]


def test_bars_are_omitted_without_anything_to_compare(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(RUNNING, epochs={1: 0.5})
    assert "─" not in text(show_study(status_of(study), minutes(30), WIDTH))


def test_screen_of_a_study(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=4, budget={"hours": 2.0, "gpu_hours": None})
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(30) - timedelta(seconds=4))
    for attempts, value in (
        ([FAILED], None),
        ([COMPLETE], 0.75),
        ([FAILED, RUNNING], None),
        ([PENDING], None),
    ):
        study.add(*attempts, value=value, epochs={1: 0.5} if attempts[-1] is not PENDING else {})
    seen = [
        line.rstrip()
        for line in text(show_study(status_of(study, num_shown=3), minutes(30), 120)).splitlines()
    ]
    end = (NOON + timedelta(minutes=36)).astimezone()
    assert seen[0] == "study     toy, to maximize score"
    assert seen[1] == "launcher  process 4711 on login9, last heartbeat 4 s ago"
    assert seen[2] == "trials    1 pending, 1 running, 1 complete, 1 failed"
    assert seen[3].startswith("budget    4 of 4 trials, 0 left; 0.5 of 2 hours, 1.5 left; ")
    assert seen[4] == f"forecast  ends about {end:%a %H:%M}, in 6 min, after 4 trials"
    assert seen[5] == "best      trial 1, score = 0.75"
    rows = [line.split() for line in seen[6:]]
    assert rows == [
        ["trial", "state", "attempt", "job", "node", "epoch", "score", "time"],
        ["2", "running", "2", "7_1", "n1", "1", "━" * 8, "0.5", "─" * 8, "10", "min"],
        ["3", "pending", "1", "7_2", "–", "–", "–", "waiting", "5", "min"],
        ["1", "complete", "1", "–", "–", "1", "━" * 8, "0.75", "━" * 8, "(best)", "10", "min"],
        ["1", "more", "trial", "not", "shown;", "use", "--json", "to", "list", "all"],
    ]


@pytest.mark.parametrize(
    ("attempts", "sentence"),
    [
        ([], "available once a trial has ended"),
        ([RUNNING], "available once a trial has ended"),
        ([COMPLETE], "11 min once the study is launched again, after 2 trials"),
        ([COMPLETE, FAILED], "nothing is left to do"),
    ],
)
def test_forecast_is_described(engine: Engine, attempts: list[dict[str, object]], sentence: str) -> None:
    study = RecordedStudy(engine, trials=2)
    for attempt in attempts:
        study.add(attempt, value=1.0 if attempt is COMPLETE else None)
    assert f"forecast  {sentence}" in text(show_study(status_of(study), minutes(30), WIDTH))


def test_requested_stop_is_shown(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=9)
    study.add(COMPLETE, value=1.0)
    study.add(RUNNING)
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(30), stop="finish")
    seen = text(show_study(status_of(study), minutes(30), WIDTH), width=160)
    assert "last heartbeat 0 s ago; stop requested, the active trials continue to their end" in seen
    assert ", after 2 trials, because a stop is requested" in seen


def test_excluded_node_is_named(engine: Engine) -> None:
    study = RecordedStudy(engine)
    failed = {**FAILED, "cause": "launch_failure", "started_at": None, "host": "n7"}
    study.add(failed, failed)
    assert "excluded  n7 (2 jobs failed before they started)" in text(
        show_study(status_of(study), minutes(30), WIDTH)
    )


def test_requested_retries_are_counted(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(FAILED)
    study.add(FAILED)
    request_retry(engine, get_study(engine, "toy"), 1)
    assert status_of(study).num_retries == 1
    assert "trials    2 failed, 1 to be retried" in text(show_study(status_of(study), minutes(30), WIDTH))


def test_table_has_one_row_per_study(engine: Engine) -> None:
    RecordedStudy(engine, "first").add(COMPLETE, value=0.5)
    RecordedStudy(engine, "second", trials=1)
    lines = text(show_studies(all_statuses(engine, minutes(30)), minutes(30)), width=160).splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:7] == ["first", "1", "of", "10", "0", "0", "0.5"]
    assert lines[2].split()[:4] == ["second", "0", "of", "1"]


def test_line_for_a_log(engine: Engine) -> None:
    study = RecordedStudy(engine)
    assert plain_line(status_of(study)) == "study toy: none yet; best: no trial is complete yet"
    study.add(COMPLETE, value=0.5)
    assert plain_line(status_of(study)) == "study toy: 1 complete; best: trial 0, score = 0.5"


HOSTILE = ["val[/x]", "[bold]score", "[link=http://example.org]x[/link]", ":smile:", "[red]", "\\[x]"]
SEQUENCE = "\x1b]0;title\x07\x1b[2J\x9b31m\r\u202e\nline"
ESCAPED = r"\x1b]0;title\x07\x1b[2J\x9b31m\r\u202e\nline"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_literally(engine: Engine, name: str) -> None:
    study = RecordedStudy(engine, metric=name)
    study.add({**COMPLETE, "host": name, "job_id": name}, value=1.0)
    study.change(launcher=f"{name.replace(' ', '')} 4711 abc", launcher_seen_at=minutes(30))
    status = status_of(study)
    shown = text(show_study(status, minutes(30), WIDTH), width=200)
    assert f"to maximize {name}" in shown
    assert f"trial 0, {name} = 1" in shown
    assert shown.splitlines()[7].split().count(name) == 2
    assert name in text(show_studies([status], minutes(30)), width=200)
    assert name in plain_line(status)


def test_control_characters_in_names_are_escaped(engine: Engine) -> None:
    study = RecordedStudy(engine, name=f"a{SEQUENCE}", metric=SEQUENCE)
    study.add({**COMPLETE, "host": SEQUENCE, "job_id": SEQUENCE}, value=1.0)
    status = status_of(study)
    for shown in (
        text(show_study(status, minutes(30), WIDTH), width=400),
        text(show_studies([status], minutes(30)), width=400),
        plain_line(status),
    ):
        assert ESCAPED in shown
        assert not set(shown) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}


def test_very_long_name_is_shortened(engine: Engine) -> None:
    study = RecordedStudy(engine, metric="m" * 10_000)
    study.add(COMPLETE, value=1.0)
    shown = text(show_study(status_of(study), minutes(30), WIDTH), width=160)
    assert len(shown.splitlines()) == 8
    assert "m" * 30 + "…" + "m" * 29 in shown


def test_screen_of_a_study_with_several_objectives(engine: Engine) -> None:
    study = RecordedStudy(
        engine,
        metric=None,
        direction=None,
        objectives=[
            {"metric": "score", "direction": "maximize"},
            {"metric": "size", "direction": "minimize"},
        ],
        constraints=[{"metric": "memory", "at_most": 16.0, "at_least": None}],
    )
    assert "front     no trial is complete yet" in text(show_study(status_of(study), minutes(30), WIDTH))
    study.add(COMPLETE, value=[0.5, 2.0], violations=[1.0])
    assert "no complete trial satisfies the constraints yet" in plain_line(status_of(study))
    study.add(COMPLETE, value=[0.4, 3.0], violations=[0.0])
    study.add(COMPLETE, value=[0.3, 9.0], violations=[0.0])
    study.add(COMPLETE, value=[0.2, 1.0], violations=[0.0])
    study.add(RUNNING, epochs={1: 0.1})
    shown = text(show_study(status_of(study), minutes(30), WIDTH))
    assert "to maximize score and minimize size, with memory at most 16" in shown
    assert "front     2 trials: 1, 3" in shown
    rows = {line.split()[0]: line for line in shown.splitlines() if re.match(r"\d+ ", line)}
    assert re.search(r"complete +1 +– +– +– +0\.5 ━{8} +2 [━─]{8} \(infeasible\)", rows["0"])
    assert "(front)" in rows["1"]
    assert re.search(r"0\.3 \S+ +9 ─{8}  ", rows["2"])
    assert re.search(r"running .* 1 .* 0\.1 ─{8} +– ", rows["4"])
    assert plain_line(status_of(study)).endswith("front: 2 trials: 1, 3")
    assert "2 on the Pareto front" in " ".join(
        text(show_studies(all_statuses(engine, minutes(30)), NOON)).split()
    )
