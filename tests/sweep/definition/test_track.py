import pytest

from sweep.definition.study import load_study
from sweep.errors import InputError

pytestmark = pytest.mark.usefixtures("workplace")


def test_address_of_a_tracker_has_no_password() -> None:
    assert load_study("toy", ["track.mlflow=http://me@host:5000"]).track.mlflow == "http://me@host:5000"
    for uri in ("http://me:S3CRET@host:5000", "http://me:S3CRET@[host"):
        with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as error:
            load_study("toy", [f"track.mlflow={uri}"])
        assert "S3CRET" not in str(error.value)
