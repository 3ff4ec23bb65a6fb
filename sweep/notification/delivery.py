"""The delivery of an event to a command or to a webhook, each of them in a process that has a few seconds."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sweep.definition.command import split_command
from sweep.definition.notify import Notify
from sweep.errors import InputError
from sweep.notification import webhook
from sweep.notification.events import Event
from sweep.redaction import hide_passwords, hide_secrets

TIMEOUT_S = 5.0
"""How many seconds a command or a webhook may take. Afterwards, its processes are killed."""
KIND_VARIABLE, STUDY_VARIABLE, TEXT_VARIABLE = "SWEEP_EVENT", "SWEEP_STUDY", "SWEEP_TEXT"
"""The environment variables with the kind of the event, the name of the study, and the text of the event."""


class Recipient(NamedTuple):
    """What receives the events of a study.

    Attributes:
        name: Its name in messages.
        command: The command that is started for each event.
    """

    name: str
    command: Sequence[str]


def recipients(notify: Notify) -> list[Recipient]:
    """Return what receives the events of a study."""
    found = []
    if notify.webhook_env is not None:
        command = [sys.executable, "-I", str(Path(webhook.__file__)), notify.webhook_env]
        found.append(Recipient(f"the webhook of {notify.webhook_env}", command))
    if notify.command is not None:
        command = split_command(notify.command)
        found.append(Recipient(f"the command {command[0]}", command))
    return found


def check_recipients(study: str, notify: Notify) -> None:
    """Check that the variable of the webhook is set and that the command exists.

    Args:
        study: The name of the study, for the message.
        notify: Who is notified.

    Raises:
        InputError: If one of them is missing.
    """
    variable = notify.webhook_env
    if variable is not None:
        address = os.environ.get(variable, "").strip()
        if not address:
            raise InputError(
                f"study {study}: notify.webhook_env names the variable {variable}, which is not set\n"
                f"set it to the address of the webhook: export {variable}=https://..."
            )
        if not address.startswith(("https://", "http://")):
            raise InputError(
                f"study {study}: notify.webhook_env names the variable {variable}, whose value (not shown) "
                "is not an address\nset it to the address of the webhook, which begins with https://"
            )
    if notify.command is not None:
        program = split_command(notify.command)[0]
        if shutil.which(program) is None:
            raise InputError(
                f"study {study}: notify.command begins with {program}, which is not an executable file\n"
                "give the name of an installed program or the path of an executable file"
            )


def deliver(notify: Notify, study: str, event: Event, now: datetime) -> list[str]:
    """Send an event to a command and a webhook, and return why that has failed.

    Args:
        notify: Who is notified.
        study: The name of the study.
        event: The event.
        now: The time of the event.

    Returns:
        One message for each failure, without secrets; an empty list if all have received the event.
    """
    text = hide_passwords(event.text)
    content = {"event": event.kind.value, "study": study, "text": text, "time": now.isoformat()}
    variables = {KIND_VARIABLE: event.kind.value, STUDY_VARIABLE: study, TEXT_VARIABLE: text}
    secrets = {os.environ.get(notify.webhook_env or "", "").strip()} - {""}
    return [
        hide_passwords(hide_secrets(f"{recipient.name} has not received an event: {problem}", secrets))
        for recipient in recipients(notify)
        if (problem := _send(recipient.command, content, variables)) is not None
    ]


def _send(command: Sequence[str], content: Mapping[str, Any], variables: Mapping[str, str]) -> str | None:
    """Start a command with an event on its standard input, and return why it has failed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as event:
        event.write(json.dumps(content).encode())
        event.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=event,
                stdout=output,
                stderr=output,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"it cannot be started ({getattr(error, 'strerror', None) or error})"
        try:
            code = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return f"it has not ended within {TIMEOUT_S:g} s"
        finally:
            if process.returncode is None:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code == 0:
            return None
        output.seek(0)
        lines = output.read(100_000).decode(errors="replace").strip().splitlines()
        return f"exit code {code}" + (f": {lines[-1][:200]}" if lines else "")
