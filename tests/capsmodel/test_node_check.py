import importlib
import re
from types import SimpleNamespace

import keras
import pytest

from capsmodel.node_check import ADVICE, BACKENDS, check_node

BACKEND = keras.backend.backend()
VERSION = importlib.import_module(BACKEND).__version__


@pytest.fixture
def set_num_gpus(monkeypatch):
    """Return a function that sets the number of GPUs that the backend reports."""

    def set_number(number):
        gpus = [SimpleNamespace(platform="gpu")] * number
        if BACKEND == "tensorflow":
            monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: gpus)
        elif BACKEND == "jax":
            monkeypatch.setattr("jax.devices", lambda: gpus or [SimpleNamespace(platform="cpu")])
        else:
            monkeypatch.setattr("torch.cuda.device_count", lambda: number)

    return set_number


@pytest.mark.parametrize(("visible", "shown"), [(0, "no GPU"), (1, "1 GPU"), (4, "4 GPUs")])
def test_check_node_reports_backend_and_visible_gpus(set_num_gpus, visible, shown):
    set_num_gpus(visible)
    assert check_node(0) == f"{BACKENDS[BACKEND]} {VERSION} sees {shown}"


def test_check_node_passes_if_requested_gpu_is_visible(set_num_gpus):
    set_num_gpus(1)
    assert check_node(1).endswith("sees 1 GPU")


def test_check_node_raises_with_advice_if_no_gpu_is_visible(set_num_gpus):
    set_num_gpus(0)
    expected = f"sees no GPU, but the job requests 2 GPUs; {ADVICE[BACKEND]}"
    with pytest.raises(RuntimeError, match=re.escape(expected)):
        check_node(2)


def test_advice_for_tensorflow_names_gpu_extra():
    assert ADVICE["tensorflow"] == "pip install 'capsweep[gpu]'"


def test_check_node_rejects_backend_that_cannot_train(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "openvino")
    with pytest.raises(RuntimeError, match=r"'openvino'.*KERAS_BACKEND to one of tensorflow, jax, torch"):
        check_node(0)
