"""The classification of sbatch's messages. They were copied from sbatch 22.05 and from `slurm_errno.c`."""

import pytest

from sweep.scheduler.executor import Rejection
from sweep.scheduler.slurm.rejections import is_shared_limit, rejection_of

POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


@pytest.mark.parametrize(
    "message",
    [
        "invalid partition specified: gpuu",
        "Invalid partition name specified",
        "Batch job submission failed: Invalid account or account/partition combination specified",
        "Invalid qos specification",
        "Invalid feature specification",
        "Invalid generic resource (gres) specification",
        "Invalid Trackable RESource (TRES) specification",
        "Invalid node name specified",
        "Invalid license specification",
        "Invalid wckey specification",
        'Invalid numeric value "x" for --nodes.',
        "Invalid --time specification",
        "Requested node configuration is not available",
        "Requested time limit is invalid (missing or exceeds some limit)",
        "Requested reservation is invalid",
        "Node count specification invalid",
        "More processors requested than permitted",
        "Memory specification can not be satisfied",
        "Memory required by task is not available",
        "User's group not permitted to use this partition",
        "Access/permission denied",
        "No partition specified or system default partition",
        "unrecognized option '--fast'",
        f"QOSMaxWallDurationPerJobLimit\nsbatch: error: {POLICY}",
        f"QOSMaxGRESPerJob\nsbatch: error: QOSMaxMemoryPerJobLimit\nsbatch: error: {POLICY}",
    ],
)
def test_permanent_errors(message: str) -> None:
    assert rejection_of(f"sbatch: error: {message}") is Rejection.PERMANENT


@pytest.mark.parametrize(
    "message",
    [
        f"AssocMaxSubmitJobLimit\nsbatch: error: {POLICY}",
        f"QOSMaxSubmitJobPerUserLimit\nsbatch: error: {POLICY}",
        f"AssocGrpSubmitJobsLimit\nsbatch: error: {POLICY}",
        POLICY,
    ],
)
def test_submit_limits(message: str) -> None:
    assert rejection_of(f"sbatch: error: {message}") is Rejection.SUBMIT_LIMIT
    assert is_shared_limit(message) == ("Grp" in message)


@pytest.mark.parametrize(
    "message",
    [
        "Unexpected message received",
        "Connection reset by peer",
        "Unspecified error",
        "Message receive failure",
        "Protocol authentication error",
        "Invalid job credential",
        "I/O error writing script/environment to file",
        "the node is too small, please specify less and try again",  # of a cluster's own submission filter
        "",
    ],
)
def test_unknown_errors(message: str) -> None:
    assert rejection_of(f"sbatch: error: {message}") is Rejection.UNKNOWN


@pytest.mark.parametrize(
    "message",
    [
        "Socket timed out on send/recv operation",
        "Unable to contact slurm controller (connect failure)",
        "Zero Bytes were transmitted or received",
        "Slurm backup controller in standby mode",
        "Resource temporarily unavailable",
        "Slurm temporarily unable to accept job, sleeping and retrying",
    ],
)
def test_temporary_errors(message: str) -> None:
    assert rejection_of(f"sbatch: error: {message}") is Rejection.TEMPORARY
