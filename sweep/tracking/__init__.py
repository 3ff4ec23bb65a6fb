"""Copies of a study's trials for TensorBoard and MLflow, written from the database."""
