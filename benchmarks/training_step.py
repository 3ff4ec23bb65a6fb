"""How fast a training step is, against the way the starting work computes it.

    python benchmarks/training_step.py

Our step in float32 and in bfloat16 and the starting work's (starting_work.py) take turns in one process, each
from images to changed weights with its own augmentation. Beside the times: what part of this machine's matrix
product rate each step reaches, and the peak memory of a process that does nothing else.
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
from starting_work import augmented_batches, build_starting_model, read_ahead

from capsmodel.batches import batched
from capsmodel.config import KERNEL_SIZE, PRIMARY_STRIDE, CapsNetConfig
from capsmodel.model import build_capsnet
from capsmodel.trainer import CapsNetTrainer

WAYS = ("starting work", "float32", "mixed_bfloat16")
STEPS = 3  # in one turn of a way
DECODER_COEFFICIENT = 0.392
PRODUCT_ROWS, PRODUCT_INNER, PRODUCT_COLUMNS = 36, 81 * 256, 256  # the second convolution's, an image


class Seconds(NamedTuple):
    """What a step takes."""

    wall: float
    cores: float  # of all threads together: hardly changed by what else the machine does


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        make_turn(arguments.alone, arguments.batch_size)()
        print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
        return
    batch_size = arguments.batch_size
    print(f"keras {keras.__version__} on {keras.backend.backend()}, {ops.convert_to_tensor(0.0).device}")
    turns = {way: make_turn(way, batch_size) for way in WAYS}
    dtypes = ("float32", "bfloat16")
    products = {f"product in {dtype}": make_product(dtype, batch_size) for dtype in dtypes}
    taken = alternate({**turns, **products}, arguments.turns)
    rates = {dtype: product_operations(batch_size) / taken[f"product in {dtype}"].wall for dtype in dtypes}
    for dtype, rate in rates.items():
        print(f"matrix product in {dtype}: {rate / 1e9:,.0f} Gflop/s")
    operations = step_operations(CapsNetConfig(), batch_size)
    print(
        f"{'batch ' + str(batch_size):16} s/step  core s/step  times as fast  of the product rate  peak GiB"
    )
    for way in WAYS:
        gain = taken[WAYS[0]].wall / taken[way].wall
        rate = rates["bfloat16" if way == "mixed_bfloat16" else "float32"]
        fraction = operations / taken[way].wall / rate
        print(
            f"{way:16} {taken[way].wall:6.3f} {taken[way].cores:12.3f} {gain:14.2f} {fraction:20.0%} "
            f"{peak_gib(way, batch_size):9.1f}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--turns", type=int, default=7, help=f"of {STEPS} steps, for each way")
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)  # for peak_gib
    return parser.parse_args()


def make_turn(way: str, batch_size: int, steps: int = STEPS) -> Callable[[], None]:
    """A function of no arguments that takes so many training steps in this way."""
    if way == "starting work":
        config = CapsNetConfig()
        images, labels = make_images(config, steps * batch_size)
        model = build_starting_model(config, batch_size, DECODER_COEFFICIENT)
        batches = augmented_batches(images / np.float32(255), labels, config.num_classes, batch_size, seed=0)
        batches = read_ahead(batches, model)
        return lambda: model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    trainer = make_trainer(way, steps * batch_size)
    indices = batched(np.arange(steps * batch_size), batch_size)
    return lambda: trainer.fit(indices, shuffle=False, verbose=0)


def make_trainer(precision: str, num_images: int) -> CapsNetTrainer:
    """Ours, compiled, on so many images of noise."""
    config = CapsNetConfig()
    network = build_capsnet(config, precision).training
    images, labels = make_images(config, num_images)
    trainer = CapsNetTrainer(network, images, labels, DECODER_COEFFICIENT, "shift+cutout", seed=0)
    trainer.compile(keras.optimizers.Adam())
    return trainer


def make_images(config: CapsNetConfig, num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise and labels: uint8, (num_images, height, width, channels), and whole numbers, (num_images,)."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (num_images, *config.input_shape), dtype=np.uint8)
    return images, generator.integers(0, config.num_classes, num_images)


def make_product(dtype: str, batch_size: int) -> Callable[[], None]:
    """A function that takes STEPS matrix products of the sizes of the second convolution."""
    left = ops.cast(keras.random.normal((batch_size * PRODUCT_ROWS, PRODUCT_INNER)), dtype)
    right = ops.cast(keras.random.normal((PRODUCT_INNER, PRODUCT_COLUMNS)), dtype)

    def turn() -> None:
        for _ in range(STEPS):
            ops.convert_to_numpy(ops.cast(ops.matmul(left, right)[0, 0], "float32"))  # waits for it

    return turn


def product_operations(batch_size: int) -> float:
    return 2.0 * batch_size * PRODUCT_ROWS * PRODUCT_INNER * PRODUCT_COLUMNS


def alternate(turns: dict[str, Callable[[], None]], number: int) -> dict[str, Seconds]:
    """Of one step, the median over this many turns of each, after one that compiles."""
    taken: dict[str, list[Seconds]] = {name: [] for name in turns}
    for turn in turns.values():
        turn()
    for _ in range(number):
        for name, turn in turns.items():
            wall, cores = time.perf_counter(), time.process_time()
            turn()
            wall, cores = time.perf_counter() - wall, time.process_time() - cores
            taken[name].append(Seconds(wall / STEPS, cores / STEPS))
    return {name: Seconds(*map(statistics.median, zip(*times, strict=True))) for name, times in taken.items()}


def step_operations(config: CapsNetConfig, batch_size: int) -> float:
    """Multiplications and additions in the matrix products of one training step.

    Each product of the forward pass has two of its size in the backward pass; the first convolution has
    one, since nobody asks for the gradient of the images.
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


def peak_gib(way: str, batch_size: int) -> float:
    """Peak resident memory of the host, GiB, of a process that takes one turn of this way."""
    command = [sys.executable, __file__, "--alone", way, "--batch-size", str(batch_size)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(shown.splitlines()[-1]) / 2**20


if __name__ == "__main__":
    main()
