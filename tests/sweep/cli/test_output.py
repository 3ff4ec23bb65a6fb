import logging

import pytest

from sweep.cli.options import log_to_terminal
from sweep.cli.output import say


def test_message_is_printed_without_anything_that_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("a\x1b[2Jb\nc\u202e")
    assert capsys.readouterr().out == "a\\x1b[2Jb\nc\\u202e\n"


def test_part_of_a_log_message_does_not_look_like_another_message(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("sweep")
    handlers, level = logger.handlers[:], logger.level
    try:
        log_to_terminal()
        logger.warning("trial %d: %s", 3, "a\x1b[2K\n12:00:00  all is well")
    finally:
        logger.handlers[:], logger.level = handlers, level
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("  trial 3: a\\x1b[2K")
    assert second == "          12:00:00  all is well"
