"""Running one schedule: launchers follow or overlap each other until the study has ended."""

import json
import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import Study
from sweep.errors import InputError, StudyFailedError
from sweep.launcher.launcher import Launcher
from sweep.launcher.outage import OUTAGES, retry_on_outage
from sweep.operations import startup
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.preflight import PreflightResult
from sweep.states import Stop
from sweep.storage.database import connect, parse_url
from sweep.storage.lease import LeaseHeldError, LeaseLostError
from sweep.storage.studies import find_study
from sweep.storage.user_requests import request_retry, request_stop
from tests.simulation import database
from tests.simulation.files import folder_opener
from tests.simulation.invariants import violations_of
from tests.simulation.launcher_process import Crash, LauncherProcess, TooManyCycles
from tests.simulation.scheduler import SETTLE_S, SimulatedScheduler
from tests.simulation.surroundings import simulated_surroundings
from tests.simulation.worker_process import METRIC
from tests.simulation.world import World

MAX_LAUNCHES = 100
MAX_CYCLES = 150
"""How many poll cycles a study may take to end after the last fault."""
POLL_S = 45.0
DELAYS_OF_COST = ("fault: a job is hidden", "fault: no answer", "fault: job stays after its end")
"""The faults after which only another launch records the final cost of jobs."""
ENDS = (Crash, LeaseLostError, LeaseHeldError, *OUTAGES)
"""What may end a launcher before its study has ended."""


@dataclass(frozen=True)
class Report:
    """What one schedule has shown.

    Attributes:
        seed: The seed.
        violations: Which invariants do not hold.
        trace: A line for each event.
        counts: How often each kind of event has happened.
        seconds: The simulated time.
    """

    seed: int
    violations: list[str]
    trace: list[str]
    counts: dict[str, int]
    seconds: float


def run_schedule(seed: int, template: Path, certain_faults: Collection[str] = ()) -> Report:
    """Run one schedule and check its invariants.

    Args:
        seed: The seed, which decides about everything.
        template: A database with all tables and no rows; see `database.create_template`.
        certain_faults: The kinds of faults that occur in any case; see `faults.Faults`.
    """
    with TemporaryDirectory(dir=template.parent) as temporary:
        folder = Path(temporary)
        shutil.copy(template, folder / database.FILE)
        world = World(seed, folder, certain_faults)
        with simulated_surroundings(world), _logs_in_trace(world):
            schedule = Schedule(world)
            violations = schedule.run()
        return Report(seed, violations, world.trace, dict(world.counts), world.clock.seconds())


