"""The status of studies as JSON."""

import json

import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from sqlalchemy import Engine

from sweep.reporting.status.json_document import studies_document
from sweep.storage.code_version import Snapshot
from sweep.storage.snapshots import record_snapshot
from tests.sweep.reporting.recorded_study import COMPLETE, RecordedStudy, minutes, status_of

PARAMS = {"lr": (0.1, FloatDistribution(0.0, 1.0)), "layers": (3, IntDistribution(1, 9))}
SPACE: dict[str, object] = {"lr": {}, "layers": {}}
DIGEST = "3f2a9c1d" * 8


def test_document_contains_every_documented_field(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=2, parallel=1, space=SPACE, budget={"hours": 1.0, "gpu_hours": None})
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(29))
    snapshot = Snapshot(DIGEST, "1a2b3c4d", is_clean=True)
    record_snapshot(engine, study.id, snapshot, {}, minutes(0))
    study.add({**COMPLETE, "job_id": "3", "snapshot": DIGEST}, value=0.5, epochs={1: 0.5}, params=PARAMS)
    document = json.loads(json.dumps(studies_document([status_of(study)], minutes(30))))
    trial = {
        "number": 0, "state": "complete", "cause": None, "attempt": 1, "job_id": "3", "host": None,
        "gpu": None, "epoch": 1, "best": 0.5, "values": {"score": 0.5}, "violates": [],
        "submitted_at": "2026-11-24T12:00:00+00:00",
        "started_at": "2026-11-24T12:01:00+00:00", "ended_at": "2026-11-24T12:11:00+00:00",
        "error": None, "exit_status": None, "snapshot": DIGEST,
        "repeats": None, "params": {"lr": 0.1, "layers": 3}, "metrics": {"loss": -1000.0, "score": 0.5},
    }  # fmt: skip
    assert document == {
        "studies": [
            {
                "name": "toy", "metric": "score", "direction": "maximize",
                "objectives": [{"metric": "score", "direction": "maximize"}], "constraints": [],
                "created_at": "2026-11-24T12:00:00+00:00",
                "launcher": {"host": "login9", "pid": 4711, "seen_at": "2026-11-24T12:29:00+00:00"},
                "num_by_state": {"complete": 1}, "num_active": 0, "num_enqueued": 0,
                "num_retries": 0, "stop": None, "stopped_early": None,
                "budget": {
                    "trials": {"used": 1, "limit": 2},
                    "hours": {"used": 0.5, "limit": 1.0},
                    "gpu_hours": {"used": pytest.approx(1 / 6), "limit": None},
                },
                "forecast": {"ends_at": "2026-11-24T12:41:00+00:00", "trials": 2, "ended_by": "trials"},
                "headline": [
                    "Only trial 0 is complete, with the score 0.5, so there is nothing to compare it "
                    "with yet.",
                    "More trials may help: only one is complete.",
                ],
                "best": trial, "front": [trial], "failing_nodes": [], "unreported_metric": None,
                "code": [
                    {"digest": DIGEST, "git_commit": "1a2b3c4d", "is_clean": True, "num_trials": 1,
                     "is_current": True},
                ],
                "trials": [trial],
            }
        ]
    }  # fmt: skip
