import pytest

from sweep.storage.tables import EpochRow
from sweep.worker.metrics import MAX_NAME_LENGTH, plain_numbers


def test_metrics_of_every_number_type_become_floats() -> None:
    import numpy as np

    assert plain_numbers({"a": 1, "b": np.float32(0.5), "c": np.array(2)}) == {"a": 1.0, "b": 0.5, "c": 2.0}
    with pytest.raises(TypeError, match="metric 'a' must be a number, but got '1'"):
        plain_numbers({"a": "1"})


def test_name_of_a_metric_must_fit_into_the_database() -> None:
    column = EpochRow.__table__.c.metric.type
    assert getattr(column, "length", None) == MAX_NAME_LENGTH
    assert plain_numbers({"a" * MAX_NAME_LENGTH: 1})
    with pytest.raises(ValueError, match=r"at most 128 characters, but 'a+' has 129"):
        plain_numbers({"a" * 129: 1})
