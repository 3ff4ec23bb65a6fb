"""Text from trials, databases and other programs, made safe to print on a terminal.

A name, a log or an error message may contain characters that a terminal obeys: sequences that move the
cursor, set the title, write to the clipboard or hide text, and characters that reorder a line. Everything
that this project did not write itself passes through a function of this module before it is printed.
"""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # used by Persian words and by emoji
_OBEYED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_MAY_BE_OBEYED = re.compile(r"[^\x20-\x7e]")
_COLOR = re.compile(r"\x1b\[[0-9;:]*m")
_BEGINNING = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*"  # of a control sequence, such as a colour or a movement
# A string, such as a title or the content of the clipboard; the end of the line ends it at the latest.
_STRING = r"(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x80-\x9f\n]*"
_SEQUENCE = re.compile(
    rf"{_BEGINNING}[@-~]|{_STRING}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"  # other escape sequences
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"  # other characters that a terminal obeys
)
_INCOMPLETE = re.compile(rf"(?:{_BEGINNING}|{_STRING}\x1b?|\x1b[ -/]*)\Z")
_MAX_HELD = 4096  # characters of an incomplete sequence that are kept until the next piece of text
RESET = "\x1b[0m"


def one_line(text: object) -> str:
    """Return a name or a value on one line, with every character escaped that a terminal might obey.

    A line break becomes `\\n`, and the escape character becomes `\\x1b`.
    """
    return _MAY_BE_OBEYED.sub(_escaped, str(text))


def several_lines(text: object) -> str:
    """Return a message with its line breaks and tabs; other characters are as in `one_line`."""
    return re.sub(r"[^\x20-\x7e\n\t]", _escaped, str(text).replace("\r\n", "\n"))


def without_sequences(text: str) -> str:
    """Return the text of a log without the control sequences of terminals, in lines.

    Of a line that was overwritten, such as a progress bar, the last state remains.
    """
    lines = _SEQUENCE.sub("", text).split("\n")
    return several_lines("\n".join(_last_state(line) for line in lines))


class LogText:
    """A log that is read in pieces, as text that can be printed on a terminal.

    Control sequences are removed, also if they are split between two pieces. Of a line that was overwritten,
    the last state within a piece remains.

    Args:
        keeps_colors: Whether sequences that set colours and styles are kept.
    """

    def __init__(self, keeps_colors: bool) -> None:
        self._keeps_colors = keeps_colors
        self._held = ""
        self._is_within_line = False
        self._is_colored = False

    def next(self, piece: str) -> str:
        """Return the next piece as text to print."""
        text = self._held + piece
        if text.endswith("\r"):  # it may be a part of a line break
            text, self._held = text.rstrip("\r"), "\r"
        else:
            incomplete = _INCOMPLETE.search(text, max(len(text) - _MAX_HELD, 0))
            self._held = incomplete[0] if incomplete else ""
            text = text.removesuffix(self._held)
        return self._printable(text)

    def end(self) -> str:
        """Return what is to be printed after the last piece: the end of colours that were set."""
        return RESET if self._is_colored else ""

    def _printable(self, text: str) -> str:
        lines = text.split("\n")
        is_overwritten = self._is_within_line and "\r" in lines[0].rstrip("\r")
        self._is_within_line = bool(lines[-1]) or (len(lines) == 1 and self._is_within_line)
        printed = "\n".join(self._without_sequences(_last_state(line)) for line in lines)
        return f"\n{printed}" if is_overwritten else printed

    def _without_sequences(self, text: str) -> str:
        parts, end = [], 0
        for sequence in _SEQUENCE.finditer(text):
            parts.append(several_lines(text[end : sequence.start()]))
            if self._keeps_colors and _COLOR.fullmatch(sequence[0]):
                parts.append(sequence[0])
                self._is_colored = True
            end = sequence.end()
        return "".join([*parts, several_lines(text[end:])])


def _last_state(line: str) -> str:
    """Return the last state of a line that may have been overwritten several times, and erased at the end."""
    states = line.split("\r")
    return next((state for state in reversed(states) if state.strip()), "") if len(states) > 1 else line


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character) not in _OBEYED_CATEGORIES or character in _JOINERS:
        return character
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
    code = ord(character)
    return short.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
