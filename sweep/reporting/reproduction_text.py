"""A trial trained again, in words: what is not as it was, each epoch beside the recorded one, the verdict."""

from collections.abc import Iterator, Mapping, Sequence

from sweep.operations.environment_differences import Difference
from sweep.operations.metric_agreement import Agreement, Metrics, agreements, difference
from sweep.operations.reproduction import RecordedTrial
from sweep.reporting.formatting import NONE, format_count, format_param
from sweep.worker.documents import EpochReport

WHAT = {
    "git_commit": "commit of the code",
    "git_dirty": "changes to it that are not committed",
    "data_sha256": "checksum of the data",
}


def introduction(trial: RecordedTrial, changes: Sequence[Difference]) -> Iterator[str]:
    """What is trained again, and where the environment is another one."""
    params = ", ".join(f"{name}={format_param(value)}" for name, value in trial.params.items())
    yield f"trial {trial.number} of study {trial.study.name}, {trial.state}: {params}; seed {trial.seed}"
    yield f"it ran on {trial.host or NONE}, GPU {trial.gpu or 'none'}"
    for change in changes:
        yield f"not as it was: {WHAT.get(change.what, change.what)} was {change.one}, is {change.other}"
    if not changes:
        yield "data, Python and packages are as they were"
    yield _code(trial, changes)


def _code(trial: RecordedTrial, changes: Sequence[Difference]) -> str:
    """Whether the code is the same, as far as its repository says."""
    commit = trial.environment.get("git_commit")
    if commit is None:
        return "whether the code is the same cannot be told: it was in no repository"
    if trial.environment.get("git_dirty"):
        return f"whether the code is the same cannot be told: it had changes beside commit {commit}"
    changed = {change.what for change in changes}
    if "git_commit" in changed:
        return f"the code is not that of commit {commit}"
    beside = ", with changes beside it that are not committed" if "git_dirty" in changed else ""
    return f"the code is that of commit {commit}{beside}"


def epoch_line(trial: RecordedTrial, report: EpochReport) -> str:
    """The objective of an epoch, as recorded and as it is now."""
    metric = trial.study.metric
    return _line(f"epoch {report.epoch}", metric, trial.epochs.get(report.epoch, {}), report.metrics)


def result_line(trial: RecordedTrial, metrics: Metrics) -> str:
    return _line("result", trial.study.metric, trial.result, metrics)


def _line(what: str, metric: str, recorded: Metrics, now: Metrics) -> str:
    if metric not in recorded or metric not in now:
        return f"{what}: {metric} = {now.get(metric, NONE)}, of which nothing is recorded"
    one, other = recorded[metric], now[metric]
    apart = difference(one, other)
    return f"{what}: {metric} = {other}, " + (
        "as recorded" if apart == 0 else f"recorded {one}: {apart:.3g} apart"
    )


def verdict(trial: RecordedTrial, epochs: Mapping[int, Metrics], result: Metrics) -> Iterator[str]:
    """How far each metric is from what is recorded of it."""
    recorded = {**trial.epochs, **({0: trial.result} if trial.result else {})}
    found = agreements(recorded, {**epochs, **({0: result} if result else {})})
    if not found:
        yield "nothing can be compared: no epoch is recorded that was trained again"
        return
    same = [each for each in found if each.first_difference is None]
    if same:
        num_epochs = format_count(len(recorded.keys() & epochs.keys()), "epoch")
        yield f"the same to the last bit over {num_epochs}: {', '.join(each.metric for each in same)}"
    for each in found:
        if each.first_difference is not None:
            yield _apart(each)


def _apart(agreement: Agreement) -> str:
    first = f"epoch {agreement.first_difference}" if agreement.first_difference else "the result"
    return f"not the same from {first} on: {agreement.metric}, by {agreement.largest_difference:.3g} at most"
