"""Tests of cluster files: problems, defaults, and the selection of a profile."""

from pathlib import Path

import pytest

from sweep.definition.cluster import ClusterFile, load_cluster, profile
from sweep.definition.local_profile import InlineProfile, LocalProfile
from sweep.definition.slurm_profile import SlurmProfile
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
    "additional, workdir, poll_seconds, settle_seconds, exit_grace_seconds"
)
OURS = "the launcher sets this option itself"
TRUE = "must be the option's value, or true if it has none"


def _file(folder: Path, text: str) -> Path:
    file = folder / "cluster.yaml"
    file.write_text(text)
    return file


# The text of SMALL to replace (if it is empty, a key is added to the Slurm profile), its replacement, and the
# message.
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "default: here",
            "default: hare",
            '1: default: no profile "hare"; did you mean "here"? Available: here, gpus',
        ),
        ("default: here\n", "", "1: default: required, but missing: Profile that is used without --cluster."),
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
            "available: executor, workdir, timeout_min, poll_seconds, exit_grace_seconds",
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
            "7: profiles.gpus.gres: gres and gpus_per_node exclude each other; remove one",
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
        ("", "additional: {reboot: }", f"7: profiles.gpus.additional.reboot: {TRUE}, but is null"),
    ],
)
def test_problem_in_the_file_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = _file(tmp_path, SMALL.replace(old, new) if old else f"{SMALL}    {new}\n")
    with pytest.raises(InputError) as caught:
        load_cluster(file)
    assert str(caught.value) == f"{file}:{message}"


def test_omitted_keys_have_default_values(tmp_path: Path) -> None:
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


def test_built_in_profiles_are_local_and_inline() -> None:
    cluster = load_cluster(None)
    assert profile(cluster, None) == LocalProfile(executor="local")
    assert profile(cluster, "inline") == InlineProfile(executor="inline", workdir=None, poll_seconds=0.5)
    with pytest.raises(InputError) as caught:
        profile(cluster, "slurm")
    assert str(caught.value) == 'no profile "slurm"; available: local, inline'


def test_shipped_cluster_file_has_a_local_default_and_a_slurm_profile() -> None:
    cluster = load_cluster(REPOSITORY / "cluster.yaml")
    assert profile(cluster, None) == LocalProfile(executor="local")
    assert isinstance(profile(cluster, "slurm"), SlurmProfile)
