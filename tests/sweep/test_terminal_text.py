import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.terminal_text import RESET, LogText, one_line, several_lines, without_sequences

SEQUENCES = {
    "clear": "\x1b[2J",
    "movement": "\x1b[1;1H",
    "title": "\x1b]0;title\x07",
    "title with ST": "\x1b]0;title\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "link": "\x1b]8;;http://example.org\x1b\\",
    "private mode": "\x1b[?1049h",
    "device control": "\x1bP1$r\x1b\\",
    "reset": "\x1bc",
    "character set": "\x1b(0",
    "C1 control sequence": "\x9b2J",
    "C1 string": "\x9d0;title\x9c",
    "unfinished title": "\x1b]0;title",
    "bell": "\x07",
    "backspaces": "\x08\x08",
    "delete": "\x7f",
    "null": "\x00",
    "next line": "\x85",
}
REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def is_obeyed(text: str, allowed: str = "") -> bool:
    """Return whether a terminal may do anything with a text but show it."""
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        for character in text
        if character not in allowed
    )


@pytest.mark.parametrize("sequence", [*SEQUENCES.values(), *REORDERING, "\r", "\n", "\u2028", "\ud800"])
def test_name_is_shown_on_one_line_without_anything_that_a_terminal_obeys(sequence: str) -> None:
    shown = one_line(f"before{sequence}after")
    assert not is_obeyed(shown)
    assert shown.startswith("before")
    assert shown.endswith("after")


def test_escaped_characters_can_be_read() -> None:
    assert one_line("a\x1b[31mb\nc\x9bd\u202ee") == r"a\x1b[31mb\nc\x9bd\u202ee"
    assert several_lines("a\n\tb\x07\r\nc") == "a\n\tb\\x07\nc"


@pytest.mark.parametrize(
    "text", ["größe", "損失", "val[/x]", "e\u0301", "\U0001f468\u200d\U0001f469", "50\u00a0%"]
)
def test_other_text_is_not_changed(text: str) -> None:
    assert one_line(text) == several_lines(text) == without_sequences(text) == text


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("keeps_colors", [False, True])
def test_sequence_is_removed_from_a_log_however_the_log_is_divided(sequence: str, keeps_colors: bool) -> None:
    text = f"before {sequence}\nafter\n"
    assert without_sequences(text) == "before \nafter\n"
    for end in range(len(text)):
        log = LogText(keeps_colors)
        assert log.next(text[:end]) + log.next(text[end:]) + log.end() == "before \nafter\n"


def test_reordered_text_in_a_log_is_escaped() -> None:
    assert without_sequences("a\u202eb") == "a\\u202eb"


def test_colors_of_a_log_are_kept_on_request_and_ended() -> None:
    text = "\x1b[1;31mred\x1b[2J text\n"
    assert LogText(False).next(text) == "red text\n"
    log = LogText(True)
    assert log.next(text) + log.end() == f"\x1b[1;31mred text\n{RESET}"


def test_last_state_of_an_overwritten_line_is_shown() -> None:
    bar = "start\r\n" + "".join(f"\r{percent} %" for percent in range(101)) + "\r\r\nend\n"
    assert without_sequences(bar) == "start\n100 %\nend\n"
    assert LogText(False).next(bar) == "start\n100 %\nend\n"


def test_bar_that_was_erased_at_its_end_is_shown() -> None:
    assert without_sequences("50 %\r100 %\r     \r\nend") == "100 %\nend"
    assert LogText(False).next("50 %\r100 %\r     \r\nend\n") == "100 %\nend\n"


def test_bar_without_a_line_break_is_shown_in_its_last_state() -> None:
    bar = "".join(f"{percent} %\r" for percent in range(101))
    assert without_sequences(bar) == "100 %"
    log = LogText(False)
    assert log.next(bar[:-2]) == "100 "
    assert log.next(bar[-2:]) == "%"
    assert log.next("done\n") == "\ndone\n"


def test_line_that_is_on_the_terminal_already_is_continued_on_a_new_line() -> None:
    log = LogText(False)
    assert [log.next(piece) for piece in ("10 %", "\r20 %", "\r30 %\n", "end\n")] == [
        "10 %", "\n20 %", "\n30 %\n", "end\n",
    ]  # fmt: skip


def test_long_unfinished_sequence_is_not_held_for_ever() -> None:
    log = LogText(False)
    log.next("\x1b]0;" + "x" * 10_000)
    assert log.next("\nshown\n").endswith("shown\n")


@pytest.mark.parametrize("character", ["\x1b", "\x9d", "\x9b", "\x1b]", "\x1b[", "\r"])
def test_many_unfinished_sequences_take_little_time(character: str) -> None:
    assert without_sequences(character * 200_000) == LogText(True).next(character * 200_000) == ""


PIECES = st.lists(
    st.text(st.sampled_from("a \t\r\n;0m[]\\1\x07\x08\x1b\x90\x9b\x9c\x9d\u202e\ud800é")), max_size=6
)


@given(PIECES)
def test_log_never_contains_anything_that_a_terminal_obeys(pieces: list[str]) -> None:
    log = LogText(keeps_colors=False)
    shown = "".join([*map(log.next, pieces), log.end()])
    for text in (shown, without_sequences("".join(pieces)), several_lines("".join(pieces))):
        assert not is_obeyed(text, allowed="\n\t")


@given(PIECES)
def test_log_with_colors_contains_only_colors_besides_text(pieces: list[str]) -> None:
    log = LogText(keeps_colors=True)
    shown = "".join([*map(log.next, pieces), log.end()])
    assert not is_obeyed(re.sub(r"\x1b\[[0-9;:]*m", "", shown), allowed="\n\t")
    assert not re.search(r"\x1b\[[0-9;:]*m", shown) or shown.endswith(RESET)
