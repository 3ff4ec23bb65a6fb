"""Cluster profiles: what a cluster file may say, what each mistake is called, what Slurm is asked for."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import submitit

from sweep.definition.cluster import (
    ClusterFile,
    InlineProfile,
    LocalProfile,
    SlurmProfile,
    load_cluster,
    profile,
)
from sweep.errors import InputError

REPOSITORY = Path(__file__).parents[3]

SMALL = """\
default: here
profiles:
  here: {executor: local}
  gpus:
    executor: slurm
    timeout_min: 60
"""
SLURM_KEYS = (
    "executor, partition, account, qos, constraint, exclude, gres, gpus_per_node, cpus_per_task, mem_gb, "
    "timeout_min, nodes, trials_per_job, array_parallelism, mail_type, mail_user, setup, python, launcher, "
    "additional, workdir, poll_seconds, settle_seconds"
)
OURS = "the launcher sets this option itself"
TRUE = "must be true, for an option without a value, or its value"


def _slurm(**fields: Any) -> SlurmProfile:
    return SlurmProfile(executor="slurm", **({"timeout_min": 60} | fields))


def _file(folder: Path, text: str) -> Path:
    file = folder / "cluster.yaml"
    file.write_text(text)
    return file


# What of SMALL is replaced (nothing: a key is added to the Slurm profile), by what, what is said of it.
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "default: here",
            "default: hare",
            '1: default: no profile "hare"; did you mean "here"? Available: here, gpus',
        ),
        ("default: here\n", "", "1: default: required, but missing: Profile to use without --cluster."),
        (SMALL[14:], "profiles: {}", "2: profiles: must not be empty"),
        (SMALL[14:], "profiles: [here]", "2: profiles: must be a mapping of keys to values, but is a list"),
        (
            "{executor: local}",
            "local",
            '3: profiles.here: must be a mapping of keys to values, but is "local"',
        ),
        ("{executor: local}", "{}", "3: profiles.here.executor: required, but missing"),
        (
            "executor: local",
            "executor: pbs",
            '3: profiles.here.executor: must be one of "inline", "local", "slurm", but is "pbs"',
        ),
        (
            "executor: local",
            "executor: local, partition: gpu",
            "3: profiles.here.partition: no such key; "
            "available: executor, workdir, timeout_min, poll_seconds",
        ),
        (
            "    timeout_min: 60\n",
            "",
            "4: profiles.gpus.timeout_min: required, but missing: Time limit of one attempt, in minutes.",
        ),
        (
            "timeout_min: 60",
            "timeout_min: 3:00:00",
            '6: profiles.gpus.timeout_min: must be an integer, but is "3:00:00"',
        ),
        (
            "",
            "memory_gb: 3",
            f'7: profiles.gpus.memory_gb: no such key; did you mean "mem_gb"? Available: {SLURM_KEYS}',
        ),
        ("", "cpus_per_task: 0", "7: profiles.gpus.cpus_per_task: must be greater than 0, but is 0"),
        ("", "mem_gb: 10GB", '7: profiles.gpus.mem_gb: must be a valid number, but is "10GB"'),
        ("", "poll_seconds: 0", "7: profiles.gpus.poll_seconds: must be greater than 0, but is 0"),
        ("", "setup: module load x", '7: profiles.gpus.setup: must be a list, but is "module load x"'),
        ("", "setup: [3]", "7: profiles.gpus.setup.0: must be a string, but is 3"),
        (
            "",
            "gres: gpu:1\n    gpus_per_node: 1",
            "7: profiles.gpus.gres: gres and gpus_per_node exclude each other; keep one",
        ),
        ("", "additional: {no-requeue: true}", f"7: profiles.gpus.additional.no-requeue: {OURS}"),
        ("", "additional: {job_name: x}", f"7: profiles.gpus.additional.job_name: {OURS}"),
        ("", "additional: {signal: B:TERM}", f"7: profiles.gpus.additional.signal: {OURS}"),
        (
            "",
            "additional: {time: 30}",
            "7: profiles.gpus.additional.time: the profile has a key for this option, timeout_min",
        ),
        (
            "",
            "additional: {mail-type: END}",
            "7: profiles.gpus.additional.mail-type: the profile has a key for this option, mail_type",
        ),
        (
            "",
            "additional: {exclusive: false}",
            f"7: profiles.gpus.additional.exclusive: {TRUE}, but is false",
        ),
        ("", "additional: {hold: }", f"7: profiles.gpus.additional.hold: {TRUE}, but is null"),
    ],
)
def test_a_mistake_in_the_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = _file(tmp_path, SMALL.replace(old, new) if old else f"{SMALL}    {new}\n")
    with pytest.raises(InputError) as caught:
        load_cluster(file)
    assert str(caught.value) == f"{file}:{message}"


def test_what_profiles_leave_out_has_these_values(tmp_path: Path) -> None:
    cluster = load_cluster(_file(tmp_path, SMALL))
    assert cluster == ClusterFile(
        default="here",
        profiles={
            "here": LocalProfile(executor="local", workdir=None, timeout_min=10_080, poll_seconds=0.5),
            "gpus": SlurmProfile(
                executor="slurm",
                partition=None,
                account=None,
                qos=None,
                constraint=None,
                exclude=None,
                gres=None,
                gpus_per_node=None,
                cpus_per_task=1,
                mem_gb=None,
                timeout_min=60,
                nodes=1,
                mail_type=None,
                mail_user=None,
                setup=(),
                python=None,
                additional={},
                workdir=None,
                poll_seconds=10,
            ),
        },
    )


def test_without_a_file_there_are_local_and_inline() -> None:
    cluster = load_cluster(None)
    assert profile(cluster, None) == LocalProfile(executor="local")
    assert profile(cluster, "inline") == InlineProfile(executor="inline", workdir=None, poll_seconds=0.5)
    with pytest.raises(InputError) as caught:
        profile(cluster, "slurm")
    assert str(caught.value) == 'no profile "slurm"; available: local, inline'


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
def test_num_gpus(fields: dict[str, Any], num_gpus: int) -> None:
    assert _slurm(**fields).num_gpus == num_gpus


def test_other_executors_count_no_gpus() -> None:
    assert LocalProfile(executor="local").num_gpus == InlineProfile(executor="inline").num_gpus == 0


@pytest.fixture
def sbatch_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The sbatch file that submitit writes for a profile, without a Slurm."""
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}")
    executor = submitit.SlurmExecutor(tmp_path)

    def text(slurm: SlurmProfile) -> str:
        executor.update_parameters(**slurm.submitit_parameters("kmnist-0007-1"))
        return str(executor._make_submission_file_text("python", "uid"))

    return text


def test_the_profile_of_the_repository_asks_for_what_the_starting_work_asked_for(sbatch_text: Any) -> None:
    cluster = load_cluster(REPOSITORY / "cluster.yaml")
    slurm = profile(cluster, "slurm")
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
    assert profile(cluster, None) == LocalProfile(executor="local")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"mem_gb": 9.765625}, "#SBATCH --mem=10000M"),
        ({"mem_gb": 0.5}, "#SBATCH --mem=512M"),
        ({"gpus_per_node": 2}, "#SBATCH --gpus-per-node=2"),
        ({"exclude": "n[1-3]"}, "#SBATCH --exclude='n[1-3]'"),
        ({"setup": ("module load cuda", "ulimit -c 0")}, "module load cuda\nulimit -c 0"),
        ({"additional": {"exclusive": True}}, "#SBATCH --exclusive\n"),
        ({"additional": {"wckey": "ours"}}, "#SBATCH --wckey=ours"),
        ({"cpus_per_task": 4, "nodes": 2}, "--nodes=1 --ntasks=1 --cpus-per-task=4 python"),
    ],
)
def test_what_reaches_the_sbatch_file(sbatch_text: Any, fields: dict[str, Any], line: str) -> None:
    assert line in sbatch_text(_slurm(**fields))
