"""Properties that a study has at its end, however often its launcher was killed or other faults occurred."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.database import connect, parse_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from sweep.worker.attempt_folder import attempt_folder

VISIBILITY_S = 1.0
"""How long before the recorded end of an attempt its last epochs may be missed."""
START_TOLERANCE_S = 15.0
"""How much less than Slurm's the recorded cost of a job may be: the duration of its start."""
END_TOLERANCE_S = 60.0
"""How much more it may be: the duration of an outage of accounting."""
CAUSES_OF_FAULTS = frozenset({"cancelled", "error", "launch_failure", "lost", "node_failure", "timeout"})
"""The causes of failure that the faults explain; `error` is that of a model that writes to a full disk."""
TOTAL_TOLERANCE = 0.05
"""By which fraction the recorded cost of all jobs may differ from Slurm's, in addition to one start."""


def check_each_trial_ran_once(
    workplace: Path,
    num_trials: int,
    num_epochs: int,
    epoch_s: float = 0.1,
    storage: str = "sqlite:///sweep.db",
) -> StudyData:
    """Check that every trial is complete after one attempt and that each epoch was trained exactly once.

    The recorded GPU seconds cover the time of training, and Optuna's tables contain the same values as ours.

    Args:
        workplace: The working directory of the study, with the ledger that its model writes.
        num_trials: The number of trials of the study.
        num_epochs: The number of epochs of each trial.
        epoch_s: The shortest duration of an epoch.
        storage: The URL of the study's database.

    Returns:
        The study as the reports read it.
    """
    url = parse_url(storage)
    engine = connect(url)
    data = read_study(engine, url, "toy")
    engine.dispose()
    assert data.trials["number"].tolist() == list(range(num_trials))
    assert data.trials["state"].tolist() == ["complete"] * num_trials
    assert data.attempts["number"].tolist() == list(range(num_trials))
    assert data.attempts["state"].tolist() == ["complete"] * num_trials
    min_gpu_seconds = data.attempts["gpu"].notna() * num_epochs * epoch_s
    assert (data.attempts["gpu_seconds"] + 1 > min_gpu_seconds).all()  # Slurm counts whole seconds

    trained = Counter(line.rsplit(" ", 1)[0] for line in (workplace / "ledger.txt").read_text().splitlines())
    expected = {f"{seed} {epoch}" for seed in data.trials["seed"] for epoch in range(1, num_epochs + 1)}
    assert trained == Counter(expected)  # no two processes trained the same epoch

    scores = data.epochs.pivot(index="number", columns="epoch", values="score").to_numpy().tolist()
    with optuna_storage(url) as optuna_tables:
        trials = optuna.load_study(study_name="toy", storage=optuna_tables).trials
    assert [trial.value for trial in trials] == data.trials["value"].tolist()
    assert [list(trial.intermediate_values.values()) for trial in trials] == scores
    assert scores == [[trial.params["x"] * epoch for epoch in range(1, num_epochs + 1)] for trial in trials]
    return data


def find_violations(
    data: StudyData, trials: Sequence[FrozenTrial], ledger: Path, cancelled: Collection[str], num_epochs: int
) -> list[str]:
    """Return a description of each violated invariant of a study that has ended after faults.

    Trials may have been retried. An epoch may have been trained again only by a later attempt, and only if
    the checkpoint after it was not saved before that attempt started.

    Args:
        data: The study as the reports read it.
        trials: The trials in Optuna's tables.
        ledger: The file in which the model has recorded the beginning and the checkpoint of each epoch.
        cancelled: The ids of the jobs that a user has cancelled.
        num_epochs: The number of epochs of a complete trial.
    """
    violations = []
    if data.trials["number"].tolist() != list(range(len(trials))):
        violations.append(f"the trials are not 0 to {len(trials) - 1}: {data.trials['number'].tolist()}")
    ledger_of: dict[int, list[LedgerEntry]] = {}
    for entry in read_ledger(ledger):
        ledger_of.setdefault(entry.seed, []).append(entry)
    for trial in trials:
        attempts = data.attempts[data.attempts["number"] == trial.number]
        epochs = data.epochs[data.epochs["number"] == trial.number]
        row = data.trials[data.trials["number"] == trial.number].iloc[0]
        found = [
            *_outcome_violations(trial, attempts, epochs, cancelled, num_epochs),
            *_report_violations(attempts, epochs, row["folder"]),
            *_ledger_violations(attempts, epochs, ledger_of.get(row["seed"], [])),
        ]
        violations += [f"trial {trial.number}: {violation}\n{attempts.to_string()}" for violation in found]
    return violations


class LedgerEntry(NamedTuple):
    """A line of the model's ledger: when an attempt began to train an epoch, or had saved its checkpoint."""

    seed: int
    attempt: int
    event: str
    epoch: int
    at: float


def read_ledger(ledger: Path) -> list[LedgerEntry]:
    """Read the ledger of the model of the chaos test."""
    lines = (line.split() for line in ledger.read_text().splitlines())
    return [
        LedgerEntry(int(seed), int(attempt), event, int(epoch), float(at))
        for seed, attempt, event, epoch, at in lines
    ]


