"""The study whose best trials are the first points of another one."""

from pydantic import Field, PositiveInt

from sweep.definition.settings import Settings


class StartFrom(Settings):
    """An earlier study, whose best trials are enqueued."""

    study: str = Field(min_length=1)
    """Name of the earlier study, which may be one of Optuna's own."""
    top: PositiveInt = 5
    """How many of its best configurations are tried first."""
    storage: str | None = None
    """URL of the database that contains it. By default, it is the database of the new study."""
