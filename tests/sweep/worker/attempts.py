"""Attempts of the toy study, without a launcher."""

from pathlib import Path
from typing import Any

from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import Result, TrialSpec
from sweep.worker.run import run_attempt


def create_attempt(
    workplace: Path, attempt: int = 1, earlier: tuple[str, ...] = (), **params: Any
) -> AttemptFolder:
    """Create the folder of an attempt.

    Args:
        workplace: The folder of the study.
        attempt: The attempt's number.
        earlier: The folders of the earlier attempts, newest first.
        params: Hyperparameters in addition to the default ones.
    """
    folder = attempt_folder(workplace / "sweeps" / "toy" / "00000", attempt, f"t{attempt}")
    folder.create(
        TrialSpec(
            study="toy",
            number=0,
            attempt=attempt,
            token=f"t{attempt}",
            train="toy_model:train",
            objectives=("score",),
            params={"x": 0.5, "ledger": "ledger.txt", **params},
            seed=7,
            dataset=None,
            data_dir=None,
            code_dir=str(workplace),
            threads=None,
            earlier_attempts=earlier,
        )
    )
    return folder


def run(folder: AttemptFolder) -> Result:
    """Run an attempt in this process and return its result."""
    run_attempt(folder)
    result = folder.read_result(folder.read_spec().token)
    assert result is not None
    return result