def _outcome_violations(
    trial: FrozenTrial,
    attempts: pd.DataFrame,
    epochs: pd.DataFrame,
    cancelled: Collection[str],
    num_epochs: int,
) -> Iterator[str]:
    """Every trial has one outcome and the same epochs in Optuna's tables and in ours."""
    states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    if trial.state not in states:
        yield f"it has not ended in Optuna: {trial.state.name}"
    recorded = attempts["state"].tolist()
    if not recorded or recorded[-1] != states.get(trial.state):
        yield f"its state is {trial.state.name} in Optuna, but its attempts' states are {recorded}"
    if unexplained := set(attempts["cause"].dropna()) - CAUSES_OF_FAULTS:
        yield f"no fault explains that attempts failed for {sorted(unexplained)}"
    if any(state != "failed" for state in recorded[:-1]):
        yield f"an attempt before the last one has not failed: {recorded}"
    if attempts["attempt"].tolist() != list(range(1, len(attempts) + 1)):
        yield f"the attempts' numbers are {attempts['attempt'].tolist()}"
    if recorded and recorded[-1] == "failed":
        last = attempts.iloc[-1]
        if last["cause"] != "cancelled" or last["job_id"] not in cancelled:
            yield f"it failed ({last['cause']}), but no user has cancelled its job {last['job_id']}"
    ours = dict(zip(epochs["epoch"], epochs["score"], strict=True))
    if list(ours) != list(range(1, len(ours) + 1)):
        yield f"the recorded epochs are {list(ours)}"
    if ours != trial.intermediate_values:
        yield f"the scores are {trial.intermediate_values} in Optuna, but {ours} in our tables"
    if ours != {epoch: trial.params["x"] * epoch for epoch in ours}:
        yield f"the scores are {ours}, but x is {trial.params['x']}"
    if trial.state is TrialState.COMPLETE:
        if len(ours) != num_epochs:
            yield f"it is complete with the epochs {list(ours)}"
        if trial.value != trial.params["x"] * num_epochs:
            yield f"its value is {trial.value}, but x is {trial.params['x']}"


def _report_violations(attempts: pd.DataFrame, epochs: pd.DataFrame, folder: str) -> Iterator[str]:
    """Each epoch that an attempt reported before its end is recorded, as the first one reported it."""
    recorded = dict(zip(epochs["epoch"], epochs["attempt"], strict=True))
    for attempt in attempts.itertuples():
        reports, _ = attempt_folder(Path(folder), attempt.attempt, attempt.token).read_epochs()
        numbers = [report.epoch for report in reports]
        if len(set(numbers)) != len(numbers):
            yield f"attempt {attempt.attempt} has reported the epochs {numbers}"
        end = attempt.ended_at.timestamp() - VISIBILITY_S
        reported = [report.epoch for report in reports if report.reported_at < end]
        if missing := [epoch for epoch in reported if epoch not in recorded]:
            yield f"attempt {attempt.attempt} has reported the epochs {missing}, which are not recorded"
    order = [recorded[epoch] for epoch in sorted(recorded)]
    if order != sorted(order):
        yield f"the epochs were recorded from the attempts {order}, in this order"


def _ledger_violations(
    attempts: pd.DataFrame, epochs: pd.DataFrame, entries: Sequence[LedgerEntry]
) -> Iterator[str]:
    """No two attempts train the same epoch without a failure that explains it."""
    rows = attempts.dropna(subset=["started_at"]).itertuples()
    started = {row.attempt: row.started_at.timestamp() for row in rows}
    begun = Counter((entry.attempt, entry.epoch) for entry in entries if entry.event == "begin")
    if repeated := [each for each, number in begun.items() if number > 1]:
        yield f"the same attempt has begun the same epoch twice: {repeated}"
    for later in sorted(started):
        earlier = [entry for entry in entries if entry.attempt < later]
        if late := [entry for entry in earlier if entry.event == "begin" and entry.at > started[later]]:
            yield f"an earlier attempt has begun an epoch after attempt {later} had started: {late}"
        saved = {entry.epoch for entry in earlier if entry.event == "saved" and entry.at < started[later]}
        if again := sorted(epoch for attempt, epoch in begun if attempt == later and epoch in saved):
            yield f"attempt {later} has trained the epochs {again} again, whose checkpoints were saved"
    for epoch, attempt in zip(epochs["epoch"], epochs["attempt"], strict=True):
        if (int(attempt), epoch) not in begun:
            yield f"epoch {epoch} is recorded from attempt {attempt:.0f}, which has not trained it"


def find_cost_violations(data: StudyData, elapsed_s: Mapping[str, int]) -> list[str]:
    """Return a description of each job whose recorded GPU seconds differ from Slurm's accounting.

    The recorded cost is what Slurm reports. If accounting was not available when the job ended, the cost
    follows from the worker's clock, which does not count the start of the job, or counts until the launcher
    has learnt of the end. Jobs that accounting does not list are ignored: Slurm keeps no record of a job of
    an array that was cancelled before it started, and loses records while the database of its accounting is
    not available.

    Args:
        data: The study as the reports read it.
        elapsed_s: The seconds that each job has occupied its GPU according to Slurm, by job id.
    """
    recorded = data.attempts.groupby("job_id")["gpu_seconds"].sum()
    listed = {job_id: seconds for job_id, seconds in recorded.items() if job_id in elapsed_s}
    violations = [
        f"job {job_id}: {seconds:.1f} GPU seconds are recorded, but Slurm has counted {elapsed_s[job_id]}"
        for job_id, seconds in listed.items()
        if not -END_TOLERANCE_S <= elapsed_s[job_id] - seconds <= START_TOLERANCE_S
    ]
    total, slurm_total = sum(listed.values()), sum(elapsed_s[job_id] for job_id in listed)
    if abs(total - slurm_total) > START_TOLERANCE_S + TOTAL_TOLERANCE * slurm_total:
        violations.append(f"{total:.1f} GPU seconds are recorded, but Slurm has counted {slurm_total}")
    return violations
