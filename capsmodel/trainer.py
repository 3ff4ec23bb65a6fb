"""The training step: images by index, augmentation, network, losses and metrics, all on the device."""

import keras
import numpy as np
from keras import ops

from capsmodel.augment import augment
from capsmodel.losses import margin_loss, reconstruction_loss


class CapsNetTrainer(keras.Model):
    """Trains a capsule network on images that live on the device and are named by their index.

    `fit` and `evaluate` take indices where a Keras model takes images, so a shuffled epoch is a
    permutation and a split is a set of indices; `batches.batched` hands them over.

    Its metrics are means over the images: `loss` = `margin_loss` + decoder_coefficient ×
    `reconstruction_loss` (from the labelled capsule, in validation too) and `accuracy`. Those of `fit`
    run along with the epoch: on augmented images, by weights that still change.

    Args:
        network: (images, labels) -> lengths, reconstructions; see `model.CapsNet.training`.
        images: uint8, (num_images, height, width, channels).
        labels: whole numbers, (num_images,).
        decoder_coefficient: weight of the reconstruction loss.
        augmentation: one of `config.AUGMENTATIONS`; in training only.
        seed: of the augmentation.
    """

    def __init__(self, network, images, labels, decoder_coefficient, augmentation, seed):
        super().__init__()
        self.network = network
        self.images = keras.Variable(images / np.float32(255), trainable=False, dtype="float32")
        self.labels = keras.Variable(labels, trainable=False, dtype="int32")
        self.decoder_coefficient = decoder_coefficient
        self.augmentation = augmentation
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.means = [keras.metrics.Mean(name) for name in ("margin_loss", "reconstruction_loss", "accuracy")]

    def call(self, indices, training=False):
        images = ops.take(self.images, indices, axis=0)
        labels = ops.take(self.labels, indices, axis=0)
        if training:
            images = augment(images, self.augmentation, self.seed_generator)
        lengths, reconstructions = self.network((images, labels), training=training)
        return {
            "margin_loss": margin_loss(labels, lengths),
            "reconstruction_loss": reconstruction_loss(images, reconstructions),
            "accuracy": ops.cast(ops.equal(ops.argmax(lengths, axis=-1), labels), "float32"),
        }  # each (batch,)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred["margin_loss"] + self.decoder_coefficient * y_pred["reconstruction_loss"])

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        for mean in self.means:
            mean.update_state(y_pred[mean.name])
        return self.get_metrics_result()

    @property
    def state(self):
        """All that training changes: weights, optimizer, random state. The images are not among it."""
        return [*self.network.variables, self.seed_generator.state, *self.optimizer.variables]
