"""Running many schedules in several processes."""

import gc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.schedule import Report, run_schedule

CHUNK = 20
"""How many schedules a process runs before it returns their reports."""


def run_schedules(seeds: range, template: Path, num_processes: int) -> Iterator[Report]:
    """Run schedules in several processes, and yield their reports without traces, by seed."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(num_processes, mp_context=get_context("forkserver")) as pool:
        for reports in pool.map(_run_chunk, chunks, [template] * len(chunks)):
            yield from reports


def _run_chunk(seeds: range, template: Path) -> list[Report]:
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)  # saves a tenth of the time
    return [replace(run_schedule(seed, template), trace=[]) for seed in seeds]
