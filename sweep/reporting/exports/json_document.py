"""The export of a study as one JSON document, for scripts."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sweep.definition.space import Entry
from sweep.reporting.figures.cost import cost_info
from sweep.reporting.figures.hypervolume import hypervolume_info
from sweep.reporting.figures.importance import EVALUATOR, ImportanceInfo, importance_info
from sweep.reporting.findings import findings
from sweep.reporting.headline import headline
from sweep.reporting.next_steps import next_steps
from sweep.reporting.params import condition_text, params_of_trial
from sweep.reporting.situation import situation_of
from sweep.reporting.table import FINAL
from sweep.storage.study_data import StudyData
from sweep.storage.study_definition import definition_of

VERSION = 1  # increases when a key is removed or changes its meaning, but not when a key is added


def document(data: StudyData) -> bytes:
    """Return the document as UTF-8; values that are unknown or not finite are null."""
    views = {view.metric: importance_info(view) for view in data.by_objective}
    importance, cost, is_single = views[data.metric], cost_info(data), data.goals.is_single
    failed = data.attempts[data.attempts["cause"].notna()]
    content = {
        "version": VERSION,
        "study": data.name,
        "metric": data.metric if is_single else None,
        "direction": data.direction if is_single else None,
        "objectives": [objective._asdict() for objective in data.goals.objectives],
        "constraints": [constraint.as_keys() for constraint in data.goals.constraints],
        "trials": data.trials["state"].value_counts().to_dict(),
        "best": next(_best(data), None) if is_single else None,
        "front": list(_best(data)),
        "hypervolume": None if is_single else _hypervolume(data),
        "headline": headline(situation_of(data)),
        "findings": findings(data),
        "next_steps": next_steps(data),
        "importance": _importance(importance, data.study.space) if is_single else None,
        "importance_by_objective": {
            metric: _importance(info, data.study.space) for metric, info in views.items()
        },
        "cost": {
            "unit": cost.unit,
            "by_outcome": dict(zip(cost.outcomes, cost.hours, strict=True)),
            "total": cost.total,
            "wasted": cost.wasted,
        },
        "failed_attempts": failed["cause"].value_counts().to_dict(),
        "started_at": pd.to_datetime(data.trials["started_at"], utc=True).min(),
        "ended_at": pd.to_datetime(data.trials["ended_at"], utc=True).max(),
        "definition": definition_of(data.study),
        "provenance": data.provenance,
        "code": [{**version.snapshot._asdict(), "num_trials": version.num_trials} for version in data.code],
    }
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False).encode()


def _importance(info: ImportanceInfo, space: Mapping[str, Entry]) -> dict[str, Any]:
    return {
        "evaluator": EVALUATOR,
        "shares": dict(zip(info.params, info.shares, strict=True)),
        "intervals": dict(zip(info.params, info.intervals, strict=True)),
        "conditions": {name: text for name in info.params if (text := condition_text(space, name))},
        "caveat": info.caveat,
    }


def _hypervolume(data: StudyData) -> dict[str, Any]:
    """Return the hypervolume after each complete trial, by number, and the point that bounds it."""
    info = hypervolume_info(data)
    return {
        "reference": info.reference,
        "shares": dict(zip(map(str, info.numbers), info.shares, strict=True)),
    }


def _best(data: StudyData) -> Iterator[dict[str, Any]]:
    """Yield the best trials: the number, values, hyperparameters, final metrics, and where each one ran."""
    objectives = [objective.metric for objective in data.goals.objectives]
    for row in data.best_trials.to_dict("records"):
        metrics = {str(name).removeprefix(FINAL): row[name] for name in row if str(name).startswith(FINAL)}
        also = ("num_epochs", "seed", "host", "gpu", "duration_s", "gpu_seconds", "folder")
        yield {
            "trial": row["number"],
            "value": row.get("value"),
            "values": {name: row[FINAL + name] for name in objectives if FINAL + name in row},
            "params": params_of_trial(data, row),
            "metrics": metrics,
            **{name: row[name] for name in also},
        }


def _plain(value: Any) -> Any:
    """Convert NumPy numbers, timestamps and NaN to values that JSON can represent."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else str(value)
