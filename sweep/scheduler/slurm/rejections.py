"""Why sbatch has not submitted jobs, by its messages.

The messages are those of Slurm's source file `slurm_errno.c` and of sbatch itself. The names of limits are
Slurm's job state reasons.
"""

import re

from sweep.scheduler.executor import Rejection

_TEMPORARY = (
    "socket timed out",
    "unable to contact slurm controller",
    "zero bytes were transmitted or received",
    "standby mode",
    "temporarily",
)
"""Parts of messages about a controller that does not answer, or that has too many jobs of all users."""

_PERMANENT = (
    r"invalid (?:\S+ )*(?:partition|account|qos|option|value|argument|specification|specified|constraint)",
    r"invalid (?:--?|user id|group id|numeric|time|wckey|license|feature|generic|trackable|job array|node)",
    r"(?:unrecognized|ambiguous|unknown|illegal) option",
    r"requires an argument",
    r"requested node configuration is not available",
    r"requested (?:time limit|reservation|operation|gres option)",
    r"node count specification",
    r"more processors requested than permitted",
    r"memory (?:required by task|specification)",
    r"not permitted to use this partition",
    r"no partition specified",
    r"permission denied",
    r"job dependency problem",
    r"mutually exclusive",
)
"""Patterns of messages about requests that the cluster will never grant."""

_LIMIT_NAME = re.compile(r"\b(?:QOS|Assoc)\w+Limit\b")
_ACCOUNTING_POLICY = "accounting/qos policy"
_SHARED_LIMITS = ("Grp", "PerAccount")


def rejection_of(message: str) -> Rejection:
    """Return why jobs were not submitted, by the message of sbatch."""
    text = message.lower()
    if _ACCOUNTING_POLICY in text or _LIMIT_NAME.search(message):
        names = _LIMIT_NAME.findall(message)
        may_fit = not names or any("Submit" in name for name in names)
        return Rejection.SUBMIT_LIMIT if may_fit else Rejection.PERMANENT
    if any(part in text for part in _TEMPORARY):
        return Rejection.TEMPORARY
    if any(re.search(pattern, text) for pattern in _PERMANENT):
        return Rejection.PERMANENT
    return Rejection.UNKNOWN


def is_shared_limit(message: str) -> bool:
    """Return whether a submit limit counts the jobs of other users too."""
    return any(part in name for name in _LIMIT_NAME.findall(message) for part in _SHARED_LIMITS)
