"""The tools outside this package that a study's trials are shown in."""

from pydantic import Field

from sweep.definition.settings import Settings


class Track(Settings):
    """Where the launcher records the trials, besides the database."""

    tensorboard: str | None = Field(default=None, min_length=1)
    """Folder of TensorBoard's event files; `~` is the home folder."""
    mlflow: str | None = Field(default=None, min_length=1)
    """URI of an MLflow tracking server."""
