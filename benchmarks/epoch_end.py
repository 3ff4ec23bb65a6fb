"""How long the end of an epoch waits when Keras is handed bare arrays, against `capsmodel.batches.batched`.

    python benchmarks/epoch_end.py

Short epochs of the paper's network, of several lengths, are trained from indices handed over both ways in
turns. Under TensorFlow the tuner of bare arrays sleeps 0.01 s, 0.02 s, 0.04 s …; the end of an epoch should
wake it, and where it does not waits for it to wake by itself.
"""

import argparse
import statistics
import time

import keras
import numpy as np
from training_step import make_trainer

from capsmodel.batches import batched


def main() -> None:
    arguments = _arguments()
    batch_size = arguments.batch_size
    trainer = make_trainer(arguments.precision, batch_size)
    ways = {
        "bare": lambda indices: trainer.fit(indices, batch_size=batch_size, shuffle=False, verbose=0),
        "batched": lambda indices: trainer.fit(batched(indices, batch_size), shuffle=False, verbose=0),
    }
    print(
        f"keras {keras.__version__} on {keras.backend.backend()}, batch {batch_size}, {arguments.precision}"
    )
    print("seconds of an epoch: median and longest")
    print("steps      bare arrays          batched   ratio of the means")
    for steps in arguments.steps:
        indices = np.tile(np.arange(batch_size), steps)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for epoch in range(arguments.epochs + 1):
            for name, fit in ways.items():
                started = time.perf_counter()
                fit(indices)
                if epoch:  # the first compiles
                    taken[name].append(time.perf_counter() - started)
        shown = [f"{statistics.median(seconds):8.2f} {max(seconds):7.2f}" for seconds in taken.values()]
        ratio = statistics.mean(taken["bare"]) / statistics.mean(taken["batched"])
        print(f"{steps:5} {shown[0]} {shown[1]} {ratio:12.2f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--steps", type=int, nargs="+", default=[2, 4, 8, 16], help="of an epoch")
    parser.add_argument("--epochs", type=int, default=9, help="of each length, each way")
    return parser.parse_args()


if __name__ == "__main__":
    main()
