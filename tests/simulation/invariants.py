"""What must hold after each schedule."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.states import Cause, JobState, Outcome
from sweep.storage.repeated_trials import REPEATS
from sweep.worker.attempt_folder import attempt_folder
from tests.simulation.clock import BEGIN
from tests.simulation.database import FILE
from tests.simulation.history import Training
from tests.simulation.worker_process import EPOCH_S, METRIC
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

STOPPED = "fault: a user stops the study"
CLOCK_RESOLUTION_S = 0.001
RECORDED = ("trials", "attempts", "epochs")
"""What is counted in the database at the end of a schedule."""
OPTUNA_STATES = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


class Records:
    """What the database contains at the end, by trial."""

    def __init__(self, world: World) -> None:
        connection = sqlite3.connect(world.folder / FILE)
        connection.row_factory = sqlite3.Row
        query = connection.execute
        self.trials = query("SELECT * FROM sweep_trials ORDER BY number").fetchall()
        self.attempts: dict[int, list[sqlite3.Row]] = defaultdict(list)
        for row in query("SELECT * FROM sweep_attempts ORDER BY trial_id, number"):
            self.attempts[row["trial_id"]].append(row)
        self.epochs: dict[int, dict[int, float]] = defaultdict(dict)
        for row in query("SELECT * FROM sweep_epochs WHERE metric = ?", [METRIC]):
            self.epochs[row["trial_id"]][row["epoch"]] = row["value"]
        self.final = query("SELECT trial_id FROM sweep_final_metrics").fetchall()
        self.optuna = {row["trial_id"]: row for row in query("SELECT * FROM trials")}
        self.optuna_epochs: dict[int, dict[int, float]] = defaultdict(dict)
        for row in query("SELECT * FROM trial_intermediate_values"):
            self.optuna_epochs[row["trial_id"]][row["step"]] = row["intermediate_value"]
        self.optuna_values = {row["trial_id"]: row["value"] for row in query("SELECT * FROM trial_values")}
        self.params = {row["trial_id"] for row in query("SELECT * FROM trial_params")}
        connection.close()

    def original(self, trial: sqlite3.Row) -> sqlite3.Row:
        """Return the trial that a trial repeats without having been trained, or else the trial itself."""
        number = json.loads(self.attempts[trial["id"]][-1]["notes"]).get(REPEATS)
        return trial if number is None else next(each for each in self.trials if each["number"] == number)

    def counts(self) -> dict[str, int]:
        """Return the number of trials, attempts and epochs."""
        num_attempts = sum(map(len, self.attempts.values()))
        num_epochs = sum(map(len, self.epochs.values()))
        return dict(zip(RECORDED, (len(self.trials), num_attempts, num_epochs), strict=True))


def violations_of(schedule: "Schedule", world: World) -> list[str]:
    """Return the invariants that do not hold, one sentence for each."""
    if world.history.violations:
        return world.history.violations
    records = Records(world)
    world.counts.update(records.counts())
    found: list[str] = []
    for check in (_outcomes, _epochs, _results, _processes, _policy, _jobs, _gpu_seconds):
        found += check(records, schedule, world)
    return found


def _outcomes(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """Every trial has one outcome, the same in both sets of tables."""
    recorded = {trial["optuna_trial_id"] for trial in records.trials}
    proposed = {id_ for id_, trial in records.optuna.items() if trial["state"] != "WAITING"}
    if recorded != proposed:
        yield f"Optuna has proposed the trials {proposed}, but {recorded} are recorded"
    missing = schedule.study.trials - len(recorded)
    # A commit that only seems to fail may propose a trial more; a stopped study may have fewer.
    is_excused = world.counts["fault: a commit succeeds, but seems to fail" if missing < 0 else STOPPED] > 0
    if missing and not is_excused:
        yield f"{len(recorded)} of {schedule.study.trials} trials were proposed"
    numbers = [trial["number"] for trial in records.trials]
    if numbers != sorted(row["number"] for id_, row in records.optuna.items() if id_ in recorded):
        yield f"Optuna has other numbers than {numbers}"
    for trial in records.trials:
        attempts, id_ = records.attempts[trial["id"]], trial["optuna_trial_id"]
        if id_ not in records.params:
            yield f"trial {trial['number']} has no hyperparameters"
        if [attempt["number"] for attempt in attempts] != list(range(1, len(attempts) + 1)):
            yield f"trial {trial['number']} has the attempts {[attempt['number'] for attempt in attempts]}"
        if any(attempt["state"] != "failed" for attempt in attempts[:-1]):
            yield f"an earlier attempt of trial {trial['number']} has not failed"
        state, optuna_state = attempts[-1]["state"], records.optuna[id_]["state"]
        if OPTUNA_STATES.get(state) != optuna_state:
            yield f"trial {trial['number']} is {state}, but {optuna_state} in Optuna"


def _epochs(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """Each epoch is recorded once in both sets of tables: the first one of an active attempt."""
    for trial in records.trials:
        original = records.original(trial)
        ends = {row["token"]: _end_s(row, world) for row in records.attempts[original["id"]]}
        expected: dict[int, float] = {}
        for line in world.history.lines:
            if line.token in ends and line.visible_s <= ends[line.token]:
                expected.setdefault(line.epoch, line.value)
        for name, epochs in (
            ("our tables", records.epochs[trial["id"]]),
            ("Optuna", records.optuna_epochs[trial["optuna_trial_id"]]),
        ):
            if epochs != (expected if original is trial or name == "our tables" else {}):
                yield f"trial {trial['number']}: {name} have {epochs}, but {expected} was reported"


def _end_s(attempt: sqlite3.Row, world: World) -> float:
    """Return until when an attempt's epochs count: until it was given up, or for ever if it has a result."""
    return float("inf") if _has_result(attempt, world) else _seconds(attempt["ended_at"])


