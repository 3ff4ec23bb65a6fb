import pytest

from capsmodel.training import precision
from capsmodel.training.precision import Precision, bfloat16_speedup, choose_precision


@pytest.fixture
def speedup(monkeypatch):
    def set_speedup(value):
        monkeypatch.setattr(precision, "bfloat16_speedup", lambda: value)

    return set_speedup


@pytest.mark.parametrize(
    ("measured", "policy"),
    [(0.1, "float32"), (1.2, "float32"), (1.3, "mixed_bfloat16"), (8.0, "mixed_bfloat16")],
)
def test_auto_selects_bfloat16_if_it_is_sufficiently_faster(tmp_path, speedup, measured, policy):
    speedup(measured)
    chosen = choose_precision("auto", tmp_path)
    assert chosen.policy == policy
    assert f"{measured:.2f} times" in chosen.reason


def test_resumed_trial_keeps_its_precision_on_another_machine(tmp_path, speedup):
    speedup(2.0)
    choose_precision("auto", tmp_path)
    speedup(0.5)
    assert choose_precision("auto", tmp_path) == Precision("mixed_bfloat16", "chosen when the trial started")
    assert [path.name for path in tmp_path.iterdir()] == ["precision.txt"]


def test_explicit_precision_is_used_without_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_speedup", None)
    assert choose_precision("float32", tmp_path) == Precision("float32", "set in the study")
    assert not list(tmp_path.iterdir())


def test_bfloat16_speedup_is_measured_once(monkeypatch):
    bfloat16_speedup.cache_clear()
    monkeypatch.setattr(precision, "SIDE", 64)
    measured = bfloat16_speedup()
    assert measured > 0
    monkeypatch.setattr(precision, "ops", None)
    assert bfloat16_speedup() == measured
    bfloat16_speedup.cache_clear()
