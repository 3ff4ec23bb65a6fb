"""Tests of cluster files: problems, defaults, and the selection of a profile."""

from pathlib import Path

import pytest

from sweep.definition.cluster import load_profile
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
NODE_KEYS = "env, modules, conda, container, setup, python"
SLURM_KEYS = (
    f"{NODE_KEYS}, executor, partition, account, qos, constraint, exclude, gres, gpus_per_node, gpus, "
    "gpus_per_task, cpus_per_task, mem_gb, mem_per_cpu_gb, timeout_min, time, nodes, tasks_per_node, "
    "trials_per_job, array_parallelism, mail_type, mail_user, launcher, additional, workdir, poll_seconds, "
    "settle_seconds, exit_grace_seconds"
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
            f"3: profiles.here.partition: no such key; available: {NODE_KEYS}, executor, gpus, workdir, "
            "timeout_min, poll_seconds, exit_grace_seconds",
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
    name = "gpus" if "profiles.gpus" in message else None
    with pytest.raises(InputError) as caught:
        load_profile(file, name)
    assert str(caught.value) == f"{file}:{message}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("gpus: a100", 'gpus: must be a number of GPUs such as 2 or a100:2, but is "a100"'),
        ("time: 1h", 'time: must be a time such as 90, 1:30:00 or 2-12:00:00, but is "1h"'),
        ("time: 1:00:00\n    timeout_min: 30", "time: time and timeout_min exclude each other; remove one"),
        (
            "mem_gb: 1\n    mem_per_cpu_gb: 1",
            "mem_gb: mem_gb and mem_per_cpu_gb exclude each other; remove one",
        ),
        ("env: {A-B: x}", 'env.A-B: must be the name of an environment variable, but is "A-B"'),
        ("conda: x\n    container: {image: y}", "conda: conda and container exclude each other; remove one"),
        (
            "container: {binds: [/data]}",
            "container.image: required, but missing: Image file, or an address such",
        ),
    ],
)
def test_problem_with_the_environment_or_the_resources(tmp_path: Path, settings: str, message: str) -> None:
    text = SMALL.replace("    timeout_min: 60\n", "") if "time" in settings else SMALL
    with pytest.raises(InputError) as caught:
        load_profile(_file(tmp_path, f"{text}    {settings}\n"), "gpus")
    assert f"profiles.gpus.{message}" in str(caught.value)


def test_only_the_selected_profile_is_validated(tmp_path: Path) -> None:
    file = _file(tmp_path, SMALL + "    nodes: none\n")
    assert load_profile(file) == ("here", LocalProfile(executor="local"))
    with pytest.raises(InputError, match=r"profiles\.gpus\.nodes: must be an integer"):
        load_profile(file, "gpus")
    with pytest.raises(InputError, match=r'^no profile "gpu"; did you mean "gpus"'):
        load_profile(file, "gpu")
    other = _file(tmp_path, SMALL.replace("default: here", "default: nowhere"))
    assert load_profile(other, "here").name == "here"


@pytest.mark.parametrize(
    ("settings", "num_gpus"),
    [
        ("gpus: 3", 3), ("gpus: a100:2", 2), ("gpus: 4\n    nodes: 2", 4), ("gpus_per_task: 1", 1),
        ("gpus_per_task: a100:2\n    tasks_per_node: 3\n    nodes: 2", 12),
        ("gpus_per_node: 2\n    nodes: 2", 4),
        ("gres: gpu:a100:2", 2), ("additional: {gpus: 1}", 1), ("additional: {gpus-per-task: 2}", 2),
    ],
)  # fmt: skip
def test_gpus_are_counted_however_they_are_requested(tmp_path: Path, settings: str, num_gpus: int) -> None:
    assert load_profile(_file(tmp_path, f"{SMALL}    {settings}\n"), "gpus").profile.num_gpus == num_gpus


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("90", 90), ("90:01", 91), ("1:30:00", 90), ("1-12", 2160), ("1-12:30", 2190), ("1-12:30:30", 2191),
    ],
)  # fmt: skip
def test_time_limit_in_a_form_of_slurm(tmp_path: Path, limit: str, minutes: int) -> None:
    text = SMALL.replace("timeout_min: 60", f"time: {limit}")
    found = load_profile(_file(tmp_path, text), "gpus").profile
    assert isinstance(found, SlurmProfile)
    assert found.timeout_min == minutes


def test_omitted_keys_have_default_values(tmp_path: Path) -> None:
    file = _file(tmp_path, SMALL)
    assert load_profile(file).profile == LocalProfile(
        executor="local", workdir=None, timeout_min=10_080, poll_seconds=0.5
    )
    slurm = SlurmProfile(executor="slurm", timeout_min=60, cpus_per_task=1, nodes=1, poll_seconds=10)
    assert load_profile(file, "gpus").profile == slurm


def test_built_in_profiles_are_local_and_inline() -> None:
    assert load_profile(None).profile == LocalProfile(executor="local")
    assert load_profile(None, "inline").profile == InlineProfile(
        executor="inline", workdir=None, poll_seconds=0.5
    )
    with pytest.raises(InputError) as caught:
        load_profile(None, "slurm")
    assert str(caught.value) == 'no profile "slurm"; available: local, inline'


def test_shipped_cluster_file_has_a_local_default_and_a_slurm_profile() -> None:
    file = REPOSITORY / "cluster.yaml"
    assert load_profile(file).profile == LocalProfile(executor="local")
    assert isinstance(load_profile(file, "slurm").profile, SlurmProfile)
