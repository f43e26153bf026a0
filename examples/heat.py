"""Find the flame under a plate from six thermometers: the 2-D heat equation, solved in place.

Run it with `python examples/heat.py`.
"""

import numpy as np

SIZE = 20
STEPS = 150
RATE = 0.2
"""Of diffusion, in cells² per step; the explicit scheme is stable up to 1/4."""

ROWS = np.array([3, 3, 9, 10, 16, 16])
COLUMNS = np.array([4, 15, 9, 17, 3, 14])
"""Where the thermometers are."""


def flame(row: float, column: float, power: float) -> np.ndarray:
    """Return the heat that enters each cell of the plate per step."""
    i, j = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    return power * np.exp(-((i - row) ** 2 + (j - column) ** 2) / 18)


def step(plate: np.ndarray, source: np.ndarray) -> None:
    """Let the plate, which has a border of one cell, change for one step."""
    inner = plate[1:-1, 1:-1]
    flow = plate[:-2, 1:-1] + plate[2:, 1:-1] + plate[1:-1, :-2] + plate[1:-1, 2:] - 4 * inner
    inner += RATE * flow
    inner += source
    plate[0, :] = plate[1, :]  # the upper and the left edge let no heat through
    plate[:, 0] = plate[:, 1]
    plate[-1, :] = 0.0  # the lower and the right edge are kept cold
    plate[:, -1] = 0.0


def readings(unknown: np.ndarray) -> np.ndarray:
    """Return what the thermometers show, every tenth step.

    Args:
        unknown: the flame's row, column and power.
    """
    source = flame(*unknown)
    plate = np.zeros((SIZE + 2, SIZE + 2))
    shown = np.empty((STEPS // 10, ROWS.size))
    for time in range(STEPS):
        step(plate, source)
        if time % 10 == 9:
            shown[time // 10] = plate[ROWS + 1, COLUMNS + 1]
    return shown


def misfit(unknown: np.ndarray, measured: np.ndarray) -> float:
    """Return the mean squared difference between the simulation and what was measured."""
    return np.mean((readings(unknown) - measured) ** 2)


def main() -> None:
    """Start in the middle of the plate and let the gradient lead to the flame."""
    from scipy.optimize import minimize

    import chainrule as cr

    truth = np.array([6.3, 12.8, 0.05])
    noise = np.random.default_rng(0).normal(size=readings(truth).shape)
    measured = readings(truth) + 0.01 * noise

    def show(unknown: np.ndarray) -> None:
        row, column, power = unknown
        print(
            f"row {row:6.3f}  column {column:6.3f}  power {power:.4f}"
            f"  misfit {misfit(unknown, measured):.2e}"
        )

    start = np.array([10.0, 10.0, 0.02])
    show(start)
    gradient = cr.value_and_grad(misfit)
    minimize(gradient, start, (measured,), jac=True, method="L-BFGS-B", callback=show)
    print("the flame was at row {:6.3f}, column {:6.3f}, power {:.4f}".format(*truth))


if __name__ == "__main__":
    main()
