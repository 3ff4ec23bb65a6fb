"""The output of a command: copied to the attempt's log, and returned line by line."""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from pathlib import Path
from typing import IO

READ_BYTES = 65_536
PARTIAL_LINE_S = 0.2
"""How long a line without its end is kept back, so that lines of stdout and stderr do not mix."""
MAX_LINE_BYTES = 100_000
"""The length at which a line without an end is treated as one."""
MAX_TAIL_LINES, MAX_TAIL_LINE_LENGTH = 20, 2000


class CommandOutput:
    """Copies the output of a process to a log in whole lines, and keeps the last lines of its stderr.

    Parts of a line that a progress bar separates by carriage returns count as lines.
    """

    def __init__(self, stdout: IO[bytes], stderr: IO[bytes], log: Path) -> None:
        self._log = log.open("ab", buffering=0)
        self._streams = {"stdout": _Stream(stdout), "stderr": _Stream(stderr)}
        self._selector = selectors.DefaultSelector()
        for name, stream in self._streams.items():
            os.set_blocking(stream.descriptor, False)
            self._selector.register(stream.descriptor, selectors.EVENT_READ, name)
        self._tail: deque[str] = deque(maxlen=MAX_TAIL_LINES)

    @property
    def is_open(self) -> bool:
        """Whether a process may still write to it."""
        return bool(self._selector.get_map())

    @property
    def stderr_tail(self) -> list[str]:
        """The last lines of stderr that are not empty."""
        return list(self._tail)

    def read(self, timeout_s: float) -> tuple[list[str], bool]:
        """Copy what can be read, after a wait of at most this time.

        Returns:
            The complete lines of stdout, and whether anything was read.
        """
        lines: list[str] = []
        events = self._selector.select(timeout_s) if self.is_open else []
        for key, _ in events:
            lines += self._receive(key.data)
        for name, stream in self._streams.items():
            if stream.partial and time.monotonic() - stream.received_at > PARTIAL_LINE_S:
                self._write_partial(name)
        return lines, bool(events)

    def close(self) -> list[str]:
        """Copy what remains, without waiting, and return the last lines of stdout."""
        lines: list[str] = []
        while self.is_open:
            more, is_any = self.read(0)
            lines += more
            if not is_any:
                break
        for name, stream in self._streams.items():
            self._write_partial(name)
            if stream.line:
                lines += self._take_line(name, bytes(stream.line))
                stream.line.clear()
        self._selector.close()
        self._log.close()
        return lines

    def _receive(self, name: str) -> list[str]:
        stream = self._streams[name]
        try:
            data = os.read(stream.descriptor, READ_BYTES)
        except BlockingIOError:
            return []
        if not data:
            self._selector.unregister(stream.descriptor)
            return []
        stream.received_at = time.monotonic()
        stream.partial += data
        stream.line += data
        self._log_lines(stream)
        received = stream.line.splitlines(keepends=True)
        is_unfinished = not received[-1].endswith((b"\n", b"\r")) and len(received[-1]) < MAX_LINE_BYTES
        stream.line = received.pop() if is_unfinished else bytearray()
        return [text for line in received for text in self._take_line(name, bytes(line))]

    def _log_lines(self, stream: _Stream) -> None:
        end = max(stream.partial.rfind(b"\n"), stream.partial.rfind(b"\r")) + 1
        if len(stream.partial) > MAX_LINE_BYTES:
            end = len(stream.partial)
        self._write(bytes(stream.partial[:end]))
        del stream.partial[:end]

    def _write_partial(self, name: str) -> None:
        stream = self._streams[name]
        self._write(bytes(stream.partial))
        stream.partial.clear()

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._log.write(data) or 0 :]

    def _take_line(self, name: str, line: bytes) -> list[str]:
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if name == "stdout":
            return [text] if text.strip() else []
        if text.strip():
            self._tail.append(text[-MAX_TAIL_LINE_LENGTH:])
        return []


class _Stream:
    """One stream of a process.

    Attributes:
        descriptor: Its file descriptor.
        partial: The part of the last line that is not in the log yet.
        line: The last line, as far as it was received.
        received_at: When it was received, by the monotonic clock.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.descriptor = stream.fileno()
        self.partial = bytearray()
        self.line = bytearray()
        self.received_at = 0.0
