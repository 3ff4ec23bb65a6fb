"""The nodes on which jobs of a study repeatedly fail before they start."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from sweep.states import Cause
from sweep.storage.tables import AttemptRow, TrialRow

MIN_FAILURES = 2
"""The number of failures after which no more jobs are sent to a node."""
MAX_AGE = timedelta(days=1)
"""How long a failure counts, because a node may be repaired."""


class FailingNode(NamedTuple):
    """A node on which jobs fail before they start, and how many have failed since one last started there."""

    name: str
    num_failures: int


def failing_nodes(engine: Engine, study_id: int, now: datetime) -> list[FailingNode]:
    """Return the nodes that a study's jobs avoid, sorted by name.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        now: The time.
    """
    failures = (
        select(AttemptRow.host, AttemptRow.ended_at)
        .join(TrialRow)
        .where(
            TrialRow.study_id == study_id,
            AttemptRow.cause.in_((Cause.LAUNCH_FAILURE, Cause.NODE_FAILURE)),
            AttemptRow.started_at.is_(None),
            AttemptRow.host.is_not(None),
            AttemptRow.ended_at > now - MAX_AGE,
        )
    )
    with Session(engine) as session:
        failed = [(host, ended_at) for host, ended_at in session.execute(failures) if host and ended_at]
        hosts = {host for host, _ in failed}
        starts = (
            select(AttemptRow.host, func.max(AttemptRow.started_at))
            .join(TrialRow)
            .where(TrialRow.study_id == study_id, AttemptRow.host.in_(hosts))
            .group_by(AttemptRow.host)
        )
        last_starts = {host: at for host, at in session.execute(starts) if at} if hosts else {}
    counts = Counter(
        host for host, ended_at in failed if host not in last_starts or ended_at > last_starts[host]
    )
    return [FailingNode(host, count) for host, count in sorted(counts.items()) if count >= MIN_FAILURES]
