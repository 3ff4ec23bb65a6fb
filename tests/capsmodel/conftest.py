"""Fixtures for the tests of the capsule network: real data, small networks and a trial."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from capsmodel.config import CapsNetConfig

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def kmnist_npz():
    """Return the path of a file with 8,000 real images, or skip the test if the file does not exist."""
    default = REPOSITORY.parent / "shared" / "data" / "kmnist-8k.npz"
    path = Path(os.environ.get("CAPSWEEP_KMNIST_NPZ", default))
    if not path.is_file():
        pytest.skip(f"{path} does not exist; set CAPSWEEP_KMNIST_NPZ to the path of the file")
    return path


@pytest.fixture
def small_config():
    """Return the configuration of a small network, with different sizes and 2 × 3 positions of capsules."""
    return CapsNetConfig(
        input_shape=(20, 22, 1),
        num_classes=3,
        routing_iterations=2,
        conv_filters=6,
        primary_channels=2,
        primary_capsule_dim=4,
        class_capsule_dim=5,
        decoder_widths=(7, 8),
    )


@pytest.fixture
def small_params():
    """Return the hyperparameters of a trial that takes seconds and uses every source of random numbers."""
    return {
        "conv_filters": 8,
        "primary_channels": 2,
        "decoder_widths": [16],
        "epochs": 3,
        "batch_size": 32,
        "num_samples": 80,
        "augmentation": "shift+cutout",
        "decoder_dropout": 0.2,
        "precision": "float32",
    }


@pytest.fixture
def small_images():
    return np.random.default_rng(0).integers(0, 256, (9, 20, 22, 1), dtype=np.uint8)


@dataclass
class RecordingTrial:
    """A trial that records its reports and can be interrupted.

    Attributes:
        folder: The folder for the trial's files.
        dataset: The name of the data set.
        data_dir: The folder with the data; None for the default.
        seed: The seed of all random numbers.
        stop_after: The epoch whose report raises InterruptedTrialError; None for no interruption.
        reports: The reported metrics, by epoch.
        notes: The recorded notes, by key.
    """

    folder: Path
    dataset: str = "digits"
    data_dir: Path | None = None
    seed: int = 7
    stop_after: int | None = None
    reports: dict[int, dict[str, float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def checkpoint_dir(self):
        path = self.folder / "checkpoints"
        path.mkdir(exist_ok=True)
        return path

    def report(self, epoch, metrics):
        self.reports[epoch] = dict(metrics)
        if epoch == self.stop_after:
            raise InterruptedTrialError

    def note(self, key, value):
        self.notes[key] = value


class InterruptedTrialError(Exception):
    """Raised by RecordingTrial to simulate a pruned trial or a failed node."""


@pytest.fixture
def make_trial(tmp_path):
    def make(name="trial", **settings):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return RecordingTrial(folder, **settings)

    make.interruption = InterruptedTrialError
    return make
