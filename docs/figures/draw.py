"""Draw the figures of docs/capsnet/capsules.md.

    pip install '.[figures]'
    python docs/figures/draw.py

The labels are symbols only, so that the page uses the same figures in every language.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from capsmodel.network.losses import ABSENT, PRESENT, margin_loss
from capsmodel.network.routing import squash
from capsmodel.standalone_trial import StandaloneTrial
from capsmodel.train import train

HERE = Path(__file__).parent
BLUE, ORANGE = "#0b6e99", "#c4541a"
PARAMS = {
    "conv_filters": 32,
    "primary_channels": 8,
    "batch_size": 32,
    "epochs": 12,
    "decoder_coefficient": 1.0,
}


def main() -> None:
    draw_equations(HERE / "equations.svg")
    draw_routing(HERE / "routing.svg")
    with tempfile.TemporaryDirectory() as folder:
        train(PARAMS, StandaloneTrial(Path(folder)))
        for name in ("reconstructions.png", "perturbations.png"):
            (HERE / name).write_bytes((Path(folder) / name).read_bytes())


def draw_equations(path: Path) -> None:
    """Draw the length after squash, and the margin loss, both as functions of a length."""
    figure, (squashed, loss) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    lengths = np.linspace(0, 4, 200, dtype="float32")
    squashed.plot(lengths, ops.convert_to_numpy(squash(lengths[:, None]))[:, 0], color=BLUE)
    squashed.axhline(1, color="grey", linewidth=0.8, linestyle=":")
    squashed.set(xlabel="$|s|$", ylabel="$|v|$", xlim=(0, 4), ylim=(0, 1.05))
    lengths = np.linspace(0, 1, 200, dtype="float32")
    for label, colour, name in ((0, BLUE, "$T=1$"), (1, ORANGE, "$T=0$")):
        others = np.full_like(lengths, PRESENT if label else ABSENT)  # these have no loss
        values = margin_loss(np.full(200, label), np.stack([lengths, others], axis=1))
        loss.plot(lengths, ops.convert_to_numpy(values), color=colour, label=name)
    for margin, name in ((ABSENT, "$m^-$"), (PRESENT, "$m^+$")):
        loss.axvline(margin, color="grey", linewidth=0.8, linestyle=":")
        loss.text(margin, 0.72, name, ha="center")
    loss.set(xlabel="$|v|$", ylabel="$L$", xlim=(0, 1), ylim=(0, 0.85))
    loss.legend(frameon=False, loc="upper center", ncols=2)
    figure.savefig(path, metadata={"Date": None})


def draw_routing(path: Path) -> None:
    """Draw votes in the plane for two classes at three iterations.

    The size of a dot shows its coupling coefficient.
    """
    generator = np.random.default_rng(4)
    angles = np.arange(8) * np.pi / 4
    agreeing = np.array([0.4, 0.3]) + generator.normal(0, 0.08, (8, 2))
    scattered = 0.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + generator.normal(0, 0.2, (8, 2))
    votes = np.stack([agreeing, scattered], axis=1)  # (capsules, classes, 2)
    logits = np.zeros((8, 2))
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained", sharex=True, sharey=True)
    for iteration, panel in enumerate(panels, start=1):
        coupling = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        class_capsules = ops.convert_to_numpy(squash((coupling[:, :, None] * votes).sum(axis=0)))
        for label, colour in enumerate((BLUE, ORANGE)):
            panel.scatter(
                *votes[:, label].T, s=220 * coupling[:, label] ** 2, color=colour, alpha=0.45, linewidths=0
            )
            panel.annotate(
                "",
                class_capsules[label],
                (0, 0),
                arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2},
            )
            length = np.linalg.norm(class_capsules[label])
            panel.text(
                0.03,
                0.93 - 0.09 * label,
                f"$|v_{label}| = {length:.2f}$",
                color=colour,
                transform=panel.transAxes,
            )
        panel.set(title=f"$r = {iteration}$", aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
        panel.axhline(0, color="grey", linewidth=0.5)
        panel.axvline(0, color="grey", linewidth=0.5)
        logits = logits + (votes * class_capsules).sum(axis=2)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
