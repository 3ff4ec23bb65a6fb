import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from sweep.reporting.findings import findings
from sweep.reporting.optimism import optimism
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

NUM_TRIALS, NUM_EPOCHS, NOISE = 200, 20, 0.01


def noisy_study(objective_of: str = "best", num_epochs: int = NUM_EPOCHS) -> StudyData:
    """Return a study whose trials have a constant accuracy with noise in each epoch."""
    rng = np.random.default_rng(0)
    accuracies = 0.7 + 0.1 * rng.random((NUM_TRIALS, 1))
    curves = accuracies + NOISE * rng.standard_normal((NUM_TRIALS, num_epochs))
    data = studies.of_values(curves.max(axis=1).tolist())
    epochs = pd.concat(
        pd.DataFrame({"number": number, "epoch": range(1, num_epochs + 1), "val_accuracy": curve})
        for number, curve in enumerate(curves)
    )
    study = data.study.model_copy(update={"objective_of": objective_of})
    return dataclasses.replace(data, epochs=epochs, study=study)


def test_optimism_is_the_expected_maximum_of_the_noise() -> None:
    """The expected maximum of 20 standard normal values is 1.867."""
    found = optimism(noisy_study())
    assert found is not None
    assert found.num_trials == NUM_TRIALS
    assert found.mean == pytest.approx(1.867 * NOISE, rel=0.15)


def test_curve_without_noise_is_not_optimistic() -> None:
    data = noisy_study()
    epochs = data.epochs.assign(val_accuracy=0.5 + 0.01 * data.epochs["epoch"])
    found = optimism(dataclasses.replace(data, epochs=epochs))
    assert found is not None
    assert found.mean == pytest.approx(0.0, abs=1e-9)


def test_report_states_the_optimism_of_the_best_epoch_only() -> None:
    (sentence,) = (text for text in findings(noisy_study()) if "optimistic" in text)
    assert re.match(
        r"The objective is the best epoch of each trial\. The maximum of a noisy curve is optimistic: in "
        r"this study by (1\.9|2\.0)\d points on average over 200 complete trials, and by \d\.\d\d points for "
        r"the best trial, compared with a line through the epochs around the best one\.",
        sentence,
    )
    assert not any("optimistic" in text for text in findings(noisy_study("last")))
    assert any("too few epochs to say by how much" in text for text in findings(noisy_study(num_epochs=5)))
