"""The export of a study as one JSON document, for scripts."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweep.reporting.figures.cost import cost_info
from sweep.reporting.figures.importance import EVALUATOR, importance_info
from sweep.reporting.findings import findings
from sweep.reporting.params import PREFIX, param_names
from sweep.reporting.table import FINAL
from sweep.storage.study_data import StudyData
from sweep.storage.study_definition import definition_of

VERSION = 1  # increases when a key is removed or changes its meaning, but not when a key is added


def document(data: StudyData) -> bytes:
    """Return the document as UTF-8; values that are unknown or not finite are null."""
    importance, cost = importance_info(data), cost_info(data)
    failed = data.attempts[data.attempts["cause"].notna()]
    content = {
        "version": VERSION,
        "study": data.name,
        "metric": data.metric,
        "direction": data.direction,
        "trials": data.trials["state"].value_counts().to_dict(),
        "best": _best(data),
        "findings": findings(data),
        "importance": {
            "evaluator": EVALUATOR,
            "shares": dict(zip(importance.params, importance.shares, strict=True)),
            "intervals": dict(zip(importance.params, importance.intervals, strict=True)),
            "caveat": importance.caveat,
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


def _best(data: StudyData) -> dict[str, Any] | None:
    """Return the best complete trial: its number, value, hyperparameters, final metrics, and where it ran."""
    for row in data.complete_trials.head(1).to_dict("records"):
        metrics = {str(name).removeprefix(FINAL): row[name] for name in row if str(name).startswith(FINAL)}
        also = ("num_epochs", "seed", "host", "gpu", "duration_s", "gpu_seconds", "folder")
        return {
            "trial": row["number"],
            "value": row["value"],
            "params": {name: row[PREFIX + name] for name in param_names(data)},
            "metrics": metrics,
            **{name: row[name] for name in also},
        }
    return None


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
