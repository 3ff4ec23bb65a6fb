"""Where a study of full Kuzushiji-MNIST stands against what others have published."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sweep.reporting.formatting import NONE, show_metric, show_param
from sweep.reporting.params import PREFIX, param_names
from sweep.reporting.seed_statistics import Evaluated, evaluated, show_mean
from sweep.reporting.table import FINAL, Column, Row, Table
from sweep.storage.study_data import StudyData

PUBLISHED = (  # method, test accuracy in percent; from the data set's own benchmark page
    ("4-nearest-neighbour", 92.10, ""),
    ("tuned SVM (RBF kernel)", 92.82, "*"),
    ("PCA + 4-nearest-neighbour", 93.98, ""),
    ("Keras simple CNN", 94.63, ""),
    ("PreActResNet-18", 97.82, "*"),
    ("PreActResNet-18 + input mixup", 98.41, "*"),
    ("PreActResNet-18 + manifold mixup", 98.83, "*"),
    ("ResNet-18 + VGG ensemble", 98.90, "*"),
    ("shake-shake-26 with cutout", 99.34, "*"),
)
HYPERPARAMETERS = {
    "epochs": "epochs",
    "routing_iterations": "routing",
    "batch_size": "batch",
    "lr_decay": "LR decay",
    "decoder_coefficient": "decoder coef.",
    "augmentation": "augmentation",
}
STARTING_WORK = (  # capsule networks of the starting work: the hyperparameters, then train and test accuracy
    ("10", "3", "100", "0.9", "0.392", "none", 0.9994, 0.9517),
    ("50", "3", "100", "0.9", "0.392", "none", 0.9999, 0.9534),
    ("100", "3", "100", "0.9", "0.392", "shift + cutout", 0.9899, 0.9749),
    ("100", "3", "100", "0.95", "0.784", "shift + cutout", 0.9983, 0.9845),
)


class Standing(NamedTuple):
    """The study's best trial in the starting work's table, and among the published results."""

    starting_work: Table
    published: Table
    is_tested: bool  # whether `sweep evaluate` has measured it on the test images, as the others were


def standing(data: StudyData) -> Standing | None:
    """None for other data, for a part of it, and for a metric that is not the validation accuracy."""
    is_full = data.study.dataset == "kmnist" and not _limited(data)
    best = next(iter(data.complete_trials.head(1).to_dict("records")), None)
    if not is_full or data.metric != "val_accuracy" or best is None:
        return None
    values = dict(data.study.fixed)
    values |= {name: best[PREFIX + name] for name in param_names(data)}
    tested = next((each for each in evaluated(data) if each.trial == best["number"]), None)
    starting_work = _starting_work(data.metric, best, values, tested)
    return Standing(starting_work, _published(data.metric, best, tested), tested is not None)


def _limited(data: StudyData) -> bool:
    """Whether trials see only some of the images: what a rehearsal does."""
    return data.study.fixed.get("num_samples") is not None or "num_samples" in data.study.space


def _starting_work(
    metric: str, best: Mapping[Any, Any], values: Mapping[str, Any], tested: Evaluated | None
) -> Table:
    columns = [
        Column("", False),
        *(Column(name, name != "augmentation") for name in HYPERPARAMETERS.values()),
    ]
    columns += [Column(name, True) for name in ("train", "validation", "test")]
    rows = [
        Row(
            "", ["starting work", *hyper, show_metric("accuracy", train), NONE, show_metric("accuracy", test)]
        )
        for *hyper, train, test in STARTING_WORK
    ]
    hyper = [show_param(values.get(name)) for name in HYPERPARAMETERS]
    train = show_metric("accuracy", best.get(f"{FINAL}train_accuracy"))
    accuracies = [train, show_metric(metric, best["value"]), NONE if tested is None else show_mean(tested)]
    rows.append(Row("best", [f"trial {best['number']}", *hyper, *accuracies]))
    return Table(columns, rows)


def _published(metric: str, best: Mapping[Any, Any], tested: Evaluated | None) -> Table:
    """By accuracy; the best trial stands where its test accuracy, or else its validation accuracy, would."""
    entries = [
        (accuracy, Row("", [method, f"{accuracy:.2f} %{mark}", "test"]))
        for method, accuracy, mark in PUBLISHED
    ]
    accuracy = best["value"] if tested is None else tested.mean
    own = show_metric(metric, accuracy) if tested is None else show_mean(tested)
    measured_on = "validation" if tested is None else "test"
    entries.append((100 * accuracy, Row("best", [f"this study, trial {best['number']}", own, measured_on])))
    rows = [row for _, row in sorted(entries, key=lambda entry: -entry[0])]
    return Table([Column("method", False), Column("accuracy", True), Column("measured on", False)], rows)