class Schedule:
    """One study, and the launchers that run it."""

    def __init__(self, world: World) -> None:
        self._world = world
        random = world.random
        trials_per_job = random.choice([1, 1, 1, 2])
        self.study = _study(
            random.choice([2, 3, 4]),
            random.choice(["none", "none", "median"]),
            num_equal=1 + (world.seed % 4 == 0),
        )
        self._url = parse_url(f"sqlite:///{world.folder / database.FILE}")
        profile = SlurmProfile(
            executor="slurm",
            timeout_min=60,
            gres="gpu:1",
            poll_seconds=POLL_S,
            settle_seconds=SETTLE_S,
            trials_per_job=trials_per_job,
        )
        self._request = LaunchRequest(self.study, profile, self._url, world.folder / "sweeps", world.folder)
        self.scheduler = SimulatedScheduler(
            world, max(1, self.study.parallel // trials_per_job), random.choice([1, 2, 3])
        )
        self._successor: tuple[ExitStack, Launcher, LauncherProcess] | None = None
        self.num_retry_requests = 0

    def run(self) -> list[str]:
        """Run the study to its end, and return the violations."""
        world = self._world
        if world.random.random() < world.faults.stop:
            world.clock.call_in(world.random.uniform(100, 1000), lambda: self._request_stop(Stop.CANCEL))
        try:
            self._launch_until_ended()
            if world.random.random() < world.faults.retry:
                self._request_retry()
                self._launch_until_ended()
            world.clock.sleep(max(0.0, world.faults.lasts_s - world.clock.seconds()))
            if any(world.counts[fault] for fault in DELAYS_OF_COST):
                self._launch_until_ended()
            world.launcher = None
            world.clock.sleep(2 * 24 * 3600)  # the processes on lost nodes end too
        except TooManyCycles:
            world.history.violations.append(
                f"the study has not ended {MAX_CYCLES} cycles after the last fault"
            )
        except Exception as error:  # whatever else ends a launcher is a finding
            logging.getLogger("sweep").exception("a launcher has ended with an error")
            world.history.violations.append(f"a launcher has ended with {type(error).__name__}: {error}")
        finally:
            world.launcher = None
            if self._successor is not None:
                self._successor[0].close()
        return violations_of(self, world)

    # launchers

    def _launch_until_ended(self) -> None:
        for _ in range(MAX_LAUNCHES):
            if self._launch():
                return
            self._world.launcher = None
            self._world.clock.sleep(60)
        self._world.history.violations.append(f"the study has not ended after {MAX_LAUNCHES} launches")

    def _launch(self) -> bool:
        """Run one launcher, or continue the one that has taken over; return whether the study has ended."""
        try:
            with ExitStack() as stack:
                if self._successor is not None:
                    successor, launcher, self._world.launcher = self._successor
                    self._successor = None
                    stack.push(successor)
                else:
                    launcher, _ = self._open(stack)
                try:
                    launcher.run()
                finally:
                    self._world.launcher.has_ended = True
        except StudyFailedError as error:
            self._note_end(error)
            return "rejected" not in str(error)
        except ENDS as error:
            self._note_end(error)
            return False
        except InputError as error:
            if not database.is_simulated(error):
                raise
            self._note_end(error)
            return False
        self._world.note("the study has ended", "studies")
        return True

    def _note_end(self, error: BaseException) -> None:
        self._world.note(f"the launcher ends: {error!r}", f"end: {type(error).__name__}")
        assert self._world.launcher is not None
        self._world.launcher.end()

    def _open(self, stack: ExitStack) -> tuple[Launcher, LauncherProcess]:
        process = LauncherProcess(self._world, MAX_CYCLES, self._take_over)
        self._world.launcher = process
        self._world.note("starts", "launchers")
        opened = startup.open_launcher(
            self._request,
            self.scheduler,
            clock=process,
            check_code=lambda *_, **__: PreflightResult(),
            open_folder=folder_opener(self._world),
        )
        launcher = stack.enter_context(_ending(self._world, process, opened))
        return launcher, process

    def _take_over(self, suspended: LauncherProcess) -> None:
        """Start a launcher while another one is suspended, and let it run for some cycles."""
        world = self._world
        if self._successor is not None or sum(each.was_suspended for each in world.launchers) > 2:
            return
        world.launcher = None
        if world.random.random() < 0.8:
            world.clock.sleep(world.random.uniform(0, 900))
        has_heartbeat = suspended.polled_s > 0 and world.clock.seconds() - suspended.polled_s < 200
        is_alive = has_heartbeat and not suspended.has_ended
        stack = ExitStack()
        try:
            with stack:
                launcher, process = self._open(stack)
                if is_alive:
                    world.history.violations.append("a launcher has started although another one is alive")
                for _ in range(world.random.randrange(0, 12)):
                    retry_on_outage(launcher.step, process.sleep)
                    process.sleep(POLL_S)
                self._successor = (stack.pop_all(), launcher, process)
        except (StudyFailedError, *ENDS) as error:
            self._note_end(error)
        except InputError as error:
            if not database.is_simulated(error):
                raise
            self._note_end(error)

    # requests of users

    def _request_stop(self, stop: Stop) -> None:
        launcher, self._world.launcher = self._world.launcher, None
        engine = connect(self._url)
        study = find_study(engine, self.study.name)
        if study is not None and self._world.is_faulty:
            request_stop(engine, study, stop)
            self._world.note(f"a user stops the study: {stop}", "fault: a user stops the study")
        engine.dispose()
        self._world.launcher = launcher

    def _request_retry(self) -> None:
        self._world.launcher = None
        engine = connect(self._url)
        study = find_study(engine, self.study.name)
        assert study is not None
        numbers = request_retry(engine, study)
        engine.dispose()
        self.num_retry_requests += 1
        self._world.note(f"a user retries the trials {numbers}", "retries by users")


def _study(num_trials: int, pruner: str, num_equal: int) -> Study:
    """Return a study whose first trials, `num_equal` of them, have the same hyperparameters."""
    definition: dict[str, Any] = {
        "name": "toy",
        "train": "toy_model:train",
        "metric": METRIC,
        "direction": "maximize",
        "trials": num_trials,
        "parallel": 2,
        "space": {"x": {"type": "float", "low": 0.5, "high": 1.0}},
        "enqueue": [{"x": 0.75}] * num_equal,
        "sampler": {"name": "random"},
        "pruner": {"name": "none"},
        "failures": {"retries": {"preempted": 1, "node_failure": 1, "lost": 1}, "stop_after_same": 1000},
    }
    if pruner == "median":
        definition["pruner"] = {"name": "median", "startup_trials": 1}
    return Study.model_validate_json(json.dumps(definition))


@contextmanager
def _ending(world: World, process: LauncherProcess, opened: Any) -> Iterator[Launcher]:
    """Open a launcher, and let it be the running one also while its context ends."""
    with opened as launcher:
        try:
            yield launcher
        finally:
            world.launcher = process


@contextmanager
def _logs_in_trace(world: World) -> Iterator[None]:
    """Add what the launcher logs to the trace."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            world.note(f"log: {self.format(record)}")

    logger, handler = logging.getLogger("sweep"), Handler()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
