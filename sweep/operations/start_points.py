"""The points that a study takes from an earlier one, and what of them does not fit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import URL

from sweep.definition.conditions import holds, suggestion_order
from sweep.definition.problem import format_choices, format_value
from sweep.definition.space import Entry
from sweep.definition.start_from import StartFrom
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.storage.database import connect, parse_url, shown_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.ranked_trials import ranked_trials
from sweep.storage.studies import find_study, has_table, optuna_study_names
from sweep.storage.tables import StudyRow

Point = dict[str, Any]


class StartPoints(NamedTuple):
    """The points that a study starts from.

    Attributes:
        start_from: What the study file says.
        points: The hyperparameters by the number of the earlier study's trial, the best first.
        notes: What of the earlier study does not fit, as sentences.
    """

    start_from: StartFrom
    points: Mapping[int, Point]
    notes: Sequence[str]


def start_points(study: Study, start_from: StartFrom, url: URL) -> StartPoints:
    """Return the best configurations of an earlier study as points of the space of another one.

    A hyperparameter that the earlier study does not have, or whose value is outside of the range, is omitted
    from a point, so that the sampler chooses it.

    Args:
        study: The study that starts.
        start_from: The earlier study.
        url: The database of the study that starts.

    Raises:
        InputError: If there is no such study, if it has no complete trial, or if no hyperparameter fits.
    """
    source = url if start_from.storage is None else parse_url(start_from.storage)
    configurations = _best_configurations(start_from, source)
    points: dict[int, Point] = {}
    for number, params in configurations.items():
        point = _fitting(study.space, params)
        if point and point not in points.values():
            points[number] = point
        if len(points) == start_from.top:
            break
    notes = list(_notes(study, start_from, {number: configurations[number] for number in points}))
    if not points:
        available = sorted({name for params in configurations.values() for name in params})
        raise InputError(
            f"start_from: no hyperparameter of study {start_from.study} fits the space of {study.name}\n"
            f"that study has: {', '.join(available)}; the space has: {', '.join(study.space)}"
        )
    return StartPoints(start_from, points, notes)


def _fitting(space: Mapping[str, Entry], params: Point) -> Point:
    """Return the values that belong to a space and whose conditions hold."""
    point: Point = {}
    for name in suggestion_order(space):
        if name in params and space[name].contains(params[name]) and holds(space[name].when, point):
            point[name] = params[name]
    return point


def _best_configurations(start_from: StartFrom, source: URL) -> dict[int, Point]:
    """Return the hyperparameters of the earlier study's complete trials, fixed ones included, the best first.

    Raises:
        InputError: If there is no such study, or if it has no complete trial.
    """
    engine = connect(source, must_exist=True)
    try:
        names = sorted(optuna_study_names(engine))
        if start_from.study not in names:
            raise InputError(
                f"start_from: {shown_url(source)} has no study {format_value(start_from.study)}; "
                f"{format_choices(start_from.study, names)}"
            )
        has_rows = has_table(engine, StudyRow.__tablename__)
        row = find_study(engine, start_from.study) if has_rows else None
        fixed = {} if row is None else row.definition.get("fixed", {})
    finally:
        engine.dispose()
    with optuna_storage(source) as storage:
        trials = ranked_trials(storage, start_from.study)
    if not trials:
        raise InputError(f"start_from: study {start_from.study} has no complete trial to start from yet")
    return {trial.number: {**fixed, **trial.params} for trial in trials}


def _notes(study: Study, start_from: StartFrom, chosen: Mapping[int, Point]) -> Iterator[str]:
    """Yield a sentence for each hyperparameter that is not taken over from all chosen trials."""
    for name, entry in study.space.items():
        missing = [number for number, params in chosen.items() if name not in params]
        outside = {
            number: params[name]
            for number, params in chosen.items()
            if name in params and not entry.contains(params[name])
        }
        if missing:
            yield f"{name}: not part of study {start_from.study}; the sampler chooses it"
        if outside:
            number, value = next(iter(outside.items()))
            yield (
                f"{name}: the sampler chooses it in {len(outside)} of {len(chosen)} points, because it must "
                f"be {entry}, but is {format_value(value)} in trial {number}"
            )
    others = {name for params in chosen.values() for name in params} - study.space.keys()
    for name in sorted(others):
        if name not in study.fixed:
            yield f"{name}: part of study {start_from.study} only; it is ignored"
            continue
        values = {format_value(params[name]) for params in chosen.values() if name in params}
        if values != {format_value(study.fixed[name])}:
            yield (
                f"{name}: {', '.join(sorted(values))} in study {start_from.study}, but fixed to "
                f"{format_value(study.fixed[name])} here"
            )
