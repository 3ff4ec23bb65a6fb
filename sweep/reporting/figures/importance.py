"""Which hyperparameters decide whether a trial is good?"""

import contextlib
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import optuna
import plotly.graph_objects as go
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection

from sweep.definition.space import Entry
from sweep.reporting.bootstrap import Interval, bootstrap_intervals
from sweep.reporting.computed_once import computed_once
from sweep.reporting.figures.theme import BLUE, GREY, label_with_condition, new_figure
from sweep.reporting.formatting import format_count, heading
from sweep.reporting.params import condition_text, read_params
from sweep.storage.study_data import StudyData

EVALUATOR = "PED-ANOVA"
MIN_TRIALS = 15  # with fewer trials, the intervals cover most of the axis
FEW_TRIALS = 20


class ImportanceInfo(NamedTuple):
    """The importance of the hyperparameters.

    The importance of a conditional hyperparameter is computed within its group, which consists of the trials
    that have it, and is a share of the total importance in these trials.

    Attributes:
        params: The names of the hyperparameters, those of all trials first, and the most important first
            within each group; empty if the importance is not computed.
        shares: The share of each hyperparameter in the total importance in its group.
        conditions: The condition of each hyperparameter as text; empty for those of all trials.
        caveat: Why the result is missing or uncertain; empty if it is neither.
        intervals: The 95 % bootstrap interval of each share.
    """

    params: list[str]
    shares: list[float]
    conditions: list[str]
    caveat: str
    intervals: Sequence[Interval] = ()

    @property
    def titles(self) -> list[str]:
        """The name of each hyperparameter in words, with its condition."""
        return [
            f"{heading(name)} ({condition})" if condition else heading(name)
            for name, condition in zip(self.params, self.conditions, strict=True)
        ]


@computed_once
def importance_info(data: StudyData) -> ImportanceInfo:
    """Compute the importance of the hyperparameters from the complete trials."""
    space = {name: entry.distribution() for name, entry in data.study.space.items()}
    trials = _optuna_trials(data, space)
    num_outside = len(data.complete_trials) - len(trials)
    if len(trials) < MIN_TRIALS:
        needed = f"{MIN_TRIALS} complete trials within the search space, but there are {len(trials)}"
        return ImportanceInfo([], [], [], f"The importance requires {needed}.")
    params: list[str] = []
    shares: list[float] = []
    intervals: list[Interval] = []
    omitted: list[str] = []
    for names in _groups(data.study.space):
        of_group = [trial for trial in trials if names[0] in trial.params]
        if len(of_group) < MIN_TRIALS:
            omitted += names
            continue
        found = _shares(of_group, data.direction)
        shown = {name: share for name, share in found.items() if name in names}
        params += shown
        shares += shown.values()
        intervals += bootstrap_intervals(
            of_group, shown, lambda resampled: _shares(resampled, data.direction)
        )
    if not params and not omitted:
        caveat = "The importance is undefined: no hyperparameter varied, or all trials are equally good."
        return ImportanceInfo([], [], [], caveat)
    caveats = []
    if len(trials) < FEW_TRIALS:
        caveats.append(f"With only {len(trials)} complete trials, the order is uncertain.")
    if num_outside:
        caveats.append(f"The importance omits {format_count(num_outside, 'trial')} outside the search space.")
    if omitted:
        caveats.append(
            f"The importance omits {', '.join(map(heading, omitted))}, because fewer than {MIN_TRIALS} "
            "complete trials have a value."
        )
    conditions = [condition_text(data.study.space, name) for name in params]
    return ImportanceInfo(params, shares, conditions, " ".join(caveats), intervals)


def draw_importance(info: ImportanceInfo) -> go.Figure:
    """Draw one bar per hyperparameter, with its interval."""
    figure = new_figure(height=64 + 34 * len(info.params), margin_t=8, margin_r=48, showlegend=False)
    labels = [
        label_with_condition(name, condition)
        for name, condition in zip(info.params, info.conditions, strict=True)
    ]
    figure.add_bar(
        x=info.shares,
        y=labels,
        orientation="h",
        marker_color=BLUE,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - share for share, (_, high) in zip(info.shares, info.intervals, strict=True)],
            "arrayminus": [share - low for share, (low, _) in zip(info.shares, info.intervals, strict=True)],
            "color": GREY,
            "thickness": 2,
            "width": 6,
        },
        hoverinfo="skip",
        width=0.6,
    )
    figure.add_scatter(
        x=[high for _, high in info.intervals],
        y=labels,
        mode="text",
        text=[f"  {share:.0%}" for share in info.shares],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title_text=f"share of importance ({EVALUATOR})")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def describe_importance(info: ImportanceInfo) -> str:
    """Describe the share of each hyperparameter, with the caveat."""
    bars = zip(info.titles, info.shares, info.intervals, strict=True)
    shares = ", ".join(f"{title} {share:.0%} ({low:.0%} to {high:.0%})" for title, share, (low, high) in bars)
    return " ".join(
        part
        for part in (
            shares and f"The importance by {EVALUATOR}, with 95 % bootstrap intervals: {shares}.",
            info.caveat,
        )
        if part
    )


def _groups(space: Mapping[str, Entry]) -> list[list[str]]:
    """Return the hyperparameters in groups that the same trials have, those of all trials first."""
    groups: dict[str, list[str]] = {"": []}
    for name in space:
        groups.setdefault(condition_text(space, name), []).append(name)
    return [names for names in groups.values() if names]


def _shares(trials: Sequence[optuna.trial.FrozenTrial], direction: str) -> dict[str, float]:
    """Return the share of each hyperparameter that all of these trials have, the largest first.

    The result is empty if no hyperparameter varied, or all trials are equally good.
    """
    study = _in_memory_study(StudyDirection[direction.upper()])
    study.add_trials(trials)
    common = [name for name in trials[0].params if all(name in trial.params for trial in trials)]
    with warnings.catch_warnings(action="ignore"):  # about too few trials, which the caveat states
        divergences = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study, params=common)
    total = sum(divergences.values())
    return {name: divergence / total for name, divergence in divergences.items()} if total > 0 else {}


def _optuna_trials(data: StudyData, space: Mapping[str, BaseDistribution]) -> list[optuna.trial.FrozenTrial]:
    """Return the complete trials whose hyperparameters lie within the search space."""
    complete = data.complete_trials
    params = [param for param in read_params(data, complete) if param.name in space]
    trials = []
    for row, value in enumerate(complete["value"].astype(float)):
        present = {param.name: param.values[row] for param in params if not math.isnan(param.values[row])}
        with contextlib.suppress(ValueError, IndexError):  # raised for a value or a choice outside the space
            trials.append(
                optuna.trial.create_trial(
                    value=value,
                    params={name: space[name].to_external_repr(number) for name, number in present.items()},
                    distributions={name: space[name] for name in present},
                )
            )
    return trials


def _in_memory_study(direction: StudyDirection) -> optuna.Study:
    """Create a study without the message that Optuna would log to the terminal."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(direction=direction)
    finally:
        optuna.logging.set_verbosity(verbosity)
