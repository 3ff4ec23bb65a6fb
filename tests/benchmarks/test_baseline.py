import numpy as np
from keras import ops

from benchmarks.baseline import augmented_batches, build_baseline_model
from capsmodel.config import CapsNetConfig
from tests.capsmodel import paper

CONFIG = CapsNetConfig(
    input_shape=(17, 20, 1),
    num_classes=3,
    conv_filters=4,
    primary_channels=2,
    primary_capsule_dim=3,
    class_capsule_dim=5,
    decoder_widths=(6,),
)


def test_baseline_model_equals_paper_equations():
    generator = np.random.default_rng(0)
    images, labels = generator.random((4, *CONFIG.input_shape)), np.array([2, 0, 1, 1])
    model = build_baseline_model(CONFIG, batch_size=4, decoder_coefficient=0.392)
    weights = [generator.normal(0, 0.2, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    outputs = model([ops.convert_to_tensor(images, "float32"), ops.one_hot(labels, 3)])
    # Reorder the axes from (classes, capsules, class_capsule_dim, capsule_dim) to those of the reference.
    weights[4] = weights[4].transpose(0, 3, 1, 2)
    expected = paper.forward(weights, images, labels, routing_iterations=3, decoder_coefficient=0.392)
    for output, wanted in zip(outputs, expected, strict=False):
        np.testing.assert_allclose(ops.convert_to_numpy(output), wanted, rtol=1e-3, atol=1e-5)


def test_baseline_batches_are_shifted_and_masked():
    images = np.ones((8, 28, 28, 1), "float32")
    (batch, present), (_, target) = next(augmented_batches(images, np.arange(8), 8, batch_size=5, seed=0))
    assert batch.shape == (5, 28, 28, 1)
    assert present.shape == (5, 8)
    np.testing.assert_array_equal(target, batch)
    for image in batch:
        assert 36 <= (image == 0).sum() <= 36 + 28 * 28 - 25 * 25
