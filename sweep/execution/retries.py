"""What a failure is worth: another attempt, or the end of the trial."""

from collections.abc import Sequence

from sweep.definition.study import Retries
from sweep.execution.trial import Cause


def may_retry(cause: Cause, earlier_causes: Sequence[Cause], retries: Retries) -> bool:
    """Whether a trial gets another attempt after one that failed of `cause`.

    `earlier_causes` are the causes its earlier attempts failed of; each cause has its own allowance. What a
    person cancelled stays cancelled.
    """
    if cause is Cause.CANCELLED:
        return False
    allowed: int = getattr(retries, cause.value)
    return earlier_causes.count(cause) < allowed
