"""Check that trials can run on a node. `sweep doctor` calls the check on the node itself."""

import importlib

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
ADVICE = {
    "tensorflow": "pip install 'capsweep[gpu]'",
    "jax": "pip install 'jax[cuda12]'",
    "torch": "install a build of PyTorch for this node's GPU",
}


def check_node(num_gpus: int) -> str:
    """Start the Keras backend and count the GPUs that it sees.

    Args:
        num_gpus: The number of GPUs that a job of the study requests.

    Returns:
        A description of the backend and its GPUs, such as "TensorFlow 2.21.0 sees 1 GPU".

    Raises:
        RuntimeError: If the job requests a GPU and the backend sees none, or the backend cannot train.
    """
    import keras  # imported here because it starts the backend, which takes seconds

    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise RuntimeError(
            f"the Keras backend is {backend!r}, which cannot train the network; "
            f"set KERAS_BACKEND to one of {', '.join(BACKENDS)}"
        )
    keras.ops.convert_to_numpy(keras.ops.ones(()))  # raises if the device cannot be used
    num_visible = _num_visible_gpus(backend)
    found = f"{BACKENDS[backend]} {importlib.import_module(backend).__version__} sees {_shown(num_visible)}"
    if num_gpus > 0 and num_visible == 0:
        raise RuntimeError(f"{found}, but the job requests {_shown(num_gpus)}; {ADVICE[backend]}")
    return found


def _num_visible_gpus(backend: str) -> int:
    if backend == "tensorflow":
        import tensorflow

        return len(tensorflow.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        return sum(device.platform != "cpu" for device in jax.devices())
    import torch

    return int(torch.cuda.device_count())


def _shown(num_gpus: int) -> str:
    if num_gpus == 0:
        return "no GPU"
    return f"{num_gpus} GPU" if num_gpus == 1 else f"{num_gpus} GPUs"
