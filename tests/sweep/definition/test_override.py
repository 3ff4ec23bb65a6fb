"""Tests of the overrides that `--set` gives."""

from typing import Any

import pytest

from sweep.definition.override import parse_override
from sweep.errors import InputError

DOCUMENT = {
    "trials": 60,
    "budget": None,
    "space": {"batch_size": {"type": "categorical", "choices": [32]}},
    "enqueue": [{"batch_size": 32}, {"batch_size": 16}],
}


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("trials=10", {"trials": 10}),
        ("trials=", {"trials": None}),
        ("metric=a=b", {"metric": "a=b"}),
        ("budget.hours=1e-1", {"budget": {"hours": 0.1}}),
        ("failures.retries.error=1", {"failures": {"retries": {"error": 1}}}),
        (
            "space.batch_size.choices=[64, 128]",
            {"space": {"batch_size": {"type": "categorical", "choices": [64, 128]}}},
        ),
        ("enqueue.1.batch_size=64", {"enqueue": [{"batch_size": 32}, {"batch_size": 64}]}),
        ("enqueue.0=3", {"enqueue": [3, {"batch_size": 16}]}),
    ],
)
def test_override_replaces_the_value_at_its_key_path(text: str, change: dict[str, object]) -> None:
    assert parse_override(text).apply(DOCUMENT) == DOCUMENT | change


def test_override_changes_a_mapping_shared_through_an_alias_in_one_place() -> None:
    shared = {"low": 1}
    assert parse_override("a.low=2").apply({"a": shared, "b": shared}) == {"a": {"low": 2}, "b": {"low": 1}}


DOTTED = {"space": {"model": {"low": 0}, "model.width": {"low": 1}, "a.b": {"low": 2}}, "fixed": {}}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("space.model.low=9", ("space", "model", "low")),
        ("space.model.width.low=9", ("space", "model.width", "low")),
        ("space.a.b.low=9", ("space", "a.b", "low")),
        ('space."a.b".low=9', ("space", "a.b", "low")),
        ('fixed."c.d"=9', ("fixed", "c.d")),
        ("fixed.c.d=9", ("fixed", "c", "d")),
    ],
)
def test_longest_existing_key_with_dots_is_meant(text: str, keys: tuple[str, ...]) -> None:
    tree: Any = parse_override(text).apply(DOTTED)
    for key in keys:
        tree = tree[key]
    assert tree == 9


def test_problem_below_a_key_with_dots_is_attributed_to_its_override() -> None:
    assert parse_override("space.a.b.low=9").touches(("space", "a.b", "low"))
    assert not parse_override("space.a.b.low=9").touches(("space", "a", "high"))


FORM = "expected KEY=VALUE or KEY.KEY=VALUE, such as trials=10"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trials", f"--set trials: {FORM}"),
        ("=3", f"--set =3: {FORM}"),
        ("space..low=3", f"--set space..low=3: {FORM}"),
        (
            "storage@postgresql://me:se/c@ret@host/db",
            f"--set storage@postgresql://me:***@host/db: {FORM}",
        ),
        (
            "trials=[1",
            "--set trials=[1: the value is not YAML: while parsing a flow sequence, "
            "expected ',' or ']', but got '<stream end>'",
        ),
        ("trials.more=3", '--set trials.more=3: trials is a single value and has no key "more"'),
        (
            "enqueue.2=1",
            '--set enqueue.2=1: enqueue is a list of 2 entries, counted from 0, and has no entry "2"',
        ),
        (
            "enqueue.-1=1",
            '--set enqueue.-1=1: enqueue is a list of 2 entries, counted from 0, and has no entry "-1"',
        ),
        (
            "enqueue.epochs=1",
            "--set enqueue.epochs=1: enqueue is a list of 2 entries, counted from 0, "
            'and has no entry "epochs"',
        ),
    ],
)
def test_invalid_override_is_rejected(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_override(text).apply(DOCUMENT)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data#2.npz", "data#2.npz"),
        ("#2.npz", "#2.npz"),
        ("a # b", "a # b"),
        ("3 # b", "3 # b"),
        ("a: b", "a: b"),
        ("- a", "- a"),
        ("&a", "&a"),
        ("*a", "*a"),
        ("!!int 3", "!!int 3"),
        ("| a", "| a"),
        ("@a", "@a"),
        ("%a", "%a"),
        ("a]", "a]"),
        ("~", "~"),
        ("~/data", "~/data"),
        (" spaces ", "spaces"),
        ("3", 3),
        ("1e-3", 1e-3),
        ("true", True),
        ("null", None),
        ("", None),
        ("'3'", "3"),
        ('"a # b"', "a # b"),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_value_is_taken_as_written_unless_it_is_a_value_of_yaml(text: str, value: object) -> None:
    assert parse_override(f"dataset={text}").value == value
