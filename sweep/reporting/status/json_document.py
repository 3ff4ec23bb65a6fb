"""The status of studies as JSON for scripts. docs/commands.md lists the fields, which are stable."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sweep.goals import Goals
from sweep.reporting.status.study_status import StudyStatus
from sweep.storage.status_queries import TrialStatus


def studies_document(statuses: Sequence[StudyStatus], now: datetime) -> dict[str, Any]:
    """Return the status of studies as a JSON document, with times as ISO 8601 in UTC."""
    return {"studies": [_study(status, now) for status in statuses]}


def _study(status: StudyStatus, now: datetime) -> dict[str, Any]:
    plan, spent, goals = status.plan, status.spent, status.goals
    only = goals.objectives[0] if goals.is_single else None
    return {
        "name": status.name,
        "metric": only.metric if only else None,
        "direction": only.direction if only else None,
        "objectives": [objective._asdict() for objective in goals.objectives],
        "constraints": [constraint.as_keys() for constraint in goals.constraints],
        "created_at": _moment(status.created_at),
        "launcher": status.launcher
        and {
            "host": status.launcher.host,
            "pid": status.launcher.pid,
            "seen_at": _moment(status.launcher.seen_at),
        },
        "stop": status.stop,
        "stopped_early": status.stopped_early,
        "num_by_state": status.num_by_state,
        "num_active": status.num_active,
        "num_enqueued": status.num_enqueued,
        "num_retries": status.num_retries,
        "budget": {
            "trials": {"used": spent.trials, "limit": plan.trials},
            "hours": {"used": spent.hours, "limit": plan.hours},
            "gpu_hours": {"used": spent.gpu_hours, "limit": plan.gpu_hours},
        },
        "forecast": status.forecast
        and {
            "ends_at": _moment(now + timedelta(seconds=status.forecast.in_s)),
            "trials": status.forecast.trials,
            "ended_by": status.forecast.ended_by,
        },
        "headline": list(status.headline),
        "best": _trial(status.best[0], goals) if only and status.best else None,
        "front": [_trial(trial, goals) for trial in status.best],
        "failing_nodes": [node._asdict() for node in status.failing_nodes],
        "unreported_metric": status.unreported_metric,
        "code": [
            {
                **version.snapshot._asdict(),
                "num_trials": version.num_trials,
                "is_current": version.snapshot.digest == status.snapshot,
            }
            for version in status.code
        ],
        "trials": [_trial(trial, goals) for trial in status.trials],
    }


def _trial(trial: TrialStatus, goals: Goals) -> dict[str, Any]:
    moments = {"submitted_at", "started_at", "ended_at"}
    document = {key: _moment(value) if key in moments else value for key, value in trial._asdict().items()}
    metrics = [objective.metric for objective in goals.objectives]
    document |= {"params": dict(trial.params), "metrics": dict(trial.metrics)}
    document["values"] = dict(zip(metrics, trial.values, strict=True))
    return document | {"best": trial.values[0] if goals.is_single else None}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
