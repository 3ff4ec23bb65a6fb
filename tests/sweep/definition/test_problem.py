"""Mistakes: how found values and known words are told."""

import pytest

from sweep.definition.problem import choices_for, shown


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
def test_a_found_value_is_short_and_written_as_in_yaml(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("trails", ["name", "trials"], 'did you mean "trials"? There are: name, trials'),
        ("zzz", ["name", "trials"], "there are: name, trials"),
        ("zzz", [], "there are: none"),
    ],
)
def test_a_word_that_is_not_there_is_told_with_those_that_are(word: str, known: list[str], text: str) -> None:
    assert choices_for(word, known) == text
