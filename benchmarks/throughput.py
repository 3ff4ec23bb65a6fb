"""Measure images per second by batch size and by the number of training processes that share a GPU.

    KERAS_BACKEND=jax python -m benchmarks.throughput --batch-size 32 100 256 512 1024 --processes 1 2 4 8

Each line of the output is for one number of processes, which train side by side on the device for ten seconds
after all of them have compiled. Images and augmentation are on the device. A line shows the total rate of the
processes, and the fraction of the device's matrix product rate in the same format that they reach.
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
# Without these variables, the first process takes all of the device's memory.
SHARED_MEMORY = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


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
    for precision, batch_size, num_processes in itertools.product(
        PRECISIONS, arguments.batch_size, arguments.processes
    ):
        images, operations = total_rates(precision, batch_size, num_processes, arguments.steps)
        fraction = operations / rates[precision]
        print(f"{precision:14} {batch_size:6} {num_processes:10} {images:9.0f} {fraction:20.0%}", flush=True)


def total_rates(precision: str, batch_size: int, num_processes: int, steps: int) -> tuple[float, float]:
    """Measure the total rates of processes that train side by side.

    Args:
        precision: One of PRECISIONS.
        batch_size: The number of images in a batch.
        num_processes: The number of processes.
        steps: The number of steps in an epoch.

    Returns:
        The images per second, and the multiplications and additions per second, of all processes together.

    Raises:
        SystemExit: If a process ends before it is ready.
    """
    job = f"{precision} {batch_size}"
    command = [sys.executable, "-m", "benchmarks.throughput", "--alone", job, "--steps", str(steps)]
    options = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "env": os.environ | SHARED_MEMORY,
    }
    processes = [subprocess.Popen(command, **options) for _ in range(num_processes)]
    for process in processes:
        if process.stdout.readline() != "ready\n":
            raise SystemExit(
                f"one of {num_processes} processes with batch size {batch_size} ended before it was ready; "
                "if the device's memory is too small, reduce --processes or --batch-size"
            )
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].split() for process in processes]
    return sum(float(images) for images, _ in outputs), sum(float(operations) for _, operations in outputs)


def train_alone(precision: str, batch_size: str, steps: int) -> None:
    """Compile, wait for the other processes, train for SECONDS, and print the two rates of this process."""
    from benchmarks.training_step import make_steps, step_operations
    from capsmodel.config import CapsNetConfig

    run_steps = make_steps(precision, int(batch_size), steps)
    run_steps()
    print("ready", flush=True)
    sys.stdin.readline()
    started, num_done = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        run_steps()
        num_done += steps
    elapsed = time.perf_counter() - started
    operations = num_done * step_operations(CapsNetConfig(), int(batch_size))
    print(num_done * int(batch_size) / elapsed, operations / elapsed)


def product_rate_alone(precision: str) -> float:
    """Measure `product_rate` in a new process, so that this process does not use the device."""
    command = [sys.executable, "-m", "benchmarks.throughput", "--product", PRECISIONS[precision]]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(shown.splitlines()[-1])


def product_rate(dtype: str) -> float:
    """Measure the rate of the second convolution's matrix product, in operations per second.

    The operations are multiplications and additions.
    """
    from benchmarks.training_step import alternate, make_product, product_operations

    (step_time,) = alternate({dtype: make_product(dtype, PRODUCT_BATCH)}, 3).values()
    return product_operations(PRODUCT_BATCH) / step_time.wall_s


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--batch-size", type=int, nargs="+", default=[32, 100, 256, 512, 1024], help="The batch sizes."
    )
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1, 2, 4, 8], help="The numbers of processes."
    )
    parser.add_argument("--steps", type=int, default=50, help="The number of steps in an epoch.")
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # used by total_rates
    parser.add_argument("--product", help=argparse.SUPPRESS)  # used by product_rate_alone
    return parser.parse_args()


if __name__ == "__main__":
    main()
