"""The best trial of a study beside the published results that its `baselines` function returned."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sweep.reporting.formatting import NONE, base_metric, format_metric, format_param, heading
from sweep.reporting.params import PREFIX, param_names
from sweep.reporting.seed_statistics import EvaluatedConfiguration, format_mean
from sweep.reporting.table import FINAL, Column, Row, Table
from sweep.storage.study_data import StudyData


class PublishedBaselines(NamedTuple):
    """Two tables of published results that include the study's best trial.

    Attributes:
        configurations: Trained configurations, with their hyperparameters and results.
        results: Results of other methods, the best first.
        note: Where the published results come from.
        is_tested: Whether `sweep evaluate` has measured the best trial on the test data.
    """

    configurations: Table
    results: Table
    note: str
    is_tested: bool


class _BestTrial(NamedTuple):
    """The study's best trial, all of its hyperparameters, and its evaluation if there is one."""

    name: str
    trial: Mapping[Any, Any]
    params: Mapping[str, Any]
    tested: EvaluatedConfiguration | None


def published_baselines(
    data: StudyData, configurations: Sequence[EvaluatedConfiguration]
) -> PublishedBaselines | None:
    """Return the comparison of a study with published results.

    Args:
        data: The study.
        configurations: The evaluated configurations of the study.

    Returns:
        None if the study has no published results or no complete trial, or if its objective measures
        something other than the published results do.
    """
    baselines = data.baselines
    if baselines is None or baselines["metric"] != base_metric(data.metric) or data.best_trials.empty:
        return None
    trial = data.best_trials.to_dict("records")[0]
    searched = {name: trial[PREFIX + name] for name in param_names(data)}
    tested = next((each for each in configurations if each.trial == trial["number"]), None)
    best = _BestTrial(f"this study, trial {trial['number']}", trial, {**data.study.fixed, **searched}, tested)
    return PublishedBaselines(
        configurations=_configurations(data, baselines["configurations"], best),
        results=_results(data, baselines["results"], best),
        note=baselines["note"],
        is_tested=tested is not None,
    )


def _configurations(data: StudyData, published: Sequence[Mapping[str, Any]], best: _BestTrial) -> Table:
    metric = base_metric(data.metric)
    names = list(dict.fromkeys(name for each in published for name in each["params"]))
    columns = [
        Column("", False),
        *(Column(heading(name), _is_numeric(name, published)) for name in names),
        *(Column(split, True) for split in ("train", "validation", "test")),
    ]
    rows = [
        Row(
            "",
            [
                each["name"],
                *(format_param(each["params"].get(name)) for name in names),
                format_metric(metric, each.get("train")),
                NONE,
                format_metric(metric, each.get("test")),
            ],
        )
        for each in published
    ]
    cells = [
        best.name,
        *(format_param(best.params.get(name)) for name in names),
        format_metric(metric, best.trial.get(f"{FINAL}train_{metric}")),
        format_metric(metric, best.trial["value"]),
        NONE if best.tested is None else format_mean(best.tested),
    ]
    return Table(columns, [*rows, Row("best", cells)])


def _is_numeric(name: str, published: Sequence[Mapping[str, Any]]) -> bool:
    values = [each["params"][name] for each in published if name in each["params"]]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _results(data: StudyData, published: Sequence[Mapping[str, Any]], best: _BestTrial) -> Table:
    """Rank the results; the best trial by its test value if it has one, otherwise by its validation value."""
    metric = base_metric(data.metric)
    entries = []
    for each in published:
        name = f"{each['name']} {each['note']}".strip()
        entries.append((each["test"], Row("", [name, format_metric(metric, each["test"]), "test"])))
    if best.tested is None:
        value = best.trial["value"]
        cells = [best.name, format_metric(metric, value), "validation"]
    else:
        value = best.tested.mean
        cells = [best.name, format_mean(best.tested), "test"]
    entries.append((value, Row("best", cells)))
    ranked = sorted(entries, key=lambda entry: entry[0], reverse=data.direction == "maximize")
    columns = [Column("method", False), Column(heading(metric), True), Column("measured on", False)]
    return Table(columns, [row for _, row in ranked])
