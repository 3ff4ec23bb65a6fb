"""The training step, which computes metrics from image indices on the device."""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from capsmodel.network.losses import margin_loss, reconstruction_loss
from capsmodel.training.augmentation import augment


class CapsNetTrainer(keras.Model):
    """Train a capsule network on images that are stored on the device and addressed by their index.

    `fit` and `evaluate` receive indices instead of images, so a shuffled epoch is a permutation and a split
    is a set of indices. `capsmodel.training.batches.batched` splits the indices into batches.

    The metrics are means over the images: `margin_loss`, `reconstruction_loss`, `accuracy`, and `loss`,
    which is `margin_loss` + decoder_coefficient × `reconstruction_loss`. Images are reconstructed from the
    labelled capsule, also in validation. `fit` computes its metrics during the epoch, on augmented images
    and while the weights change.

    Args:
        network: A model that maps (images, labels) to lengths and reconstructions; see
            `capsmodel.network.model.CapsNet`.
        images: uint8, (num_images, height, width, channels).
        labels: Integers, (num_images,).
        decoder_coefficient: The weight of the reconstruction loss.
        augmentation: One of `capsmodel.config.AUGMENTATIONS`, applied in training only.
        seed: The seed of the augmentation.
    """

    def __init__(
        self,
        network: keras.Model,
        images: np.ndarray,
        labels: np.ndarray,
        decoder_coefficient: float,
        augmentation: str,
        seed: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.images = keras.Variable(images / np.float32(255), trainable=False, dtype="float32")
        self.labels = keras.Variable(labels, trainable=False, dtype="int32")
        self.decoder_coefficient = decoder_coefficient
        self.augmentation = augmentation
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.means = [keras.metrics.Mean(name) for name in ("margin_loss", "reconstruction_loss", "accuracy")]

    def call(self, indices: KerasTensor, training: bool = False) -> dict[str, KerasTensor]:
        """Compute the losses and the correctness of the prediction of each image, each (batch,)."""
        images = ops.take(self.images, indices, axis=0)
        labels = ops.take(self.labels, indices, axis=0)
        if training:
            images = augment(images, self.augmentation, self.seed_generator)
        lengths, reconstructions = self.network((images, labels), training=training)
        return {
            "margin_loss": margin_loss(labels, lengths),
            "reconstruction_loss": reconstruction_loss(images, reconstructions),
            "accuracy": ops.cast(ops.equal(ops.argmax(lengths, axis=-1), labels), "float32"),
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> KerasTensor:
        """Return the mean loss of a batch, a scalar, from the result of `call` in `y_pred`."""
        return ops.mean(y_pred["margin_loss"] + self.decoder_coefficient * y_pred["reconstruction_loss"])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the running means with the result of `call` in `y_pred`, and return them."""
        for mean in self.means:
            mean.update_state(y_pred[mean.name])
        return dict(self.get_metrics_result())

    @property
    def state(self) -> list[keras.Variable]:
        """All variables that training changes: weights, random state and the optimizer's variables."""
        return [*self.network.variables, self.seed_generator.state, *self.optimizer.variables]
