"""Find the wind from how a cloth swings: masses and springs, forces added up by index.

Run it with `python examples/cloth.py`.
"""

import numpy as np

ROWS, COLUMNS = 6, 7
STEPS = 60
INTERVAL = 0.02
DAMPING = 0.985
GRAVITY = np.array([0.0, 0.0, -9.8])


def grid() -> np.ndarray:
    """Return where the knots of the cloth are at the start: upright, in the plane y = 0."""
    knots = np.zeros((ROWS, COLUMNS, 3))
    knots[:, :, 0] = np.linspace(0, 1, COLUMNS)
    knots[:, :, 2] = np.linspace(0, -1, ROWS)[:, None]
    return knots.reshape(-1, 3)


def neighbours() -> tuple[np.ndarray, np.ndarray]:
    """Return the two ends of every spring: along rows, along columns and across."""
    numbers = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    pairs = (
        (numbers[:, :-1], numbers[:, 1:]),
        (numbers[:-1], numbers[1:]),
        (numbers[:-1, :-1], numbers[1:, 1:]),
        (numbers[1:, :-1], numbers[:-1, 1:]),
    )
    left = np.concatenate([a.ravel() for a, _ in pairs])
    right = np.concatenate([b.ravel() for _, b in pairs])
    return left, right


LEFT, RIGHT = neighbours()
LENGTHS = np.linalg.norm(grid()[LEFT] - grid()[RIGHT], axis=1)
PINNED = np.array([0, COLUMNS - 1])
"""The upper corners are held."""


def forces(knots: np.ndarray, stiffness: float) -> np.ndarray:
    """Return the force on every knot: its weight, and the pull of its springs."""
    pull = np.zeros_like(knots)
    pull += GRAVITY
    spring = knots[RIGHT] - knots[LEFT]
    length = np.sqrt(np.sum(spring**2, axis=1))
    along = (stiffness * (1 - LENGTHS / length))[:, None] * spring
    np.add.at(pull, LEFT, along)
    np.subtract.at(pull, RIGHT, along)
    return pull


def swing(wind: np.ndarray, stiffness: float) -> np.ndarray:
    """Let the cloth swing in the wind, and return where its knots are at every tenth step."""
    knots = grid()
    velocities = np.zeros_like(knots)
    gust = np.zeros_like(knots)
    gust[:, :2] = wind
    path = np.empty((STEPS // 10, *knots.shape))
    for time in range(STEPS):
        velocities += INTERVAL * (forces(knots, stiffness) + gust * np.sin(0.06 * time))
        velocities *= DAMPING
        velocities[PINNED] = 0.0
        knots += INTERVAL * velocities
        if time % 10 == 9:
            path[time // 10] = knots
    return path


def misfit(unknown: np.ndarray, seen: np.ndarray) -> float:
    """Return the mean squared distance between the knots and where they were seen.

    Args:
        unknown: the wind along x and y, and the logarithm of the stiffness.
        seen: the knots' positions at every tenth step.
    """
    path = swing(unknown[:2], np.exp(unknown[2]))
    return np.mean(np.sum((path - seen) ** 2, axis=-1))


def main() -> None:
    """Start in a light breeze and let the gradient find the wind and the stiffness."""
    from scipy.optimize import minimize

    import chainrule as cr

    truth = np.array([1.5, 4.0, np.log(250.0)])
    seen = swing(truth[:2], np.exp(truth[2]))

    def show(x: np.ndarray) -> None:
        print(f"wind {x[:2].round(3)}  stiffness {np.exp(x[2]):7.2f}  misfit {misfit(x, seen):.2e}")

    start = np.array([0.0, 1.0, np.log(150.0)])
    show(start)
    gradient = cr.value_and_grad(misfit)
    bounds = [(-5, 5), (-10, 10), np.log([50, 500])]
    minimize(gradient, start, (seen,), jac=True, bounds=bounds, callback=show)
    print(f"the wind was {truth[:2]}, the stiffness {np.exp(truth[2]):.0f}")


if __name__ == "__main__":
    main()
