"""Measure how much time an epoch takes with a bare array and with `batched`.

    python -m benchmarks.epoch_end

The benchmark trains the paper's network for short epochs of several lengths. The indices of the images are
passed alternately as a bare array and through `capsmodel.training.batches.batched`. TensorFlow tunes how it
reads a bare array in a thread that sleeps for 0.01 s, 0.02 s, 0.04 s and so on. The end of an epoch should
wake this thread. If it does not, the epoch waits until the thread wakes up by itself.
"""

import argparse
import statistics
import time

import keras
import numpy as np

from benchmarks.training_step import make_trainer
from capsmodel.training.batches import batched


def main() -> None:
    arguments = _arguments()
    batch_size = arguments.batch_size
    trainer = make_trainer(arguments.precision, batch_size)
    fits = {
        "bare": lambda indices: trainer.fit(indices, batch_size=batch_size, shuffle=False, verbose=0),
        "batched": lambda indices: trainer.fit(batched(indices, batch_size), shuffle=False, verbose=0),
    }
    print(
        f"keras {keras.__version__} on {keras.backend.backend()}, batch {batch_size}, {arguments.precision}"
    )
    print("seconds per epoch: median and maximum")
    print("steps       bare array          batched   ratio of the means")
    for steps in arguments.steps:
        indices = np.tile(np.arange(batch_size), steps)
        times: dict[str, list[float]] = {name: [] for name in fits}
        for epoch in range(arguments.epochs + 1):
            for name, fit in fits.items():
                started = time.perf_counter()
                fit(indices)
                if epoch:  # the first epoch compiles
                    times[name].append(time.perf_counter() - started)
        shown = [f"{statistics.median(seconds):8.2f} {max(seconds):7.2f}" for seconds in times.values()]
        ratio = statistics.mean(times["bare"]) / statistics.mean(times["batched"])
        print(f"{steps:5} {shown[0]} {shown[1]} {ratio:12.2f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, default=32, help="The number of images in a batch.")
    parser.add_argument("--precision", default="mixed_bfloat16", help="The dtype policy of the network.")
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[2, 4, 8, 16], help="The lengths of an epoch, in steps."
    )
    parser.add_argument(
        "--epochs", type=int, default=9, help="The number of epochs of each length with each kind of input."
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
