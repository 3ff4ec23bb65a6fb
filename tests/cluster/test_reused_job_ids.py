"""A study whose cluster is reinstalled, so that the job ids start again at the same number."""

from pathlib import Path

import pytest

from tests.cluster import slurm as slurm_cluster
from tests.cluster.launch_process import HOLD, Attempt, launched
from tests.cluster.slurm import Slurm
from tests.services import require_service

OPTIONS = ["--trials", "1", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]


def test_unrelated_job_with_the_same_id_is_not_adopted(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_service("Slurm", slurm_cluster.is_installed(), slurm_cluster.PACKAGES)
    old, new = (Slurm(tmp_path / name, first_job_id=1000) for name in ("old", "new"))
    old.start()
    try:
        monkeypatch.setenv("SLURM_CONF", str(old.conf))
        monkeypatch.setenv("SWEEP_CLUSTER_FILE", str(old.folder / "cluster.yaml"))
        with launched(workplace, *OPTIONS) as launch:
            launch.wait_until_held()
            launch.kill()
            old.stop()
            new.start()
            monkeypatch.setenv("SLURM_CONF", str(new.conf))
            unrelated = ["--job-name=unrelated", "--output=/dev/null", "--wrap=sleep 300"]
            assert new.run("sbatch", "--parsable", *unrelated).strip() == launch.job_id()
            launch.start()
            launch.wait_until_held(attempt=2)
            launch.release()
            assert launch.wait() == 0, launch.log()
        assert launch.attempts() == [Attempt("failed", "lost"), Attempt("complete", None)]
        assert launch.trained_epochs() == launch.epochs() == [1, 2, 3, 4]
        assert new.run("squeue", "--noheader", "--format=%T", "--name=unrelated").strip() == "RUNNING"
    finally:
        new.stop()
        old.stop()
