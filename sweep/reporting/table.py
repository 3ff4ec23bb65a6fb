"""The tables of a report as text, for the page and for Markdown."""

from typing import Any, NamedTuple

import pandas as pd

from sweep.reporting.formatting import (
    NONE,
    format_difference,
    format_duration,
    format_metric,
    format_param,
    format_params,
    heading,
    headline_metrics,
)
from sweep.reporting.params import PREFIX, param_names
from sweep.storage.code_version import SHORT_DIGEST
from sweep.storage.study_data import StudyData

FINAL = "final_"
MAX_NUMBERS = 8


class Column(NamedTuple):
    """A column: its heading, and whether it contains numbers, which are aligned to the right."""

    heading: str
    numeric: bool


class Row(NamedTuple):
    """A row: its kind, which is "best", the state of a trial, or empty; and its cells."""

    kind: str
    cells: list[str]


class Table(NamedTuple):
    """The columns and rows of a table."""

    columns: list[Column]
    rows: list[Row]


def trials_table(data: StudyData, limit: int) -> Table:
    """Return the `limit` best trials, best first, with objectives, epochs, hyperparameters and other metrics.

    A trial that is not complete has the last values that it has reported. The snapshot of the code is shown
    if the trials ran several.
    """
    metrics, params = final_metrics(data), param_names(data)
    objectives = [each.metric for each in data.goals.objectives if each.metric in metrics]
    others = [metric for metric in metrics if metric not in objectives]
    shows_code = len(data.code) > 1
    columns = [
        Column("trial", True),
        *(Column(heading(metric), True) for metric in objectives),
        Column("epochs", True),
        *(Column(heading(name), _is_numeric(data.trials[PREFIX + name])) for name in params),
        *(Column(heading(metric), True) for metric in others),
        Column("time", True),
        Column("state", False),
        *([Column("code", False)] if shows_code else []),
    ]
    best = data.best_trials["number"].tolist()
    infeasible = set(data.trials.loc[~data.is_feasible, "number"])
    shown = _with_last_values(data, data.ranked_trials.head(limit))
    columns_of_params = [format_params(shown[PREFIX + name].tolist()) for name in params]
    rows = [
        Row(
            "best" if trial["number"] in best else trial["state"],
            [
                str(trial["number"]),
                *(format_metric(metric, trial[FINAL + metric]) for metric in objectives),
                format_param(trial["num_epochs"]),
                *(texts[row] for texts in columns_of_params),
                *(format_metric(metric, trial[FINAL + metric]) for metric in others),
                format_duration(trial["duration_s"]),
                _state_and_cause(trial, is_infeasible=trial["number"] in infeasible),
                *([_short_digest(trial)] if shows_code else []),
            ],
        )
        for row, trial in enumerate(shown.to_dict("records"))
    ]
    return Table(columns, rows)


def _with_last_values(data: StudyData, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials; those that are not complete have their last values as final metrics."""
    is_open = trials["state"] != "complete"
    epochs = data.epochs[data.epochs["number"].isin(trials.loc[is_open, "number"])]
    last = epochs.sort_values("epoch").groupby("number").last()
    columns = {}
    for metric in final_metrics(data):
        values = pd.to_numeric(trials[FINAL + metric], errors="coerce").astype(float)
        if metric in last:
            values = values.where(~is_open | values.notna(), trials["number"].map(last[metric]))
        columns[FINAL + metric] = values
    return trials.assign(**columns)


def front_table(data: StudyData) -> Table:
    """Return the trials of the Pareto front in the order of the first objective.

    Each row has the trial's values of the objectives and of the constrained metrics, how the objectives
    differ from those of the row above, and the hyperparameters.
    """
    metrics, params = data.goals.metrics, param_names(data)
    columns = [
        Column("trial", True),
        *(Column(heading(metric), True) for metric in metrics),
        Column("against the row above", False),
        *(Column(heading(name), _is_numeric(data.trials[PREFIX + name])) for name in params),
    ]
    rows: list[Row] = []
    above: dict[Any, Any] | None = None
    columns_of_params = [format_params(data.best_trials[PREFIX + name].tolist()) for name in params]
    for row, trial in enumerate(data.best_trials.to_dict("records")):
        cells = [
            str(trial["number"]),
            *(format_metric(metric, trial[FINAL + metric]) for metric in metrics),
            NONE if above is None else _differences(data, above, trial),
            *(texts[row] for texts in columns_of_params),
        ]
        rows.append(Row("", cells))
        above = trial
    return Table(columns, rows)


def _differences(data: StudyData, above: dict[Any, Any], trial: dict[Any, Any]) -> str:
    """Return by how much each objective differs between two trials, and whether that is better or worse."""
    parts = []
    for objective in data.goals.objectives:
        before, after = (float(each[FINAL + objective.metric]) for each in (above, trial))
        if before == after:
            continue
        word = "better" if objective.sign * (after - before) < 0 else "worse"
        parts.append(
            f"{heading(objective.metric)} {format_difference(objective.metric, before, after)} {word}"
        )
    return ", ".join(parts) or "equal"


def failures_table(data: StudyData) -> Table:
    """Return the failures by cause: the failed attempts, the trials lost, and their cost."""
    columns = ["cause", "attempts", "trials lost", "trial numbers", "GPU time", "last error"]
    failed = data.attempts[data.attempts["cause"].notna()]
    lost = data.trials[data.trials["state"] == "failed"]
    causes = [*failed["cause"], *lost["cause"].dropna()]
    rows = []
    for cause in sorted(set(causes), key=lambda cause: (-causes.count(cause), cause)):
        attempts, trials = failed[failed["cause"] == cause], lost[lost["cause"] == cause]
        errors = pd.concat([frame["error"] for frame in (attempts, trials) if "error" in frame]).dropna()
        cells = [
            heading(cause),
            str(len(attempts)),
            str(len(trials)),
            _numbers(trials["number"].tolist()),
            format_duration(attempts["gpu_seconds"].sum()),
            str(errors.iloc[-1]) if len(errors) else NONE,
        ]
        rows.append(Row("failed", cells))
    numeric = {"attempts", "trials lost", "GPU time"}
    return Table([Column(name, name in numeric) for name in columns], rows)


def final_metrics(data: StudyData) -> list[str]:
    """Return the final metrics that a report shows."""
    names = [column.removeprefix(FINAL) for column in data.trials.columns if column.startswith(FINAL)]
    return headline_metrics(names, data.goals.metrics)


def _state_and_cause(trial: dict[Any, Any], *, is_infeasible: bool) -> str:
    state, cause = str(trial["state"]), trial["cause"]
    if state == "complete" and is_infeasible:
        return "complete: infeasible"
    return f"{state}: {heading(cause)}" if state == "failed" and isinstance(cause, str) else state


def _short_digest(trial: dict[Any, Any]) -> str:
    return trial["snapshot"][:SHORT_DIGEST] if isinstance(trial["snapshot"], str) else NONE


def _is_numeric(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:MAX_NUMBERS])
    return (shown or NONE) + (", …" if len(numbers) > MAX_NUMBERS else "")
