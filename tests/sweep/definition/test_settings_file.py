"""Tests of reading settings files: unreadable files, overrides, and the report of several problems."""

from pathlib import Path

import pytest

from sweep.definition.settings import Settings
from sweep.definition.settings_file import read_settings
from sweep.errors import InputError


class Sizes(Settings):
    """Settings for these tests."""

    low: int
    """Smallest size."""
    high: int = 9
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "FILE: the file is empty; expected `key: value` lines"),
        (b"# only a comment\n", "FILE: the file is empty; expected `key: value` lines"),
        (b"- 1\n- 2\n", "FILE: expected `key: value` lines, but found a list"),
        (b"just words", 'FILE: expected `key: value` lines, but found "just words"'),
        (b"low: 1\nhigh: caf\xe9\n", "FILE: not UTF-8 text: invalid continuation byte at byte 16"),
        (b"low: 1\nhigh: [\n", "FILE:3: not YAML: while parsing a flow node, expected the node content"),
        (b"low: 1\nhigh: 2\nlow: 3\n", "FILE:3: not YAML: while constructing a mapping, found duplicate key"),
        (b"low: !!int one\n", "FILE: not YAML: invalid literal for int() with base 10: 'one'"),
    ],
)
def test_file_without_settings_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "sizes.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_settings(file, Sizes)
    assert str(caught.value).startswith(message.replace("FILE", str(file)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_unreadable_file_is_rejected(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(tmp_path / name, Sizes)
    assert str(caught.value) == f"{tmp_path / name}: cannot be read: {reason}"


def test_last_override_takes_precedence(tmp_path: Path) -> None:
    file = tmp_path / "sizes.yaml"
    file.write_text("low: 1\n")
    assert read_settings(file, Sizes, ["high=3"]) == Sizes(low=1, high=3)
    assert read_settings(file, Sizes, ["low=2", "low=3"]) == Sizes(low=3)


def test_first_five_problems_are_reported_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "sizes.yaml"
    file.write_text("high: x\na: 1\nb: 2\nc: 3\nd: 4\ne: 5\n")
    with pytest.raises(InputError) as caught:
        read_settings(file, Sizes, ["names=3", "lo=storage://me:secret@host"])
    keys = "available: low, high, names"
    assert str(caught.value).splitlines() == [
        f"{file}:1: low: required, but missing: Smallest size.",
        f'{file}:1: high: must be an integer, but is "x"',
        "--set names=3: names: must be a list, but is 3",
        f"{file}:2: a: no such key; {keys}",
        f"{file}:3: b: no such key; {keys}",
        "and 4 more",
    ]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
