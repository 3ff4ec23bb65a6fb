"""Images a second against batch size, and by how many trainings a GPU is shared best.

    KERAS_BACKEND=jax python benchmarks/throughput.py --batch-size 32 100 256 512 1024 --packed 1 2 4 8

Each line is a number of processes that train side by side on the device for some seconds, from when all have
compiled. Images and augmentation are on the device. Beside the total: what part of the device's rate of
matrix products in that format it reaches.
"""

import argparse
import itertools
import os
import subprocess
import sys
import time

SECONDS = 10.0
PRODUCT_BATCH = 512  # large enough to occupy a GPU
PRECISIONS = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
GROWING = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # memory, to share


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        train_alone(*arguments.alone.split(), arguments.steps)
        return
    if arguments.product:
        print(product_rate(arguments.product))
        return
    rates = {precision: product_rate_alone(precision) for precision in PRECISIONS}
    for precision, rate in rates.items():
        print(f"matrix product in {PRECISIONS[precision]}: {rate / 1e12:.2f} Tflop/s")
    print("precision       batch  processes  images/s  of the product rate")
    for precision, batch_size, number in itertools.product(
        PRECISIONS, arguments.batch_size, arguments.packed
    ):
        images, operations = together(precision, batch_size, number, arguments.steps)
        fraction = operations / rates[precision]
        print(f"{precision:14} {batch_size:6} {number:10} {images:9.0f} {fraction:20.0%}", flush=True)


def together(precision: str, batch_size: int, number: int, steps: int) -> tuple[float, float]:
    """Images, and multiplications and additions, a second of so many processes together."""
    job = f"{precision} {batch_size}"
    command = [sys.executable, __file__, "--alone", job, "--steps", str(steps)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": os.environ | GROWING}
    processes = [subprocess.Popen(command, **pipes) for _ in range(number)]
    for process in processes:
        if process.stdout.readline() != "ready\n":
            raise SystemExit(f"a process of {number} with batch {batch_size} ended early: too little memory?")
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[0].split() for process in processes]
    return sum(float(images) for images, _ in told), sum(float(operations) for _, operations in told)


def train_alone(precision: str, batch_size: str, steps: int) -> None:
    """One of the processes: compiles, waits for the others, and prints what it did a second."""
    from training_step import make_turn, step_operations

    from capsmodel.config import CapsNetConfig

    turn = make_turn(precision, int(batch_size), steps)
    turn()
    print("ready", flush=True)
    sys.stdin.readline()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        turn()
        done += steps
    elapsed = time.perf_counter() - started
    print(
        done * int(batch_size) / elapsed, done * step_operations(CapsNetConfig(), int(batch_size)) / elapsed
    )


def product_rate_alone(precision: str) -> float:
    """`product_rate` in a process of its own: this one keeps off the device."""
    command = [sys.executable, __file__, "--product", PRECISIONS[precision]]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(shown.splitlines()[-1])


def product_rate(dtype: str) -> float:
    """Multiplications and additions a second of the second convolution's matrix product."""
    from training_step import alternate, make_product, product_operations

    (taken,) = alternate({dtype: make_product(dtype, PRODUCT_BATCH)}, 3).values()
    return product_operations(PRODUCT_BATCH) / taken.wall


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32, 100, 256, 512, 1024])
    parser.add_argument("--packed", type=int, nargs="+", default=[1, 2, 4, 8], help="processes side by side")
    parser.add_argument("--steps", type=int, default=50, help="of one epoch")
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # one of the processes
    parser.add_argument("--product", help=argparse.SUPPRESS)  # for product_rate_alone
    return parser.parse_args()


if __name__ == "__main__":
    main()
