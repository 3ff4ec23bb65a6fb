"""Run many schedules, or print the events of one."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.database import MEMORY, create_template
from tests.simulation.invariants import RECORDED
from tests.simulation.parallel import run_schedules
from tests.simulation.schedule import run_schedule

PROGRESS_EVERY = 1_000
"""After how many schedules a line about the progress is printed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("num_schedules", type=int, nargs="?", default=300, help="how many schedules to run")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many run at a time")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one schedule and print its events")
    arguments = parser.parse_args()
    with TemporaryDirectory(dir=MEMORY) as folder:
        template = create_template(Path(folder))
        if arguments.replay is not None:
            report = run_schedule(arguments.replay, template)
            print("\n".join(report.trace))
            print("\n".join(report.violations or ["no violation"]))
            return int(bool(report.violations))
        seeds = range(arguments.seed, arguments.seed + arguments.num_schedules)
        return _run_all(seeds, template, arguments.processes)


def _run_all(seeds: range, template: Path, num_processes: int) -> int:
    began, counts, seconds, failed = time.monotonic(), Counter[str](), 0.0, list[int]()
    for num_done, report in enumerate(run_schedules(seeds, template, num_processes), start=1):
        counts.update(report.counts)
        seconds += report.seconds
        if report.violations:
            failed.append(report.seed)
            print(f"seed {report.seed}: {report.violations[0]}", flush=True)
        if num_done % PROGRESS_EVERY == 0:
            minutes = (time.monotonic() - began) / 60
            print(
                f"{num_done:,} of {len(seeds):,} schedules in {minutes:.1f} min, {len(failed)} failed",
                flush=True,
            )
    minutes = (time.monotonic() - began) / 60
    print(summary(seeds, counts, seconds, failed))
    print(f"duration: {minutes:.1f} min with {num_processes} processes")
    return int(bool(failed))


def summary(seeds: range, counts: Counter[str], seconds: float, failed: Sequence[int]) -> str:
    """Return what the schedules contained, and which of them violated an invariant.

    Args:
        seeds: The seeds of the schedules.
        counts: How often each kind of event has happened.
        seconds: The simulated time.
        failed: The seeds of the schedules that violated an invariant.
    """
    lines = [
        f"schedules: {len(seeds):,}, with the seeds {seeds.start} to {seeds.stop - 1}",
        f"simulated days: {seconds / 86400:,.0f}",
        f"schedules with violations: {len(failed)}",
        *(f"  replay with: python -m tests.simulation --replay {seed}" for seed in failed),
        *_section("what ran", counts, ("launchers", "jobs", "studies", *RECORDED, "retries by users")),
    ]
    for title, prefix in (
        ("external actions", "action: "),
        ("launcher crashes", "crash "),
        ("launchers suspended until another one took over", "suspended "),
        ("faults", "fault: "),
    ):
        names = sorted(name for name in counts if name.startswith(prefix))
        lines += _section(title, counts, names, prefix)
    return "\n".join(lines)


def _section(title: str, counts: Counter[str], names: Sequence[str], prefix: str = "") -> list[str]:
    return [f"{title}:", *(f"  {counts[name]:8,}  {name.removeprefix(prefix)}" for name in names)]


if __name__ == "__main__":
    sys.exit(main())
