"""Tests of parsing YAML 1.2, of parse errors, and of the lines of key paths."""

import pytest

from sweep.definition.yaml_text import NotYamlError, line_of, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("no", "no"),
        ("010", 10),
        ("2024-13-45", "2024-13-45"),
        ("~", None),
        ("", None),
        ("[1, true, x]", [1, True, "x"]),
        ("\ufeffa: 1", {"a": 1}),
        ("base: &base {a: 1}\nmore: {<<: *base, b: 2}", {"base": {"a": 1}, "more": {"a": 1, "b": 2}}),
    ],
)
def test_values_are_parsed_as_yaml_1_2(text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: 2\na: 3", 3, 'while constructing a mapping, found duplicate key "a"'),
        ("a: b: c", 1, "mapping values are not allowed here"),
        ("a: 1\n\tb: 2", 2, "while scanning for the next token, found character '\\t' that cannot start any"),
        ("a: [1,", 1, "while parsing a flow node, expected the node content, but found '<stream end>'"),
        ("--- a\n--- b", 2, "expected a single document in the stream, but found another document"),
        ("a: !!python/name:os.system x", 1, "could not determine a constructor for the tag"),
        ("a: 1\nb: \x07", 2, "character #x0007 is not allowed"),
        ("{a: 1}: 2", 1, "while constructing a mapping, found unhashable key"),
        ("a: !!int x", None, "invalid literal for int() with base 10: 'x'"),
        ("a: !!bool x", None, "'x'"),
        ("1" * 5000, None, "Exceeds the limit"),
        ("[" * 5000, None, "maximum recursion depth exceeded"),
    ],
)
def test_invalid_yaml_is_rejected_with_its_line(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(NotYamlError) as caught:
        parse(text)
    assert str(caught.value).startswith(reason)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 2),
        (("trials",), 2),
        (("enqueue",), 3),
        (("enqueue", 1), 5),
        (("enqueue", 1, "epochs"), 6),
        (("enqueue", 7), 3),
        (("trials", "more"), 2),
        (("absent",), 2),
    ],
)
def test_line_of_returns_the_line_of_the_longest_existing_path(
    keys: tuple[str | int, ...], line: int
) -> None:
    text = "# a comment\ntrials: 3\nenqueue:\n  - epochs: 1\n  - batch_size: 2\n    epochs: 3\n"
    assert line_of(text, keys) == line
