"""Several hundred schedules of faults, each of which leaves every trial with one outcome."""

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.parallel import run_schedules
from tests.simulation.schedule import run_schedule

NUM_SCHEDULES = 300
FIRST_SEED = 100_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_invariants_hold_after_each_schedule(template: Path) -> None:
    counts: Counter[str] = Counter()
    violations = {}
    for report in run_schedules(range(FIRST_SEED, FIRST_SEED + NUM_SCHEDULES), template, num_processes=2):
        counts.update(report.counts)
        if report.violations:
            violations[report.seed] = report.violations
    assert not violations  # `python -m tests.simulation --replay SEED` prints what happened
    crashes = {name for name in counts if name.startswith("crash ")}
    for action in ("commit", "commit of Optuna", "poll", "submit", "wait", "write spec"):
        assert {f"crash before {action}", f"crash after {action}"} & crashes


@pytest.mark.parametrize("seed", [3, 14])
def test_schedule_depends_on_its_seed_only(template: Path, seed: int) -> None:
    first = run_schedule(seed, template)
    run_schedule(seed + 1, template)
    assert run_schedule(seed, template) == first
    assert len(first.trace) > 50
