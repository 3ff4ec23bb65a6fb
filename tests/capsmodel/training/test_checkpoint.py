import logging

import numpy as np
import pytest

from capsmodel.training.checkpoint import load_checkpoint, save_checkpoint

ARRAYS = [np.arange(12, dtype="float32").reshape(3, 4), np.array(7, "int64"), np.zeros(0, "uint32")]
HISTORY = [{"val_accuracy": 0.1 + 0.2, "train_loss": 1 / 3}]


def test_checkpoint_is_loaded_bit_for_bit(tmp_path):
    save_checkpoint(tmp_path, HISTORY, ARRAYS)
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.history == HISTORY
    for expected, found in zip(ARRAYS, checkpoint.arrays, strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_load_returns_none_without_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path) is None


def test_save_keeps_two_checkpoints_and_load_returns_newest(tmp_path):
    for epoch in range(1, 13):
        save_checkpoint(tmp_path, HISTORY * epoch, ARRAYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-00011.npz", "epoch-00012.npz"]
    assert len(load_checkpoint(tmp_path).history) == 12


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data.replace(b"\x80?", b"\x80@")],
    ids=["truncated", "empty", "changed"],
)
def test_load_falls_back_to_previous_checkpoint_if_newest_is_damaged(tmp_path, caplog, damage):
    for epoch in (1, 2):
        save_checkpoint(tmp_path, HISTORY * epoch, ARRAYS)
    newest = tmp_path / "epoch-00002.npz"
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert len(load_checkpoint(tmp_path).history) == 1
    assert "epoch-00002.npz is damaged" in caplog.text


def test_load_ignores_interrupted_write(tmp_path):
    (tmp_path / "epoch-00001.tmp").write_bytes(b"half")
    assert load_checkpoint(tmp_path) is None
