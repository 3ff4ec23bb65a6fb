"""The names that MLflow accepts."""

import re

import pytest

from sweep.tracking.mlflow import accepted_name


@pytest.mark.parametrize("name", ["score", "val/score", "a.b-c d_1", "final/score"])
def test_accepted_names_are_kept(name: str) -> None:
    assert accepted_name(name) == name


@pytest.mark.parametrize("name", ["größe", "a:b", "../up", "/root", ".", "..", "a//b", "a/", "x" * 300, "\n"])
def test_other_names_are_changed_to_accepted_ones(name: str) -> None:
    changed = accepted_name(name)
    assert changed != name
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.\- ]{0,249}", changed)


def test_different_names_stay_different() -> None:
    assert len({accepted_name(name) for name in ("a:b", "a;b", "a_b")}) == 3
