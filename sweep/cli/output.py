"""Printing of messages and log lines, which may contain text from trials and from the database."""

import logging

import typer

from sweep.terminal_text import several_lines

INDENT = "          "  # the width of the time in a log line


def say(message: object, err: bool = False) -> None:
    """Print a message on lines of its own, with every character escaped that a terminal might obey.

    Args:
        message: The message, which may have several lines.
        err: Whether to print to stderr.
    """
    typer.echo(several_lines(message), err=err)


class LineFormatter(logging.Formatter):
    """A formatter that indents further lines, so that no part of a message looks like another message."""

    def format(self, record: logging.LogRecord) -> str:
        return several_lines(super().format(record)).replace("\n", f"\n{INDENT}")
