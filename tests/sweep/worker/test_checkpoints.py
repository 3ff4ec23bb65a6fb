from pathlib import Path

from sweep.states import Outcome
from tests.sweep.worker.attempts import create_attempt, run


def test_next_attempt_continues_from_the_newest_checkpoint(workplace: Path) -> None:
    first = create_attempt(workplace, fault="raise")
    run(first)  # fails after epoch 1, which is in its checkpoint
    empty = create_attempt(workplace, attempt=2)  # it ended before it started
    third = create_attempt(workplace, attempt=3, earlier=(str(empty.path), str(first.path)))
    assert run(third).outcome is Outcome.COMPLETE
    assert [report.epoch for report in third.read_epochs()[0]] == [1, 2, 3]
    epochs = [line.split()[1] for line in (workplace / "ledger.txt").read_text().splitlines()]
    assert epochs == ["1", "2", "3"]  # none is trained twice
    # The trial is complete, so its checkpoints are removed.
    assert [folder.checkpoints.exists() for folder in (first, third)] == [False, False]


def test_failed_attempt_keeps_its_checkpoints(workplace: Path) -> None:
    folder = create_attempt(workplace, fault="raise")
    run(folder)
    assert (folder.checkpoints / "epoch").read_text() == "1"
