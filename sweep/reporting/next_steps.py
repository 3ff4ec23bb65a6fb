"""What to change in the next study, as sentences. docs/reports.md documents the rules."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from sweep.reporting.computed_once import computed_once
from sweep.reporting.epoch_noise import still_improves
from sweep.reporting.figures.importance import importance_info
from sweep.reporting.formatting import format_count, format_param, heading
from sweep.reporting.pruned_trials import competitive_pruned
from sweep.reporting.range_ends import RangeEnd, range_ends
from sweep.storage.study_data import StudyData

MIN_TRIALS = 30  # complete trials below which no hyperparameter is said to have no effect
NO_EFFECT = 0.1  # share of the importance that its bootstrap interval does not exceed
NUM_BEST = 5  # best trials that are examined for further improvement
EPOCHS = ("epochs", "num_epochs", "n_epochs", "max_epochs")
"""The names by which the number of epochs is recognized among the hyperparameters."""


@computed_once
def next_steps(data: StudyData) -> list[str]:
    """Return what the numbers suggest for a next study; nothing without a complete trial."""
    if data.complete_trials.empty:
        return []
    ends, names = range_ends(data), params_without_effect(data)
    return [
        *_ranges(ends),
        *_without_effect(names),
        *_epochs(data),
        *_pruned(data),
        *_follow_up(data, has_changes=bool(ends or names)),
    ]


def params_without_effect(data: StudyData) -> list[str]:
    """Return the hyperparameters whose share of the importance is small even at the end of its interval.

    With fewer than `MIN_TRIALS` complete trials, or with several objectives, none is returned.
    """
    if not data.goals.is_single or len(data.complete_trials) < MIN_TRIALS:
        return []
    info = importance_info(data)
    found = zip(info.params, info.intervals, info.conditions, strict=True)
    return [name for name, interval, condition in found if interval.high <= NO_EFFECT and not condition]


def _ranges(ends: Sequence[RangeEnd]) -> Iterator[str]:
    if ends:
        yield f"The best trials lie at an end of a search range: {'; '.join(end.text for end in ends)}."


def _without_effect(names: Sequence[str]) -> Iterator[str]:
    if names:
        shown, is_one = ", ".join(map(heading, names)), len(names) == 1
        yield (
            f"No visible effect within the searched range: {shown}, with at most {NO_EFFECT:.0%} of the "
            f"importance by the bootstrap interval. Fix {'it' if is_one else 'them'} to search fewer "
            "dimensions."
        )


def _epochs(data: StudyData) -> Iterator[str]:
    if not data.goals.is_single or data.metric not in data.epochs:
        return
    best = data.complete_trials["number"].head(NUM_BEST).tolist()
    maximizes = data.direction == "maximize"
    improving = [number for number in best if still_improves(_curve(data, number), maximizes=maximizes)]
    if not improving:
        return
    params: Mapping[str, object] = {**data.study.fixed, **data.study.space}
    name = next((name for name in EPOCHS if name in params), None)
    where = ""
    if name is not None:
        where = f" with a larger {name}" + (
            f" than {format_param(data.study.fixed[name])}" if name in data.study.fixed else ""
        )
    verb = "was" if len(improving) == 1 else "were"
    yield (
        f"{len(improving)} of the best {format_count(len(best), 'trial')} {verb} still improving in the last "
        f"quarter of the epochs. Train for more epochs{where}."
    )


def _curve(data: StudyData, number: int) -> list[float]:
    epochs = data.epochs[data.epochs["number"] == number].sort_values("epoch")
    values: list[float] = epochs[data.metric].dropna().tolist()
    return values


def _pruned(data: StudyData) -> Iterator[str]:
    if (found := competitive_pruned(data)) is None:
        return
    advice = " Prune later or less." if found.expected >= 1 else ""
    yield (
        f"About {found.expected:.0f} of {format_count(found.num_pruned, 'pruned trial')} would probably have "
        f"been in the best quarter, judged by complete trials with similar values at the same epoch.{advice}"
    )


def _follow_up(data: StudyData, *, has_changes: bool) -> Iterator[str]:
    if data.study.space:
        command = shlex.join(["sweep", "follow-up", "--study", data.name])
        changes = " and contains the changes of the search space that are named here" if has_changes else ""
        yield (
            f"{command} writes the file of a next study for review. It starts from the best configurations"
            f"{changes}."
        )
