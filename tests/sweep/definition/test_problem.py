"""Tests of the formatting of values and of choices in error messages."""

import pytest

from sweep.definition.problem import format_choices, format_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.001, "0.001"),
        ("käse", '"käse"'),
        ([1, 2], "a list"),
        ({"a": 1}, "a mapping"),
        (b"x", "\"b'x'\""),
        ("x" * 100, '"' + "x" * 56 + "..."),
    ],
)
def test_value_is_formatted_as_in_yaml_and_shortened(value: object, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("name", "available", "text"),
    [
        ("trails", ["name", "trials"], 'did you mean "trials"? Available: name, trials'),
        ("zzz", ["name", "trials"], "available: name, trials"),
        ("zzz", [], "available: none"),
    ],
)
def test_unknown_name_is_reported_with_the_available_names(
    name: str, available: list[str], text: str
) -> None:
    assert format_choices(name, available) == text
