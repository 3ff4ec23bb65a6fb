"""Train a capsule network: batches, augmentation, the training step, epochs, checkpoints and pictures."""
