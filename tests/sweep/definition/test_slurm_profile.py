"""Tests of the Slurm profile: its GPUs, its sbatch options, and the profiles derived from it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import submitit

from sweep.definition.cluster import load_profile
from sweep.definition.slurm_profile import SlurmProfile

REPOSITORY = Path(__file__).parents[3]


def slurm_profile(**fields: Any) -> SlurmProfile:
    return SlurmProfile(executor="slurm", **({"timeout_min": 60} | fields))


@pytest.mark.parametrize(
    ("fields", "num_gpus"),
    [
        ({}, 0),
        ({"gpus_per_node": 2}, 2),
        ({"gpus_per_node": 2, "nodes": 3}, 6),
        ({"gres": "gpu"}, 1),
        ({"gres": "gpu:2"}, 2),
        ({"gres": "gpu:a100"}, 1),
        ({"gres": "gpu:a100:2", "nodes": 2}, 4),
        ({"gres": "gpu:a100:1,gpu:v100:2,shard:4"}, 3),
        ({"gres": "craynetwork:2"}, 0),
    ],
)
def test_num_gpus_of_a_job_counts_all_nodes(fields: dict[str, Any], num_gpus: int) -> None:
    assert slurm_profile(**fields).num_gpus == num_gpus


@pytest.fixture
def sbatch_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that writes the sbatch file of a profile, without Slurm."""
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}")
    executor = submitit.SlurmExecutor(tmp_path)

    def text(slurm: SlurmProfile) -> str:
        executor.update_parameters(**slurm.submitit_parameters("kmnist-0007-1"))
        return str(executor._make_submission_file_text("python", "uid"))

    return text


def test_shipped_profile_requests_the_resources_of_the_baseline(sbatch_text: Any) -> None:
    slurm = load_profile(REPOSITORY / "cluster.yaml", "slurm").profile
    assert isinstance(slurm, SlurmProfile)
    text = sbatch_text(slurm)
    options = {line for line in text.splitlines() if line.startswith("#SBATCH")}
    assert options >= {
        "#SBATCH --job-name=kmnist-0007-1",
        "#SBATCH --partition=gpu",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --cpus-per-task=10",
        "#SBATCH --mem=10240M",
        "#SBATCH --time=180",
        "#SBATCH --mail-type=ALL",
        "#SBATCH --mail-user=you@example.org",
        "#SBATCH --no-requeue",
    }
    assert "wckey" not in text


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"mem_gb": 9.765625}, "#SBATCH --mem=10000M"),
        ({"mem_gb": 0.5}, "#SBATCH --mem=512M"),
        ({"gpus_per_node": 2}, "#SBATCH --gpus-per-node=2"),
        ({"exclude": "n[1-3]"}, "#SBATCH --exclude='n[1-3]'"),
        (
            {"setup": ("module load cuda", "ulimit -c 0")},
            "module load cuda\nsweep_check $? 'module load cuda'\nulimit -c 0",
        ),
        ({"additional": {"exclusive": True}}, "#SBATCH --exclusive\n"),
        ({"additional": {"wckey": "ours"}}, "#SBATCH --wckey=ours"),
        ({"cpus_per_task": 4}, "--nodes=1 --ntasks=1 --cpus-per-task=4 --export=ALL python"),
        ({"nodes": 2}, "\nexport SUBMITIT_EXECUTOR=slurm\npython"),  # the trial itself runs srun
        ({"tasks_per_node": 3}, "#SBATCH --ntasks-per-node=3"),
        ({"gpus": "a100:2"}, "#SBATCH --gpus=a100:2"),
        ({"gpus_per_task": 1}, "#SBATCH --gpus-per-task=1"),
        ({"mem_per_cpu_gb": 1.5}, "#SBATCH --mem-per-cpu=1536M"),
        ({"time": "1-12:00:30", "timeout_min": 2161}, "#SBATCH --time=2161"),
        ({"env": {"A": "b c", "N": 4}}, "export A='b c'\nexport N=4\n"),
        ({"modules": ["cuda/12"]}, "module load cuda/12\nsweep_check"),
        ({"conda": "torch env"}, "activate_conda 'torch env'\nsweep_check $?"),
    ],
)
def test_profile_key_is_written_to_the_sbatch_file(
    sbatch_text: Any, fields: dict[str, Any], line: str
) -> None:
    assert line in sbatch_text(slurm_profile(**fields))


def test_override_multiplies_the_memory_and_excludes_another_node() -> None:
    original = slurm_profile(mem_gb=2, exclude="n1")
    changed = original.with_override(memory_factor=1.5, exclude_nodes=["n2"])
    assert (changed.mem_gb, changed.exclude) == (3, "n1,n2")
    assert original.with_override(memory_factor=1, exclude_nodes=[]) == original


@pytest.mark.parametrize(("timeout_min", "probe_timeout_min"), [(60, 10), (3, 3)])
def test_probe_has_one_trial_a_short_time_limit_and_no_mail(timeout_min: int, probe_timeout_min: int) -> None:
    fields = {"partition": "gpu", "gres": "gpu:1"}
    original = slurm_profile(timeout_min=timeout_min, mail_type="ALL", trials_per_job=4, **fields)
    assert original.for_probe() == slurm_profile(timeout_min=probe_timeout_min, **fields)


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [({}, True), ({"setup": ("module load x",)}, False), ({"python": "python3"}, False)],
)
def test_trials_run_in_the_launcher_environment_without_setup_and_python(
    fields: dict[str, Any], is_same: bool
) -> None:
    assert slurm_profile(**fields).runs_in_launcher_environment is is_same


def test_profile_without_mem_gb_lacks_a_memory_request() -> None:
    assert slurm_profile().lacks_memory_request
    assert not slurm_profile(mem_gb=2).lacks_memory_request
