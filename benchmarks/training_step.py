"""Compare the speed of a training step with that of the baseline (see baseline.py).

    python -m benchmarks.training_step

The baseline is the student project that this project grew out of. Its step and the steps of this project's
network in float32 and in bfloat16 are measured alternately in one process. A step includes everything from
the images to the changed weights, with the implementation's own augmentation. The output also shows which
fraction of the matrix product rate of this machine each step reaches, and the peak memory of a process that
runs only this step.
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from benchmarks.baseline import augmented_batches, build_baseline_model, read_ahead
from capsmodel.config import KERNEL_SIZE, PRIMARY_STRIDE, CapsNetConfig
from capsmodel.network.model import build_capsnet
from capsmodel.training.batches import batched
from capsmodel.training.trainer import CapsNetTrainer

BASELINE = "baseline"
IMPLEMENTATIONS = (BASELINE, "float32", "mixed_bfloat16")
STEPS = 3  # the number of steps in one round of an implementation
DECODER_COEFFICIENT = 0.392
PRODUCT_ROWS, PRODUCT_INNER, PRODUCT_COLUMNS = 36, 81 * 256, 256  # the second convolution, for one image


class StepTime(NamedTuple):
    """The duration of a step.

    Attributes:
        wall_s: The elapsed time, in seconds.
        core_s: The CPU time of all threads together, in seconds. Other load on the machine hardly affects it.
    """

    wall_s: float
    core_s: float


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        make_steps(arguments.alone, arguments.batch_size)()
        print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
        return
    batch_size = arguments.batch_size
    print(f"keras {keras.__version__} on {keras.backend.backend()}, {ops.convert_to_tensor(0.0).device}")
    steps = {name: make_steps(name, batch_size) for name in IMPLEMENTATIONS}
    dtypes = ("float32", "bfloat16")
    products = {f"product in {dtype}": make_product(dtype, batch_size) for dtype in dtypes}
    times = alternate({**steps, **products}, arguments.rounds)
    rates = {dtype: product_operations(batch_size) / times[f"product in {dtype}"].wall_s for dtype in dtypes}
    for dtype, rate in rates.items():
        print(f"matrix product in {dtype}: {rate / 1e9:,.0f} Gflop/s")
    operations = step_operations(CapsNetConfig(), batch_size)
    print(
        f"{'batch ' + str(batch_size):16} s/step  core s/step  times as fast  of the product rate  peak GiB"
    )
    for name in IMPLEMENTATIONS:
        gain = times[BASELINE].wall_s / times[name].wall_s
        rate = rates["bfloat16" if name == "mixed_bfloat16" else "float32"]
        fraction = operations / times[name].wall_s / rate
        print(
            f"{name:16} {times[name].wall_s:6.3f} {times[name].core_s:12.3f} {gain:14.2f} {fraction:20.0%} "
            f"{peak_gib(name, batch_size):9.1f}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, default=100, help="The number of images in a batch.")
    parser.add_argument(
        "--rounds",
        type=int,
        default=7,
        help=f"The number of rounds of {STEPS} steps for each implementation.",
    )
    parser.add_argument("--alone", choices=IMPLEMENTATIONS, help=argparse.SUPPRESS)  # used by peak_gib
    return parser.parse_args()


def make_steps(implementation: str, batch_size: int, steps: int = STEPS) -> Callable[[], None]:
    """Return a function without arguments that runs training steps of one implementation.

    Args:
        implementation: One of IMPLEMENTATIONS.
        batch_size: The number of images in a batch.
        steps: The number of steps that the function runs.
    """
    if implementation == BASELINE:
        config = CapsNetConfig()
        images, labels = make_images(config, steps * batch_size)
        model = build_baseline_model(config, batch_size, DECODER_COEFFICIENT)
        batches = augmented_batches(images / np.float32(255), labels, config.num_classes, batch_size, seed=0)
        batches = read_ahead(batches, model)
        return lambda: model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    trainer = make_trainer(implementation, steps * batch_size)
    indices = batched(np.arange(steps * batch_size), batch_size)
    return lambda: trainer.fit(indices, shuffle=False, verbose=0)


def make_trainer(precision: str, num_images: int) -> CapsNetTrainer:
    """Build a compiled trainer of the paper's network on images of noise.

    Args:
        precision: A Keras dtype policy, "float32" or "mixed_bfloat16".
        num_images: The number of images.
    """
    config = CapsNetConfig()
    network = build_capsnet(config, precision).training
    images, labels = make_images(config, num_images)
    trainer = CapsNetTrainer(network, images, labels, DECODER_COEFFICIENT, "shift+cutout", seed=0)
    trainer.compile(keras.optimizers.Adam())
    return trainer


def make_images(config: CapsNetConfig, num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Generate images of noise, uint8 (num_images, height, width, channels), and labels, (num_images,)."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (num_images, *config.input_shape), dtype=np.uint8)
    return images, generator.integers(0, config.num_classes, num_images)


def make_product(dtype: str, batch_size: int) -> Callable[[], None]:
    """Return a function that computes STEPS matrix products of the size of the second convolution."""
    left = ops.cast(keras.random.normal((batch_size * PRODUCT_ROWS, PRODUCT_INNER)), dtype)
    right = ops.cast(keras.random.normal((PRODUCT_INNER, PRODUCT_COLUMNS)), dtype)

    def multiply() -> None:
        for _ in range(STEPS):
            # The conversion to NumPy waits for the result.
            ops.convert_to_numpy(ops.cast(ops.matmul(left, right)[0, 0], "float32"))

    return multiply


def product_operations(batch_size: int) -> float:
    """Return the number of multiplications and additions of one matrix product of `make_product`."""
    return 2.0 * batch_size * PRODUCT_ROWS * PRODUCT_INNER * PRODUCT_COLUMNS


def alternate(functions: dict[str, Callable[[], None]], num_rounds: int) -> dict[str, StepTime]:
    """Measure functions alternately, each of which runs STEPS steps.

    Args:
        functions: The functions, by name.
        num_rounds: How many times each function is measured, after one call that compiles it.

    Returns:
        The median duration of one step of each function, by name.
    """
    times: dict[str, list[StepTime]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(num_rounds):
        for name, function in functions.items():
            wall, core = time.perf_counter(), time.process_time()
            function()
            wall, core = time.perf_counter() - wall, time.process_time() - core
            times[name].append(StepTime(wall / STEPS, core / STEPS))
    return {name: StepTime(*map(statistics.median, zip(*each, strict=True))) for name, each in times.items()}


def step_operations(config: CapsNetConfig, batch_size: int) -> float:
    """Return the number of multiplications and additions in the matrix products of one training step.

    Each product of the forward pass leads to two products of its size in the backward pass. The first
    convolution leads to only one, because the gradient with respect to the images is not needed.
    """
    height, width, channels = config.input_shape
    rows, columns = height - KERNEL_SIZE + 1, width - KERNEL_SIZE + 1
    first = 2 * rows * columns * KERNEL_SIZE**2 * channels * config.conv_filters
    positions = ((rows - KERNEL_SIZE) // PRIMARY_STRIDE + 1) * ((columns - KERNEL_SIZE) // PRIMARY_STRIDE + 1)
    features = config.primary_channels * config.primary_capsule_dim
    second = 2 * positions * KERNEL_SIZE**2 * config.conv_filters * features
    votes = 2 * positions * features * config.num_classes * config.class_capsule_dim
    routing = (2 * config.routing_iterations - 1) * votes
    widths = [
        config.num_classes * config.class_capsule_dim,
        *config.decoder_widths,
        height * width * channels,
    ]
    decoder = sum(2 * width * following for width, following in pairwise(widths))
    return float(batch_size * (2 * first + 3 * (second + routing + decoder)))


def peak_gib(implementation: str, batch_size: int) -> float:
    """Measure the peak resident host memory of a process that runs one round, in GiB."""
    command = [sys.executable, "-m", "benchmarks.training_step"]
    command += ["--alone", implementation, "--batch-size", str(batch_size)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(shown.splitlines()[-1]) / 2**20


if __name__ == "__main__":
    main()
