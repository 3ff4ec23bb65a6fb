"""The command line that the list of processes shows to all users of the machine."""

import sys
from contextlib import suppress
from pathlib import Path

from sweep.redaction import hide_in_arguments

COMMAND_LINE = Path("/proc/self/cmdline")
STATUS = Path("/proc/self/stat")
MEMORY = Path("/proc/self/mem")
START_FIELD = 48
"""The place of the address of the arguments among the fields of `/proc/self/stat`, counted from 1."""


def hide_in_process_list() -> None:
    """Overwrite the arguments of this process that contain a password, as `ps` shows them.

    `sys.argv` is not changed. Nothing happens on a system without `/proc`.
    """
    secret = {
        argument
        for argument, shown in zip(sys.argv[1:], hide_in_arguments(sys.argv[1:]), strict=True)
        if argument != shown
    }
    if not secret:
        return
    with suppress(OSError, ValueError, IndexError):
        content = COMMAND_LINE.read_bytes()
        # The second field, the name of the program, may contain spaces and brackets.
        fields = STATUS.read_text().rpartition(")")[2].split()
        address = int(fields[START_FIELD - 3])
        with MEMORY.open("r+b", buffering=0) as memory:
            for argument in secret:
                word = argument.encode(errors="surrogateescape")
                position = content.find(b"\0" + word + b"\0")
                if position >= 0:
                    memory.seek(address + position + 1)
                    memory.write(b"*" * len(word))