def _has_result(attempt: sqlite3.Row, world: World) -> bool:
    """Return whether an attempt was recorded with the result of its process, and not given up before."""
    ending = world.history.endings.get(attempt["token"])
    return (
        ending is not None
        and (ending.outcome, ending.cause) == (attempt["state"], attempt["cause"])
        and _seconds(attempt["ended_at"]) >= ending.earliest_s - CLOCK_RESOLUTION_S
    )


def _results(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """An attempt has the result that its own process wrote, and a result before the job's end counts."""
    final = {row["trial_id"] for row in records.final}
    excused = _tokens_of_suspended(schedule)
    for trial in records.trials:
        original = records.original(trial)
        for attempt in records.attempts[trial["id"]]:
            name = f"trial {trial['number']}, attempt {attempt['number']}"
            trained = attempt if original is trial else records.attempts[original["id"]][-1]
            ending = world.history.endings.get(trained["token"])
            if attempt["state"] in {"complete"}:
                value = records.optuna_values.get(trial["optuna_trial_id"])
                if ending is None or ending.outcome is not Outcome.COMPLETE or ending.value != value:
                    yield f"{name} is complete with the value {value}, but ended with {ending}"
                if trial["id"] not in final:
                    yield f"{name} is complete without its other metrics"
            if ending is None or ending.was_given_up or attempt["token"] in excused:
                continue
            if ending.outcome is not Outcome.SUPERSEDED and attempt["state"] != ending.outcome.value:
                yield f"{name} is {attempt['state']} ({attempt['cause']}), but ended with {ending}"


def _processes(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """One process claims an attempt, and two train the same trial only if the older one was given up."""
    for token, count in world.history.claims.items():
        if count > 1:
            yield f"attempt {token} was claimed by {count} processes"
    by_trial: dict[int, list[Training]] = defaultdict(list)
    for training in world.history.trainings:
        by_trial[training.trial].append(training)
    excused = _tokens_of_suspended(schedule)
    for number, trainings in by_trial.items():
        for older, newer in combinations(trainings, 2):
            ended_s = min(_or_never(older.ended_s), _or_never(older.given_up_s))
            if newer.began_s < ended_s and not {older.token, newer.token} & excused:
                yield f"trial {number}: {newer.token} began to train while {older.token} did"
    for trial in records.trials:
        for attempt in records.attempts[trial["id"]]:
            if attempt["state"] == "failed" and not _has_result(attempt, world):
                yield from _stops(trial, attempt, world)


def _stops(trial: sqlite3.Row, attempt: sqlite3.Row, world: World) -> Iterator[str]:
    """The process of an attempt that was given up is requested to stop, and stops at the end of its epoch."""
    name = f"trial {trial['number']}, attempt {attempt['number']}"
    folder = attempt_folder(Path(trial["folder"]), attempt["number"], attempt["token"])
    if folder.path.exists() and folder.read_stop() is not Outcome.SUPERSEDED:
        yield f"{name} was given up, but its process was not told to stop"
    for training in world.history.trainings:
        # A launcher that was suspended may submit it later; it stops nevertheless.
        latest_s = max(_seconds(attempt["ended_at"]), training.began_s) + EPOCH_S[1]
        if training.token == attempt["token"] and _or_never(training.ended_s) > latest_s:
            yield f"{name} was given up, but trained for more than an epoch"


def _policy(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """A trial is retried as often as its causes allow, and after a cancellation on request only."""
    allowed = schedule.num_retry_requests
    for trial in records.trials:
        attempts = records.attempts[trial["id"]]
        causes = [Cause(attempt["cause"]) for attempt in attempts if attempt["cause"]]
        for cause in set(causes):
            limit = 1 + schedule.study.failures.retries.get(cause, 0) + allowed
            if causes.count(cause) > limit:
                yield f"trial {trial['number']} has failed {causes.count(cause)} times: {cause}"
        if not allowed and any(attempt["cause"] == Cause.CANCELLED.value for attempt in attempts[:-1]):
            yield f"trial {trial['number']} was retried although its job was cancelled"
        last = attempts[-1]
        if last["state"] == "failed" and not world.counts[STOPPED]:
            cause = Cause(last["cause"])
            may_retry = causes.count(cause) <= schedule.study.failures.retries.get(cause, 0)
            if cause is not Cause.CANCELLED and may_retry:
                yield f"trial {trial['number']} was not retried after {causes}"


def _jobs(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """No job runs without a row, and the row has its name and its id."""
    rows = {attempt["token"]: attempt for attempts in records.attempts.values() for attempt in attempts}
    for job in schedule.scheduler.jobs:
        for folder in job.job.attempts:
            row = rows.get(folder.path.name.split("-")[2])
            if row is None:
                yield f"job {job.id} runs {folder.path.name}, which is not recorded"
            elif not job.submitted_by_suspended and (row["job_name"], row["job_id"]) != (
                job.job.name,
                job.id,
            ):
                yield f"job {job.id} ({job.job.name}) is recorded as {row['job_id']} ({row['job_name']})"


def _gpu_seconds(records: Records, schedule: "Schedule", world: World) -> Iterator[str]:
    """The cost of each attempt is final, and what the scheduler has counted, if it has.

    An attempt that two launchers have submitted may have run in the job that is not recorded.
    """
    excused = _tokens_of_suspended(schedule)
    jobs = {job.job.name: job for job in schedule.scheduler.jobs}
    for trial in records.trials:
        for attempt in records.attempts[trial["id"]]:
            name = f"trial {trial['number']}, attempt {attempt['number']}"
            if not attempt["is_cost_final"]:
                yield f"the cost of {name} is not final"
            job = jobs.get(attempt["job_name"])
            used = attempt["gpu_seconds"]
            if used < 0:
                yield f"{name} has used {used} GPU seconds"
            if job is None or job.state is JobState.GONE or attempt["token"] in excused:
                continue
            expected = (job.elapsed_s or 0.0) / attempt["job_size"]
            if abs(used - expected) > 1e-6:
                yield f"{name} has used {used} GPU seconds, but the scheduler counted {expected}"


def _tokens_of_suspended(schedule: "Schedule") -> set[str]:
    """Return the attempts that two launchers may have submitted, because one had been suspended."""
    return {
        folder.path.name.split("-")[2]
        for job in schedule.scheduler.jobs
        if job.submitted_by_suspended
        for folder in job.job.attempts
    }


def _or_never(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _seconds(stored: Any) -> float:
    if stored is None:
        return float("inf")
    return (datetime.fromisoformat(stored) - BEGIN.replace(tzinfo=None)).total_seconds()
