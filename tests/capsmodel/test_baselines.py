import json
import subprocess
import sys
from pathlib import Path

import pytest

from capsmodel.baselines import published_baselines
from capsmodel.config import TrainConfig
from sweep.definition.study import load_study

ROOT = Path(__file__).parents[2]
STUDY = {
    "dataset": "kmnist",
    "metric": "val_accuracy",
    "fixed": {"epochs": 50},
    "space": {"batch_size": {"type": "categorical", "choices": [32, 64]}},
}


def test_baseline_configurations_have_params_and_accuracies():
    found = published_baselines(STUDY)
    assert {each["name"] for each in found["configurations"]} == {"baseline (student project)"}
    assert [each["test"] for each in found["configurations"]] == [0.9517, 0.9534, 0.9749, 0.9845]
    assert [each["train"] for each in found["configurations"]] == [0.9994, 0.9999, 0.9899, 0.9983]
    assert found["configurations"][3]["params"] == {
        "epochs": 100,
        "routing_iterations": 3,
        "batch_size": 100,
        "lr_decay": 0.95,
        "decoder_coefficient": 0.784,
        "augmentation": "shift+cutout",
    }


def test_baseline_hyperparameters_are_valid_for_train():
    for configuration in published_baselines(STUDY)["configurations"]:
        training = {name: value for name, value in configuration["params"].items() if "routing" not in name}
        assert TrainConfig(**training)


def test_published_results_have_accuracies_and_marks_explained_by_note():
    found = published_baselines(STUDY)
    results = {each["name"]: (each["test"], each["note"]) for each in found["results"]}
    assert len(results) == 9
    assert results["PCA + 4-nearest-neighbour"] == (0.9398, "")
    assert results["shake-shake-26 with cutout"] == (0.9934, "*")
    assert "* marks results" in found["note"]
    assert found["metric"] == "accuracy"
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "digits"},
        {"dataset": None},
        {"metric": "val_loss"},
        {"fixed": {"epochs": 1, "num_samples": 300}},
        {"space": {"num_samples": {"type": "int", "low": 100, "high": 1000}}},
    ],
)
def test_study_of_other_data_or_metric_has_no_baselines(changed):
    assert published_baselines({**STUDY, **changed}) is None


@pytest.mark.parametrize(
    "changed", [{"fixed": {"num_samples": None}}, {"fixed": None}, {"fixed": {}, "space": {}}]
)
def test_study_of_all_images_has_baselines(changed):
    assert published_baselines({**STUDY, **changed}) is not None


def test_bundled_kmnist_study_has_baselines():
    study = load_study(str(ROOT / "studies" / "kmnist.yaml"))
    assert published_baselines(study.model_dump(mode="json")) is not None


def test_published_baselines_does_not_import_keras():
    code = (
        "import sys; from capsmodel.baselines import published_baselines; published_baselines({}); "
        "print(*({'keras', 'tensorflow', 'jax', 'torch', 'numpy'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []
