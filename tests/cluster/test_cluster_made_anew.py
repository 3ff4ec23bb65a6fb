"""A cluster is installed anew under a study: its job ids begin where the old one's began."""

from pathlib import Path

import pytest

from tests.cluster import slurm as slurm_cluster
from tests.cluster.launching import HOLD, Attempt, launched
from tests.cluster.slurm import Slurm
from tests.services import need

OPTIONS = ["--trials", "1", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


def test_equal_job_ids_are_not_equal_jobs(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("Slurm", slurm_cluster.is_installed(), slurm_cluster.PACKAGES)
    old, new = (Slurm(tmp_path / name, first_job_id=1000) for name in ("old", "new"))
    old.start()
    try:
        monkeypatch.setenv("SLURM_CONF", str(old.conf))
        monkeypatch.setenv("SWEEP_CLUSTER_FILE", str(old.folder / "cluster.yaml"))
        with launched(
            workplace, "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}", "--trials", "1"
        ) as launch:
            launch.wait_until_held()
            launch.kill()
            old.stop()
            new.start()
            monkeypatch.setenv("SLURM_CONF", str(new.conf))
            stranger = ["--job-name=stranger", "--output=/dev/null", "--wrap=sleep 300"]
            assert new.run("sbatch", "--parsable", *stranger).strip() == launch.job_id()
            launch.start()
            launch.wait_until_held(attempt=2)
            launch.let_go()
            assert launch.finish() == 0, launch.log()
        assert launch.attempts() == [Attempt("failed", "lost"), Attempt("complete", None)]
        assert launch.trained() == launch.epochs() == [1, 2, 3, 4]
        assert new.run("squeue", "--noheader", "--format=%T", "--name=stranger").strip() == "RUNNING"
    finally:
        new.stop()
        old.stop()
