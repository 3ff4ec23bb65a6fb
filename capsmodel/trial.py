"""What the network's functions need of a trial; sweep's is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Trial(Protocol):
    """One configuration to train."""

    folder: Path  # exists; for what the trial makes beside its metrics
    checkpoint_dir: Path  # exists; what is in it comes back when the trial goes on
    seed: int
    dataset: str
    data_dir: Path | None

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of an epoch, counted from 1; may raise to end the trial."""

    def note(self, key: str, value: str) -> None:
        """Remember where the numbers come from."""


@dataclass
class LoneTrial:
    """A trial of no study: for a notebook, or to measure something."""

    folder: Path
    dataset: str = "digits"
    seed: int = 0
    data_dir: Path | None = None
    epochs: list[dict[str, float]] = field(default_factory=list)  # as they were reported
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def checkpoint_dir(self) -> Path:
        path = self.folder / "checkpoints"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        self.epochs.append(dict(metrics))

    def note(self, key: str, value: str) -> None:
        self.notes[key] = value
