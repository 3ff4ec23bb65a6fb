import json

import numpy as np
import pytest

from capsmodel import evaluate as evaluate_module
from capsmodel.data import load_dataset
from capsmodel.evaluate import accuracies, count_confusion, evaluate


def test_accuracies_are_computed_from_confusion_matrix():
    confusion = count_confusion(np.array([0, 0, 0, 1, 3, 3]), np.array([0, 1, 0, 1, 0, 2]), 4)
    np.testing.assert_array_equal(confusion, [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]])
    assert accuracies(confusion) == {
        "test_accuracy": 3 / 6,
        "test_accuracy_of_0": 2 / 3,
        "test_accuracy_of_1": 1.0,
        "test_accuracy_of_3": 0.0,
        "num_test_images": 6.0,
    }


def test_evaluate_trains_on_all_training_images_and_tests_network(make_trial, small_params, monkeypatch):
    dataset = load_dataset("digits")
    trained_on = []

    def recording_train_epochs(network_config, config, given, trial, training, validation):
        trained_on.append(training)
        assert validation is None
        assert config.early_stopping_patience is None
        return train_epochs(network_config, config, given, trial, training, validation)

    train_epochs = evaluate_module.train_epochs
    monkeypatch.setattr(evaluate_module, "train_epochs", recording_train_epochs)
    trial = make_trial()
    params = {
        **small_params,
        "num_samples": None,
        "epochs": 2,
        "early_stopping_patience": 1,
        "learning_rate": 0.01,
    }
    metrics = evaluate(params, trial)
    np.testing.assert_array_equal(trained_on[0], np.arange(len(dataset.y_train)))
    assert list(trial.reports) == [1, 2]
    assert not [name for name in metrics if name.startswith("val_")]
    counts = np.array(json.loads((trial.folder / "confusion.json").read_text())["counts"])
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(dataset.y_test))
    assert metrics["test_accuracy"] == pytest.approx(counts.trace() / len(dataset.y_test))
    assert metrics["test_accuracy"] > 0.2  # random predictions have an accuracy of 0.1
    assert metrics["num_test_images"] == 359
    assert evaluate(params, trial) == metrics  # the second call resumes from the last checkpoint
