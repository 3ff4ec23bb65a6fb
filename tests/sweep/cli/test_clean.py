"""`sweep clean`: wrong input and its table. What it removes is tested in tests/sweep/operations."""

from collections.abc import Callable
from pathlib import Path

from tests.sweep.cli.conftest import CommandResult, Sweep


def test_missing_database_is_rejected(check_rejected: Callable[[tuple[str, ...], str], None]) -> None:
    check_rejected(("clean",), "there is no database")


def test_sizes_are_listed_for_each_study_and_removed(
    workplace: Path, launched: CommandResult, sweep: Sweep
) -> None:
    sweep("launch", "--study", "toy", "--cluster", "inline", "--set", "name=other")
    unused = workplace / "sweeps/toy/code/.partial-1"
    unused.mkdir()
    (unused / "model.py").write_bytes(b"x" * 3_000_000)
    for options, heading in ((["--dry-run"], "to be removed"), ([], "removed")):
        result = sweep("clean", *options)
        assert result.code == 0, result.err
        table = [line.split() for line in result.out.splitlines()]
        assert result.out.startswith(f"{heading}  ")
        assert [row[0] for row in table[1:]] == ["toy", "other", "total"]
        sizes = ["0", "B", "0", "B", "3.0", "MB", "0", "B", "3.0", "MB"]
        assert [row[1:] for row in table[1:]] == [sizes, ["0", "B"] * 5, sizes]
        assert unused.exists() is bool(options)
    assert sweep("launch", "--study", "toy", "--cluster", "inline", "--trials", "5").code == 0
