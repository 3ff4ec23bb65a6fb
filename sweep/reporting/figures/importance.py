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

from sweep.reporting.bootstrap import Interval, bootstrap_intervals
from sweep.reporting.figures.theme import BLUE, GREY, label, new_figure
from sweep.reporting.formatting import format_count, heading
from sweep.reporting.params import read_params
from sweep.storage.study_data import StudyData

EVALUATOR = "PED-ANOVA"
MIN_TRIALS = 15  # with fewer trials, the intervals cover most of the axis
FEW_TRIALS = 20


class ImportanceInfo(NamedTuple):
    """The importance of the hyperparameters.

    Attributes:
        params: The names of the hyperparameters, most important first; empty if the importance is not
            computed.
        shares: The share of each hyperparameter in the total importance.
        caveat: Why the result is missing or uncertain; empty if it is neither.
        intervals: The 95 % bootstrap interval of each share.
    """

    params: list[str]
    shares: list[float]
    caveat: str
    intervals: Sequence[Interval] = ()


def importance_info(data: StudyData) -> ImportanceInfo:
    """Compute the importance of the hyperparameters from the complete trials."""
    space = {name: entry.distribution() for name, entry in data.study.space.items()}
    trials = _optuna_trials(data, space)
    num_outside = len(data.complete_trials) - len(trials)
    if len(trials) < MIN_TRIALS:
        needed = f"{MIN_TRIALS} complete trials within the search space, but there are {len(trials)}"
        return ImportanceInfo([], [], f"The importance requires {needed}.")
    shares = _shares(trials, data.direction)
    if not shares:
        return ImportanceInfo(
            [], [], "The importance is undefined: no hyperparameter varied, or all trials are equally good."
        )
    caveats = []
    if len(trials) < FEW_TRIALS:
        caveats.append(f"With only {len(trials)} complete trials, the order is uncertain.")
    if num_outside:
        caveats.append(f"The importance omits {format_count(num_outside, 'trial')} outside the search space.")
    intervals = bootstrap_intervals(trials, shares, lambda resampled: _shares(resampled, data.direction))
    return ImportanceInfo(list(shares), list(shares.values()), " ".join(caveats), intervals)


def draw_importance(info: ImportanceInfo) -> go.Figure:
    """Draw one bar per hyperparameter, with its interval."""
    figure = new_figure(height=64 + 34 * len(info.params), margin_t=8, margin_r=48, showlegend=False)
    figure.add_bar(
        x=info.shares,
        y=[label(heading(name)) for name in info.params],
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
        y=[label(heading(name)) for name in info.params],
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
    bars = zip(info.params, info.shares, info.intervals, strict=True)
    shares = ", ".join(
        f"{heading(name)} {share:.0%} ({low:.0%} to {high:.0%})" for name, share, (low, high) in bars
    )
    return " ".join(
        part
        for part in (
            shares and f"The importance by {EVALUATOR}, with 95 % bootstrap intervals: {shares}.",
            info.caveat,
        )
        if part
    )


def _shares(trials: Sequence[optuna.trial.FrozenTrial], direction: str) -> dict[str, float]:
    """Return the share of each hyperparameter that all of these trials have, the largest first.

    The result is empty if no hyperparameter varied, or all trials are equally good.
    """
    study = _in_memory_study(StudyDirection[direction.upper()])
    study.add_trials(trials)
    with warnings.catch_warnings(action="ignore"):  # about too few trials, which the caveat states
        divergences = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study)
    total = sum(divergences.values())
    return {name: share / total for name, share in divergences.items()} if total > 0 else {}


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
