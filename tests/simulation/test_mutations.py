"""The simulation finds each of a list of realistic bugs of the launcher."""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation, find
from tests.simulation.schedule import Report

MAX_SEEDS = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def searches(template: Path) -> Iterator[dict[str, Future[Report | None]]]:
    """Search for all bugs in two processes of their own, because a bug changes the code of its process."""
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        yield {bug.description: pool.submit(find, bug, template, MAX_SEEDS) for bug in MUTATIONS}


@pytest.mark.parametrize("bug", MUTATIONS, ids=lambda bug: bug.description)
def test_simulation_finds_the_bug(searches: dict[str, Future[Report | None]], bug: Mutation) -> None:
    report = searches[bug.description].result()
    assert report is not None, f"no schedule with the seeds 0 to {MAX_SEEDS - 1} shows it"
    print(f"seed {report.seed}: {bug.description} {report.violations[0]}")
