"""What all parts of one simulated schedule share: the seed, the clock, the faults and the trace of events."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.clock import SimulatedClock
from tests.simulation.faults import Faults, draw_faults
from tests.simulation.history import History

if TYPE_CHECKING:
    from tests.simulation.launcher_process import LauncherProcess


class World:
    """The state of the simulation outside of any launcher.

    Attributes:
        seed: The seed that everything random is drawn from.
        folder: The folder of the database and of the trial folders.
        random: The source of randomness.
        faults: The faults of this schedule.
        clock: The simulated clock.
        history: What has really happened on the nodes.
        launcher: The launcher that is running at the moment; None while none is.
        launchers: All launchers, the oldest first.
        trace: A line for each event.
        counts: How often each kind of event has happened.
    """

    def __init__(self, seed: int, folder: Path, certain_faults: Collection[str] = ()) -> None:
        self.seed = seed
        self.folder = folder
        self.random = Random(seed)
        self.faults: Faults = draw_faults(self.random, certain_faults)
        self.clock = SimulatedClock()
        self.history = History()
        self.launcher: LauncherProcess | None = None
        self.launchers: list[LauncherProcess] = []
        self.trace: list[str] = []
        self.counts: Counter[str] = Counter()

    @property
    def is_faulty(self) -> bool:
        """Whether faults still occur."""
        return self.clock.seconds() < self.faults.lasts_s

    def happens(self, probability: float) -> bool:
        """Return whether something happens now that is a fault."""
        return self.is_faulty and self.random.random() < probability

    def note(self, text: str, count: str | None = None) -> None:
        """Add an event to the trace, and count it."""
        if count is not None:
            self.counts[count] += 1
        launcher = f"launcher {self.launcher.number}" if self.launcher is not None else "cluster"
        self.trace.append(f"{self.clock.seconds():9.2f}  {launcher:11}  {text}".replace(str(self.folder), ""))
