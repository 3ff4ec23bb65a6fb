"""Text from trials and databases as Markdown that shows it literally."""

import re

from sweep.terminal_text import one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$!])")


def markdown_text(text: object) -> str:
    """Return text on one line, with every character escaped that Markdown or HTML would interpret."""
    line = one_line(" ".join(str(text).split()))
    return _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;"))
