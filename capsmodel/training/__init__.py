"""Training: batches, augmentation, the training step, epochs, checkpoints, and images of the result."""
