"""The tools outside this package that a study's trials are shown in."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sweep.definition.settings import Settings


def _check_no_password(uri: str) -> str:
    try:
        has_password = urlsplit(uri).password is not None
    except ValueError:
        has_password = "@" in uri
    if has_password:
        raise ValueError(
            "must not contain a password (not shown), because the list of processes may show it; set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment of the launcher instead"
        )
    return uri


class Track(Settings):
    """Where the launcher records the trials, besides the database."""

    tensorboard: str | None = Field(default=None, min_length=1)
    """Folder of TensorBoard's event files; `~` is the home folder."""
    mlflow: Annotated[str, AfterValidator(_check_no_password)] | None = Field(default=None, min_length=1)
    """URI of an MLflow tracking server, without a password."""
