"""Calibrate the noise of a tracker: the Kalman filter and its log-likelihood.

Run it with `python examples/kalman.py`.
"""

import numpy as np

INTERVAL = 0.5
MOTION = np.eye(4)
MOTION[0, 2] = MOTION[1, 3] = INTERVAL
SEEN = np.eye(2, 4)
"""A state is a position and a velocity in the plane, of which the position is seen."""


def motion_noise(acceleration: float) -> np.ndarray:
    """Return the covariance that random accelerations add to the state in one interval."""
    noise = np.zeros((4, 4))
    np.fill_diagonal(noise[:2, :2], INTERVAL**4 / 4)
    np.fill_diagonal(noise[2:, 2:], INTERVAL**2)
    noise[[0, 1, 2, 3], [2, 3, 0, 1]] = INTERVAL**3 / 2
    noise *= acceleration**2
    return noise


def track(deviations: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Follow what was observed.

    Args:
        deviations: the standard deviations of the acceleration and of an observation.
        observed: positions, one per row; a row of NaN where none was seen.

    Returns:
        The expected states, their covariances, and the log-likelihood of what was observed.
    """
    acceleration, observation = deviations
    added = motion_noise(acceleration)
    measured = observation**2 * np.eye(2)
    means = np.empty((len(observed), 4))
    covariances = np.empty((len(observed), 4, 4))
    likelihood = 0.0
    mean, covariance = np.zeros(4), 100 * np.eye(4)
    for time, position in enumerate(observed):
        mean = MOTION @ mean
        covariance = MOTION @ covariance @ MOTION.T + added
        if not np.isnan(position).any():
            surprise = position - SEEN @ mean
            spread = SEEN @ covariance @ SEEN.T + measured
            gain = np.linalg.solve(spread, SEEN @ covariance).T
            mean += gain @ surprise
            covariance -= gain @ spread @ gain.T
            _, volume = np.linalg.slogdet(2 * np.pi * spread)
            likelihood -= 0.5 * (volume + surprise @ np.linalg.solve(spread, surprise))
        means[time] = mean
        covariances[time] = covariance
    return means, covariances, likelihood


def loss(log_deviations: np.ndarray, observed: np.ndarray) -> float:
    """Return the negative log-likelihood per observation."""
    return -track(np.exp(log_deviations), observed)[2] / len(observed)


def walk(deviations: tuple[float, float], steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions that are seen of something that accelerates at random."""
    acceleration, observation = deviations
    state = np.zeros(4)
    observed = np.empty((steps, 2))
    for time in range(steps):
        push = acceleration * rng.normal(size=2)
        state = MOTION @ state
        state[:2] += INTERVAL**2 / 2 * push
        state[2:] += INTERVAL * push
        observed[time] = state[:2] + observation * rng.normal(size=2)
    observed[rng.random(steps) < 0.1] = np.nan
    return observed


def main() -> None:
    """Find both deviations by Newton's method, from the gradient and the Hessian."""
    import chainrule as cr

    truth = (0.3, 1.5)
    observed = walk(truth, 100, np.random.default_rng(0))
    gradient, hessian = cr.value_and_grad(loss), cr.hessian(loss)
    x = np.log([0.8, 0.8])
    for turn in range(7):
        value, slope = gradient(x, observed)
        print(
            f"{turn}: deviations {np.exp(x).round(4)}  loss {value:.6f}"
            f"  |gradient| {np.linalg.norm(slope):.1e}"
        )
        strengths, directions = np.linalg.eigh(hessian(x, observed))
        move = directions @ ((directions.T @ slope) / np.maximum(np.abs(strengths), 0.1))
        x -= np.clip(move, -1, 1)
    print("the walk was made with", truth)


if __name__ == "__main__":
    main()
