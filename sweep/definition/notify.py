"""Who is notified of the events of a study."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from sweep.definition.command import split_command
from sweep.definition.settings import Settings, VariableName
from sweep.redaction import WEBHOOK, hide_passwords

DEFAULT_STALLED_HOURS = 24.0

_USE_VARIABLE = (
    "must not contain an address (not shown), because the address of a webhook is a secret; set "
    "an environment variable of the launcher to the address, and write the variable's name: "
    "notify: {webhook_env: SLACK_WEBHOOK_URL}"
)


def _check_command(command: str | list[str]) -> str | list[str]:
    words = split_command(command)
    if not words or not words[0]:
        raise ValueError("must not be empty")
    if any(re.search(WEBHOOK, word, re.IGNORECASE) for word in words):
        raise ValueError(_USE_VARIABLE)
    if hide_passwords(" ".join(words)) != " ".join(words):
        raise ValueError(
            "must not contain a password or a token (not shown); the command inherits the environment of the "
            "launcher, from which it can read one"
        )
    return command


class Notify(Settings):
    """A command or a webhook that is notified when the study ends, fails, makes no progress, or has used 80 %
    of its budget."""

    webhook_env: VariableName | None = None
    """Environment variable of the launcher that contains the address of a webhook of Slack or Mattermost."""
    command: Annotated[str | list[str], AfterValidator(_check_command)] | None = None
    """Command that receives each event as JSON on its standard input, as a command line or a list of words.
    It is started in the folder of the launch, without a shell."""
    stalled_hours: PositiveFloat | None = Field(default=DEFAULT_STALLED_HOURS)
    """Hours without a new epoch and without the start or the end of a trial after which the study is
    announced as stalled; null disables this event."""

    @model_validator(mode="before")
    @classmethod
    def _check_no_address(cls, fields: Any) -> Any:
        """Check that no value is an address, before another message shows it."""
        values = [fields]
        if isinstance(fields, Mapping):
            values = [value for key, value in fields.items() if key != "command"]
        if any(isinstance(value, str) and "://" in value for value in values):
            raise ValueError(_USE_VARIABLE)
        return fields

    @property
    def is_set(self) -> bool:
        """Whether anything is notified."""
        return self.webhook_env is not None or self.command is not None
