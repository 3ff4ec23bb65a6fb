"""Which hyperparameters decide whether a trial is good?"""

import contextlib
import math
import warnings
from collections.abc import Mapping
from typing import NamedTuple

import optuna
import plotly.graph_objects as go
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection

from sweep.reporting.figures.theme import BLUE, label, new_figure
from sweep.reporting.formatting import format_count, heading
from sweep.reporting.params import read_params
from sweep.storage.study_data import StudyData

EVALUATOR = "PED-ANOVA"
MIN_TRIALS = 4  # with fewer trials, there are too few to separate the best tenth from the rest
FEW_TRIALS = 20


class ImportanceInfo(NamedTuple):
    """The importance of the hyperparameters.

    Attributes:
        params: The names of the hyperparameters, most important first; empty if the importance is not
            computed.
        shares: The share of each hyperparameter in the total importance.
        caveat: Why the result is missing or uncertain; empty if it is neither.
    """

    params: list[str]
    shares: list[float]
    caveat: str


def importance_info(data: StudyData) -> ImportanceInfo:
    """Compute the importance of the hyperparameters from the complete trials."""
    space = {name: entry.distribution() for name, entry in data.study.space.items()}
    trials = _optuna_trials(data, space)
    num_outside = len(data.complete_trials) - len(trials)
    if len(trials) < MIN_TRIALS:
        needed = f"{MIN_TRIALS} complete trials within the search space, but there are {len(trials)}"
        return ImportanceInfo([], [], f"The importance requires {needed}.")
    study = _in_memory_study(StudyDirection[data.direction.upper()])
    study.add_trials(trials)
    with warnings.catch_warnings(action="ignore"):  # about too few trials, which the caveat states
        divergences = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study)
    total = sum(divergences.values())
    if total == 0:
        return ImportanceInfo(
            [], [], "The importance is undefined: no hyperparameter varied, or all trials are equally good."
        )
    caveats = []
    if len(trials) < FEW_TRIALS:
        caveats.append(f"With only {len(trials)} complete trials, the order is uncertain.")
    if num_outside:
        caveats.append(f"The importance omits {format_count(num_outside, 'trial')} outside the search space.")
    shares = [share / total for share in divergences.values()]
    return ImportanceInfo(list(divergences), shares, " ".join(caveats))


def draw_importance(info: ImportanceInfo) -> go.Figure:
    """Draw one bar per hyperparameter."""
    figure = new_figure(height=64 + 34 * len(info.params), margin_t=8, margin_r=48)
    figure.add_bar(
        x=info.shares,
        y=[label(heading(name)) for name in info.params],
        orientation="h",
        marker_color=BLUE,
        text=[f"{share:.0%}" for share in info.shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.6,
    )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title_text=f"share of importance ({EVALUATOR})")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def describe_importance(info: ImportanceInfo) -> str:
    """Describe the share of each hyperparameter, with the caveat."""
    pairs = zip(info.params, info.shares, strict=True)
    shares = ", ".join(f"{heading(name)} {share:.0%}" for name, share in pairs)
    return " ".join(
        part for part in (shares and f"The importance by {EVALUATOR}: {shares}.", info.caveat) if part
    )


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
