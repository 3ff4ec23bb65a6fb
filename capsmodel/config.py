"""The configurations of the network and of its training, as frozen and validated objects."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

AUGMENTATIONS = ("none", "shift", "cutout", "shift+cutout")
INITIAL_VOTES = ("scaled", "glorot_4d")
PRECISIONS = ("auto", "float32", "mixed_bfloat16")

KERNEL_SIZE = 9  # pixels, in both convolutions
PRIMARY_STRIDE = 2
SMALLEST_SIDE = 2 * KERNEL_SIZE - 1  # pixels; such an image has one position of primary capsules


@dataclass(frozen=True)
class CapsNetConfig:
    """The shape of the capsule network of Sabour, Frosst and Hinton (2017). The defaults are the paper's.

    Attributes:
        input_shape: The shape of an image, (height, width, channels).
        num_classes: The number of classes.
        routing_iterations: The number of routing iterations, r in procedure 1 of the paper.
        conv_filters: The number of filters of the first convolution.
        primary_channels: The number of primary capsules at each position.
        primary_capsule_dim: The number of elements of a primary capsule.
        class_capsule_dim: The number of elements of a class capsule.
        decoder_widths: The widths of the decoder's hidden layers.
        decoder_dropout: The dropout rate after each hidden layer of the decoder.
        initial_votes: The scale of the initial transformation weights; see
            `capsmodel.network.layers.ClassCapsules`.

    Raises:
        ValueError: If a value is out of range. The message names the field, the rule and the value.
    """

    input_shape: tuple[int, int, int] = (28, 28, 1)
    num_classes: int = 10
    routing_iterations: int = 3
    conv_filters: int = 256
    primary_channels: int = 32
    primary_capsule_dim: int = 8
    class_capsule_dim: int = 16
    decoder_widths: tuple[int, ...] = (512, 1024)
    decoder_dropout: float = 0.0
    initial_votes: str = "scaled"

    def __post_init__(self) -> None:
        for name in ("input_shape", "decoder_widths"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        if len(self.input_shape) != 3:
            raise ValueError(f"`input_shape` must be (height, width, channels), but got {self.input_shape}")
        height, width, channels = self.input_shape
        _check_int("input_shape: height", height, SMALLEST_SIDE)
        _check_int("input_shape: width", width, SMALLEST_SIDE)
        _check_int("input_shape: channels", channels, 1)
        _check_int("num_classes", self.num_classes, 2)
        for name in ("routing_iterations", "conv_filters", "primary_channels", "primary_capsule_dim"):
            _check_int(name, getattr(self, name), 1)
        _check_int("class_capsule_dim", self.class_capsule_dim, 1)
        for width in self.decoder_widths:
            _check_int("decoder_widths", width, 1)
        _check_number("decoder_dropout", self.decoder_dropout)
        _check("0 <= decoder_dropout < 1", 0 <= self.decoder_dropout < 1, self.decoder_dropout)
        _check_choice("initial_votes", self.initial_votes, INITIAL_VOTES)


@dataclass(frozen=True)
class TrainConfig:
    """The configuration of the training.

    The defaults are a recipe of the baseline, which is the student project that this project grew out of.

    Attributes:
        epochs: The number of epochs.
        batch_size: The number of images in a batch.
        learning_rate: The learning rate of the first epoch.
        lr_decay: The factor by which the learning rate is multiplied after each epoch.
        decoder_coefficient: The weight of the mean squared reconstruction error per pixel in the loss.
        augmentation: One of AUGMENTATIONS, applied to the training images.
        validation_fraction: The fraction of the training images that is held out for validation.
        precision: One of PRECISIONS; see `capsmodel.training.precision.choose_precision`.
        early_stopping_patience: The number of epochs without a better validation accuracy after which
            training stops; None for no early stopping.
        num_samples: The number of images to train on, for rehearsals; None for all.

    Raises:
        ValueError: If a value is out of range. The message names the field, the rule and the value.
    """

    epochs: int = 50
    batch_size: int = 100
    learning_rate: float = 0.001
    lr_decay: float = 0.9
    decoder_coefficient: float = 0.392
    augmentation: str = "none"
    validation_fraction: float = 0.1
    precision: str = "auto"
    early_stopping_patience: int | None = None
    num_samples: int | None = None

    def __post_init__(self) -> None:
        _check_int("epochs", self.epochs, 1)
        _check_int("batch_size", self.batch_size, 1)
        for name in ("learning_rate", "lr_decay", "decoder_coefficient", "validation_fraction"):
            _check_number(name, getattr(self, name))
        _check("learning_rate > 0", self.learning_rate > 0, self.learning_rate)
        _check("0 < lr_decay <= 1", 0 < self.lr_decay <= 1, self.lr_decay)
        _check("decoder_coefficient >= 0", self.decoder_coefficient >= 0, self.decoder_coefficient)
        _check("0 < validation_fraction < 1", 0 < self.validation_fraction < 1, self.validation_fraction)
        _check_choice("augmentation", self.augmentation, AUGMENTATIONS)
        _check_choice("precision", self.precision, PRECISIONS)
        for name in ("early_stopping_patience", "num_samples"):
            if getattr(self, name) is not None:
                _check_int(name, getattr(self, name), 1)


FROM_DATA = ("input_shape", "num_classes")  # properties of the data set, which are not hyperparameters
NETWORK_PARAMS = tuple(field.name for field in fields(CapsNetConfig) if field.name not in FROM_DATA)
TRAIN_PARAMS = tuple(field.name for field in fields(TrainConfig))


def configs_from_params(
    params: Mapping[str, Any], input_shape: tuple[int, int, int], num_classes: int
) -> tuple[CapsNetConfig, TrainConfig]:
    """Create the configurations of the network and of its training from the hyperparameters of a trial.

    Args:
        params: Fields of CapsNetConfig and TrainConfig by name, other than those in FROM_DATA.
        input_shape: The shape of the data set's images, (height, width, channels).
        num_classes: The number of classes of the data set.

    Returns:
        The configuration of the network and that of its training.

    Raises:
        ValueError: If a name is unknown or a value is out of range. The message lists the valid names, or
            names the field, the rule and the value.
    """
    unknown = sorted(set(params) - {*NETWORK_PARAMS, *TRAIN_PARAMS})
    if unknown:
        valid = ", ".join(sorted((*NETWORK_PARAMS, *TRAIN_PARAMS)))
        raise ValueError(f"unknown hyperparameters: {', '.join(unknown)}; valid names are: {valid}")
    network = {name: params[name] for name in NETWORK_PARAMS if name in params}
    training = {name: params[name] for name in TRAIN_PARAMS if name in params}
    return CapsNetConfig(input_shape, num_classes, **network), TrainConfig(**training)


def check(params: Mapping[str, Any]) -> None:
    """Check hyperparameters before a trial has them. A study names the function as `capsmodel.config:check`.

    The shape of the images is that of a data set that suits the network; `capsmodel.data.fetch` checks the
    data set itself.

    Args:
        params: As for `configs_from_params`.

    Raises:
        ValueError: As `configs_from_params` does.
    """
    configs_from_params(params, input_shape=(28, 28, 1), num_classes=10)


def _check(rule: str, holds: bool, value: object) -> None:
    if not holds:
        raise ValueError(f"`{rule}` must hold, but got {value!r}")


def _check_int(name: str, value: object, lowest: int) -> None:
    if type(value) is not int or value < lowest:
        raise ValueError(f"`{name}` must be a whole number of at least {lowest}, but got {value!r}")


def _check_number(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        raise ValueError(f"`{name}` must be a number, but got {value!r}")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}, but got {value!r}")


def _as_tuple(name: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"`{name}` must be a list of whole numbers, but got {value!r}")  # noqa: TRY004 - as for every param
    return tuple(value)
