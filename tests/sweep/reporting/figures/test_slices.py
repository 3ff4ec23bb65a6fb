"""The data of the figures of individual hyperparameters."""

from sweep.reporting.figures.slices import describe_slice, slices_info
from tests.sweep.reporting import synthetic_studies as studies


def test_slice_marks_the_best_tenth() -> None:
    data = studies.of_values([i / 20 for i in range(20)], columns={"x": list(range(20))}, space={})
    (info,) = slices_info(data)
    assert info.numbers == list(range(20))
    assert info.param.values == [float(i) for i in range(20)]
    assert [number for number, top in zip(info.numbers, info.is_top, strict=True) if top] == [18, 19]


def test_description_of_a_param_that_never_varied() -> None:
    data = studies.of_values([0.1, 0.2], columns={"x": [3, 3]}, space={})
    assert "never varied" in describe_slice(slices_info(data)[0])
