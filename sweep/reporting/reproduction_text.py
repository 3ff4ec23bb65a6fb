"""The output of `sweep reproduce`: what differs from the recorded trial, and how the metrics compare."""

from collections.abc import Iterator, Mapping, Sequence

from sweep.operations.code_snapshot import Differences
from sweep.operations.environment_differences import Difference
from sweep.operations.metric_agreement import Agreement, Metrics, agreements, difference
from sweep.operations.reproduction import EnvironmentChanges, RecordedTrial
from sweep.reporting.formatting import NONE, format_count, format_param
from sweep.storage.code_version import Snapshot
from sweep.storage.tables import SnapshotRow
from sweep.worker.documents import EpochReport

MAX_PACKAGES = 5
"""How many packages that differ are named."""
NAMES = {
    "git_commit": "the commit of the code",
    "git_dirty": "the presence of uncommitted changes",
    "data_sha256": "the checksum of the data",
}


def introduction(
    trial: RecordedTrial, changes: EnvironmentChanges, code_changes: Differences | None = None
) -> Iterator[str]:
    """Yield lines that describe the recorded trial and how the environment has changed since.

    Args:
        trial: The recorded trial.
        changes: How the environment has changed.
        code_changes: How the code that is trained differs from the trial's snapshot; None if the snapshot is
            trained, or if the trial has none.
    """
    params = ", ".join(f"{name}={format_param(value)}" for name, value in trial.params.items())
    yield f"trial {trial.number} of study {trial.study.name}, {trial.state}: {params}; seed {trial.seed}"
    yield f"it ran on {trial.host or NONE}, GPU {trial.gpu or 'none'}"
    for change in [*changes.origin, *changes.packages[:MAX_PACKAGES]]:
        yield f"different: {NAMES.get(change.name, change.name)} was {change.before}, is {change.now}"
    if (num_others := len(changes.packages) - MAX_PACKAGES) > 0:
        yield f"different: {format_count(num_others, 'other package')}"
    if not changes.origin and not changes.packages:
        yield "the data, Python and the packages are unchanged"
    yield _code(trial, changes.origin) if trial.snapshot is None else _snapshot(trial.snapshot, code_changes)


def _snapshot(row: SnapshotRow, changes: Differences | None) -> str:
    """Return which code is trained."""
    snapshot = Snapshot(row.digest, row.git_commit, row.is_clean)
    if changes is None:
        return f"the code is that of the trial: {snapshot}"
    if not any(changes):
        return f"the project's code is that of the trial: {snapshot}"
    return f"the project's code differs from that of the trial, {snapshot} ({changes})"


def _code(trial: RecordedTrial, changes: Sequence[Difference]) -> str:
    """Return whether the code is unchanged, as far as its repository shows."""
    commit = trial.environment.get("git_commit")
    if commit is None:
        return "it is unknown whether the code is unchanged: it was not in a repository"
    if trial.environment.get("git_dirty"):
        return f"it is unknown whether the code is unchanged: it had uncommitted changes to commit {commit}"
    changed = {change.name for change in changes}
    if "git_commit" in changed:
        return f"the code is not that of commit {commit}"
    beside = ", with uncommitted changes" if "git_dirty" in changed else ""
    return f"the code is that of commit {commit}{beside}"


def epoch_line(trial: RecordedTrial, report: EpochReport) -> str:
    """Return the objectives of an epoch, compared with their recorded values."""
    reported = [metric for metric in trial.study.goals.returned_objectives if metric in report.metrics]
    recorded = trial.epochs.get(report.epoch, {})
    return _line(f"epoch {report.epoch}", reported, recorded, report.metrics)


def result_line(trial: RecordedTrial, metrics: Metrics) -> str:
    """Return the final values of the objectives, compared with their recorded values."""
    return _line("result", trial.study.goals.returned_objectives, trial.result, metrics)


def _line(what: str, metrics: Sequence[str], recorded: Metrics, now: Metrics) -> str:
    return f"{what}: {'; '.join(_comparison(metric, recorded, now) for metric in metrics)}"


def _comparison(metric: str, recorded: Metrics, now: Metrics) -> str:
    if metric not in recorded or metric not in now:
        return f"{metric} = {now.get(metric, NONE)}, no recorded value"
    before, after = recorded[metric], now[metric]
    distance = difference(before, after)
    return f"{metric} = {after}, " + (
        "as recorded" if distance == 0 else f"recorded {before}, difference {distance:.3g}"
    )


def is_different(trial: RecordedTrial, epochs: Mapping[int, Metrics], result: Metrics) -> bool:
    """Return whether a metric differs from the recorded one; see `verdict` for the arguments."""
    return any(each.first_difference is not None for each in _agreements(trial, epochs, result))


def verdict(trial: RecordedTrial, epochs: Mapping[int, Metrics], result: Metrics) -> Iterator[str]:
    """Yield lines that state which metrics are identical to the recorded ones, and how far others differ.

    Args:
        trial: The recorded trial.
        epochs: The metrics of each epoch that was trained again.
        result: The final metrics; empty if there are none.
    """
    found = _agreements(trial, epochs, result)
    if not found:
        yield "nothing to compare: no epoch that was trained again is recorded"
        return
    same = [each for each in found if each.first_difference is None]
    if same:
        num_epochs = format_count(len(trial.epochs.keys() & epochs.keys()), "epoch")
        yield f"identical to the last bit over {num_epochs}: {', '.join(each.metric for each in same)}"
    for each in found:
        if each.first_difference is not None:
            yield _difference(each)


def _difference(agreement: Agreement) -> str:
    first = f"epoch {agreement.first_difference}" if agreement.first_difference else "the result"
    return f"different from {first} on: {agreement.metric}, by at most {agreement.largest_difference:.3g}"


def _agreements(trial: RecordedTrial, epochs: Mapping[int, Metrics], result: Metrics) -> Sequence[Agreement]:
    recorded = {**trial.epochs, **({0: trial.result} if trial.result else {})}
    return agreements(recorded, {**epochs, **({0: result} if result else {})})
