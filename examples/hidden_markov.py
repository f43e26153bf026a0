"""Fit a loaded die: the forward pass of a hidden Markov model, scaled and in logarithms.

Run it with `python examples/hidden_markov.py`.
"""

import numpy as np


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return rows of probabilities."""
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights /= np.sum(weights, axis=-1, keepdims=True)
    return weights


def scaled_forward(scores: dict[str, np.ndarray], observed: np.ndarray) -> float:
    """Return the log-likelihood; probabilities are scaled at every step, so that none underflows.

    Args:
        scores: of the first state, of the changes between states, and of what each state shows.
        observed: what was seen, counted from 0.
    """
    change, shows = softmax(scores["change"]), softmax(scores["shows"])
    forward = np.zeros((len(observed), len(change)))
    scales = np.zeros(len(observed))
    forward[0] = softmax(scores["first"])
    for time, seen in enumerate(observed):
        if time > 0:
            forward[time] = forward[time - 1] @ change
        forward[time] *= shows[:, seen]
        scales[time] = forward[time].sum()
        forward[time] /= scales[time]
    return np.sum(np.log(scales))


def logarithmic_forward(scores: dict[str, np.ndarray], observed: np.ndarray) -> float:
    """Return the log-likelihood; probabilities are kept as logarithms."""
    change, shows = np.log(softmax(scores["change"])), np.log(softmax(scores["shows"]))
    forward = np.empty((len(observed), len(change)))
    forward[0, :] = np.log(softmax(scores["first"])) + shows[:, observed[0]]
    for time in range(1, len(observed)):
        for state in range(len(change)):
            paths = forward[time - 1] + change[:, state]
            highest = paths.max()
            forward[time, state] = highest + np.log(np.sum(np.exp(paths - highest)))
        forward[time] += shows[:, observed[time]]
    return np.logaddexp.reduce(forward[-1])


def throw(change: np.ndarray, shows: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Return what is seen of a chain of states that starts in state 0."""
    rng = np.random.default_rng(seed)
    state, observed = 0, np.empty(steps, dtype=int)
    for time in range(steps):
        observed[time] = rng.choice(shows.shape[1], p=shows[state])
        state = rng.choice(len(change), p=change[state])
    return observed


def loss(scores: dict[str, np.ndarray], observed: np.ndarray) -> float:
    """Return the negative log-likelihood per observation."""
    return -scaled_forward(scores, observed) / len(observed)


def main() -> None:
    """Learn from 400 throws when a fair die is replaced by one that likes the six."""
    import chainrule as cr

    change = np.array([[0.95, 0.05], [0.10, 0.90]])
    shows = np.array([[1 / 6] * 6, [0.1] * 5 + [0.5]])
    observed = throw(change, shows, steps=400, seed=1)

    scores = {"first": np.zeros(2), "change": 2.0 * np.eye(2), "shows": np.zeros((2, 6))}
    scores["shows"][1, 5] = 1.0  # a suspicion, without which both states stay alike
    optimizer = cr.optim.adam(0.3)
    state = optimizer.init(scores)
    gradient = cr.value_and_grad(loss)
    for turn in range(21):
        value, slopes = gradient(scores, observed)
        if turn % 5 == 0:
            print(f"{turn:3}: loss {value:.5f}")
        updates, state = optimizer.update(slopes, state, scores)
        scores = cr.optim.apply_updates(scores, updates)
    print("chance of change", np.round(softmax(scores["change"]), 2).tolist())
    print("chance of a six ", np.round(softmax(scores["shows"])[:, -1], 2).tolist())


if __name__ == "__main__":
    main()
