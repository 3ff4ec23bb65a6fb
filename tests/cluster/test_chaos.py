"""A study during faults of every kind; `chaos.py` runs a longer one as a command."""

from pathlib import Path

import pytest

from tests.cluster import postgresql, slurm
from tests.cluster.chaos import Chaos
from tests.cluster.chaos_faults import KINDS, timeline
from tests.cluster.work_disk import WorkDisk
from tests.services import require_service

SEED = 20261125
MINUTES = 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_study_keeps_its_invariants_during_faults_of_every_kind(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    require_service("Slurm", slurm.is_installed(), slurm.PACKAGES)
    require_service("PostgreSQL", postgresql.is_installed(), postgresql.PACKAGES)
    report = Chaos(tmp_path_factory.mktemp("chaos"), SEED).run(MINUTES)
    with capsys.disabled():
        print(f"\n{report}")
    assert not report.violations, report
    assert {*report.num_by_fault, *report.left_out} == set(KINDS)
    assert report.num_by_state["complete"] > 0


def test_work_disk_can_become_full(tmp_path: Path) -> None:
    disk = WorkDisk(tmp_path / "disk")
    if not disk.mount():
        pytest.skip("mounting a file system is not permitted")
    try:
        (disk.folder / "earlier").write_text("text")
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "file").write_text("text")
        disk.empty()
        (disk.folder / "file").write_text("text")
    finally:
        disk.unmount()


def test_timeline_follows_from_the_seed_and_contains_every_kind() -> None:
    faults = timeline(seed=1, seconds=60)
    assert faults == timeline(seed=1, seconds=60) != timeline(seed=2, seconds=60)
    assert {fault.kind for fault in faults} == set(KINDS)
    assert faults == sorted(faults)
    assert len(timeline(seed=1, seconds=1800)) == 450
