import keras
import numpy as np
import pytest
from keras import ops

from capsmodel.network.losses import margin_loss, reconstruction_loss
from capsmodel.network.model import build_capsnet
from capsmodel.training.batches import batched
from capsmodel.training.trainer import CapsNetTrainer

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])


@pytest.fixture
def make_trainer(small_config, small_images):
    def make(augmentation="none"):
        keras.utils.set_random_seed(1)
        network = build_capsnet(small_config).training
        trainer = CapsNetTrainer(network, small_images, LABELS, 0.5, augmentation, seed=2)
        trainer.compile(keras.optimizers.Adam(0.01))
        trainer.optimizer.build(network.trainable_variables)
        return trainer

    return make


def test_metrics_are_means_over_images_if_last_batch_is_smaller(make_trainer, small_images):
    trainer = make_trainer()
    chosen = np.array([8, 1, 2, 4, 5, 7, 0])
    metrics = trainer.evaluate(batched(chosen, 4), verbose=0, return_dict=True)
    pixels, labels = ops.convert_to_tensor(small_images[chosen] / np.float32(255)), LABELS[chosen]
    lengths, reconstructions = trainer.network((pixels, ops.convert_to_tensor(labels)))
    margin = ops.convert_to_numpy(margin_loss(labels, lengths)).mean()
    reconstruction = ops.convert_to_numpy(reconstruction_loss(pixels, reconstructions)).mean()
    assert metrics["margin_loss"] == pytest.approx(margin, rel=1e-5)
    assert metrics["reconstruction_loss"] == pytest.approx(reconstruction, rel=1e-5)
    assert metrics["loss"] == pytest.approx(margin + 0.5 * reconstruction, rel=1e-5)
    longest = ops.convert_to_numpy(ops.argmax(lengths, axis=1))
    assert metrics["accuracy"] == pytest.approx((longest == labels).mean())


def test_training_changes_state_but_not_images(make_trainer, small_images):
    trainer = make_trainer("shift+cutout")
    before = [np.asarray(variable).copy() for variable in trainer.state]
    trainer.fit(batched(np.arange(9), 4), shuffle=False, verbose=0)
    after = [np.asarray(variable).copy() for variable in trainer.state]
    names = [variable.path for variable in trainer.state]
    unchanged = {name for name, old, new in zip(names, before, after, strict=True) if (old == new).all()}
    assert {name.rsplit("/", 1)[-1] for name in unchanged} <= {"learning_rate"}
    np.testing.assert_array_equal(np.asarray(trainer.images), small_images / np.float32(255))
    assert sum(weight.shape == trainer.images.shape for weight in trainer.state) == 0


def test_augmentation_is_applied_only_in_training(make_trainer):
    plain, augmented = make_trainer("none"), make_trainer("shift+cutout")
    for training in (False, True):
        losses = [
            ops.convert_to_numpy(trainer(np.arange(9), training=training)["reconstruction_loss"])
            for trainer in (plain, augmented)
        ]
        assert np.array_equal(*losses) is not training


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="PyTorch calls the step every time instead of tracing it"
)
def test_training_step_is_traced_only_in_first_epoch(make_trainer, monkeypatch):
    traces = []
    call = CapsNetTrainer.call

    def counted_call(self, indices, training=False):
        traces.append(training)
        return call(self, indices, training=training)

    monkeypatch.setattr(CapsNetTrainer, "call", counted_call)
    trainer = make_trainer("shift")
    counts = []
    for epoch in range(3):
        order = np.random.default_rng(epoch).permutation(9)
        trainer.fit(batched(order, 4), shuffle=False, verbose=0)
        trainer.evaluate(batched(order, 4), verbose=0)
        counts.append(len(traces))
    assert counts[0] == counts[1] == counts[2]
