"""Published results on Kuzushiji-MNIST, for the comparison tables of a report."""

from collections.abc import Mapping
from typing import Any

NOTE = (
    "Accuracies on the 10,000 test images of Kuzushiji-MNIST. The published results are those of the data "
    "set's benchmark page (https://github.com/rois-codh/kmnist); * marks results that the page gives for an "
    "earlier version of the data. The baseline is the student project that capsweep grew out of. It "
    "trained the same capsule network and chose its best epoch on the test images."
)
BASELINE = "baseline (student project)"
HYPERPARAMETERS = (
    "epochs",
    "routing_iterations",
    "batch_size",
    "lr_decay",
    "decoder_coefficient",
    "augmentation",
)
BASELINE_CONFIGURATIONS = (  # the values of HYPERPARAMETERS, the training accuracy and the test accuracy
    ((10, 3, 100, 0.9, 0.392, "none"), 0.9994, 0.9517),
    ((50, 3, 100, 0.9, 0.392, "none"), 0.9999, 0.9534),
    ((100, 3, 100, 0.9, 0.392, "shift+cutout"), 0.9899, 0.9749),
    ((100, 3, 100, 0.95, 0.784, "shift+cutout"), 0.9983, 0.9845),
)
PUBLISHED_RESULTS = (  # method, test accuracy, mark
    ("4-nearest-neighbour", 0.9210, ""),
    ("tuned SVM (RBF kernel)", 0.9282, "*"),
    ("PCA + 4-nearest-neighbour", 0.9398, ""),
    ("Keras simple CNN", 0.9463, ""),
    ("PreActResNet-18", 0.9782, "*"),
    ("PreActResNet-18 + input mixup", 0.9841, "*"),
    ("PreActResNet-18 + manifold mixup", 0.9883, "*"),
    ("ResNet-18 + VGG ensemble", 0.9890, "*"),
    ("shake-shake-26 with cutout", 0.9934, "*"),
)


def published_baselines(study: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return published results for comparison with a study of all of Kuzushiji-MNIST.

    Args:
        study: The content of the study file.

    Returns:
        None if the study uses other data, only some of the images, or a metric other than "val_accuracy".
        Otherwise a mapping that can be written as JSON. Its keys are "metric"; "note", which names the
        sources; "configurations", each with "name", "params" and the accuracies "train" and "test"; and
        "results", each with "name", the accuracy "test" and "note". Accuracies are from 0 to 1.
    """
    if study.get("dataset") != "kmnist" or study.get("metric") != "val_accuracy" or _is_limited(study):
        return None
    return {
        "metric": "accuracy",
        "note": NOTE,
        "configurations": [
            {
                "name": BASELINE,
                "params": dict(zip(HYPERPARAMETERS, values, strict=True)),
                "train": train,
                "test": test,
            }
            for values, train, test in BASELINE_CONFIGURATIONS
        ],
        "results": [{"name": name, "test": test, "note": mark} for name, test, mark in PUBLISHED_RESULTS],
    }


def _is_limited(study: Mapping[str, Any]) -> bool:
    """Return whether trials train on only some of the images, as in a dry run."""
    fixed = study.get("fixed") or {}
    return fixed.get("num_samples") is not None or "num_samples" in (study.get("space") or {})
