"""What the doctor reads of Slurm's answers, and what it makes of them."""

import os
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.cluster import SlurmProfile
from sweep.scheduler.diagnosis import Check
from sweep.scheduler.slurm.diagnosis import (
    Node,
    Partition,
    asked_partitions,
    check_partition,
    check_slurm,
    read_nodes,
    read_partitions,
)
from sweep.scheduler.slurm.queue import NO_ACCOUNTING
from sweep.states import Verdict

# of Slurm 22.05, shortened
PARTITIONS = """\
PartitionName=main AllowAccounts=ALL Default=YES MaxNodes=UNLIMITED MaxTime=UNLIMITED Nodes=n[1-2] State=UP
PartitionName=short AllowAccounts=ALL Default=NO MaxNodes=2 MaxTime=1-12:30:00 Nodes=n[1-2] State=UP
PartitionName=old AllowAccounts=ALL Default=NO MaxNodes=1 MaxTime=00:30:00 Nodes=(null) State=DRAIN
"""
NODES = """\
n1|8|16000|gpu:2|idle
n2|64|512000|gpu:a100:4(S:0-1),shard:8(S:0-1)|down*
n3|16+|32000+|(null)|mixed
"""
MAIN = Partition("main", is_up=True, is_default=True, max_minutes=None, max_nodes=None)
SMALL, LARGE = Node("n1", 8, 16_000, 2, "idle"), Node("n2", 64, 512_000, 4, "mixed")


def profile(**settings: Any) -> SlurmProfile:
    return SlurmProfile.model_validate({"executor": "slurm", "timeout_min": 60, **settings})


def test_partitions_as_scontrol_shows_them() -> None:
    assert read_partitions(PARTITIONS) == [
        MAIN,
        Partition("short", is_up=True, is_default=False, max_minutes=36 * 60 + 30, max_nodes=2),
        Partition("old", is_up=False, is_default=False, max_minutes=30, max_nodes=1),
    ]


def test_nodes_as_sinfo_shows_them() -> None:
    nodes = read_nodes(NODES)
    assert nodes == [
        Node("n1", 8, 16_000, 2, "idle"),
        Node("n2", 64, 512_000, 4, "down*"),
        Node("n3", 16, 32_000, 0, "mixed"),
    ]
    assert [node.is_usable for node in nodes] == [True, False, True]


@pytest.mark.parametrize(
    ("asked", "names"), [(None, ["main"]), ("short", ["short"]), ("old,main", ["main", "old"]), ("gpuu", [])]
)
def test_the_partitions_that_a_profile_asks_for(asked: str | None, names: list[str]) -> None:
    assert [each.name for each in asked_partitions(asked, read_partitions(PARTITIONS))] == names


@pytest.mark.parametrize(
    ("settings", "partition", "nodes", "verdict", "words"),
    [
        ({}, MAIN, [SMALL, LARGE], Verdict.OK, "2 of its 2 nodes have what is asked for; no time limit"),
        ({"gres": "gpu:4"}, MAIN, [SMALL, LARGE], Verdict.OK, "1 of its 2 nodes"),
        ({"timeout_min": 60}, MAIN._replace(max_minutes=60), [SMALL], Verdict.OK, "time limit 60 min"),
        ({"timeout_min": 61}, MAIN._replace(max_minutes=60), [SMALL], Verdict.FAILED, "61 min are asked for"),
        ({"nodes": 3}, MAIN._replace(max_nodes=2), [SMALL] * 3, Verdict.FAILED, "3 nodes are asked for"),
        ({"cpus_per_task": 65}, MAIN, [LARGE], Verdict.FAILED, "65 CPUs are asked for on a node"),
        ({"mem_gb": 16}, MAIN, [SMALL], Verdict.FAILED, "largest nodes have 8 CPUs, 16 GB, 2 GPUs"),
        ({"mem_gb": 15.5}, MAIN, [SMALL], Verdict.OK, ""),
        ({"gres": "gpu:5"}, MAIN, [SMALL, LARGE], Verdict.FAILED, "5 GPUs are asked for on a node"),
        ({"gpus_per_node": 2, "nodes": 2}, MAIN, [SMALL, LARGE], Verdict.OK, "2 of its 2 nodes"),
        ({"gpus_per_node": 4, "nodes": 2}, MAIN, [SMALL, LARGE], Verdict.FAILED, "4 GPUs are asked for"),
        ({}, MAIN, [], Verdict.FAILED, "it has no nodes"),
        ({}, MAIN, [SMALL._replace(state="drained")], Verdict.WARNING, "are drained"),
        ({}, MAIN._replace(is_up=False), [SMALL], Verdict.WARNING, "it is not up"),
    ],
)
def test_wishes_against_limits(
    settings: dict[str, Any], partition: Partition, nodes: list[Node], verdict: Verdict, words: str
) -> None:
    (check,) = check_partition(profile(**settings), partition, nodes)
    assert check.verdict is verdict
    assert words in check.found
    assert check.advice or verdict is Verdict.OK


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for Slurm's commands, each of which says what a test has it say."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    answers = {
        "sbatch": 'case $1 in --version) echo "slurm 22.05.8";; *) echo "sbatch: Job 7 to start" >&2;; esac',
        "squeue": "", "scancel": "", "sacct": "",
        "scontrol": f"case $1 in ping) echo UP;; *) cat <<'.'\n{PARTITIONS}.\n;; esac",
        "sinfo": f"cat <<'.'\n{NODES}.\n",
    }  # fmt: skip
    for name, script in answers.items():
        say(tmp_path, name, script)
    return tmp_path


def say(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def look() -> dict[str, Check]:
    return {check.what: check for check in check_slurm(profile(), "#!/bin/sh\n")}


def test_all_is_well(commands: Path) -> None:
    checks = look()
    assert list(checks) == ["Slurm", "accounting", "partition main", "sbatch"]
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert checks["sbatch"].found == "a trial's job would be taken: Job 7 to start"


def test_no_slurm_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = check_slurm(profile(), "")
    assert check.verdict is Verdict.FAILED
    assert check.found == "no sbatch, squeue, sacct, scontrol, scancel, sinfo on this machine"


@pytest.mark.parametrize(
    ("command", "script", "what", "verdict", "words"),
    [
        ("scontrol", "echo DOWN; exit 1", "Slurm", Verdict.FAILED, "its controller does not answer: DOWN"),
        ("sacct", f"echo {NO_ACCOUNTING}; exit 1", "accounting", Verdict.WARNING, "keeps none"),
        ("sacct", "echo refused >&2; exit 1", "accounting", Verdict.WARNING, "does not answer: refused"),
        ("sbatch", "echo 'sbatch: error: no' >&2; exit 1", "sbatch", Verdict.FAILED, "is refused: error: no"),
    ],
)  # fmt: skip
def test_what_may_be_wrong(
    commands: Path, command: str, script: str, what: str, verdict: Verdict, words: str
) -> None:
    say(commands, command, script)
    check = look()[what]
    assert check.verdict is verdict
    assert words in check.found
    assert check.advice
