"""Find the resistors of a circuit from voltages: LU factorisation with row swaps, in place.

Run it with `python examples/circuit.py`.
"""

import numpy as np

WIRES = np.array([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2), (1, 3), (5, 2), (5, 4)])
"""The two nodes that each resistor joins. Node 5 is the ground."""

NODES = 6
GROUND = 5


def factorise(matrix: np.ndarray) -> np.ndarray:
    """Replace a square matrix by its factors, L below the diagonal and U above.

    Returns:
        Which row of the original each row of the factors belongs to.
    """
    n = len(matrix)
    rows = np.arange(n)
    for k in range(n - 1):
        largest = k + np.argmax(np.abs(matrix[k:, k]))
        if largest != k:
            matrix[[k, largest]] = matrix[[largest, k]]
            rows[[k, largest]] = rows[[largest, k]]
        matrix[k + 1 :, k] /= matrix[k, k]
        matrix[k + 1 :, k + 1 :] -= np.outer(matrix[k + 1 :, k], matrix[k, k + 1 :])
    return rows


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a system of linear equations by elimination and substitution."""
    factors = matrix.copy()
    x = right[factorise(factors)]
    n = len(x)
    for i in range(1, n):
        x[i] -= factors[i, :i] @ x[:i]
    for i in reversed(range(n)):
        x[i] -= factors[i, i + 1 :] @ x[i + 1 :]
        x[i] /= factors[i, i]
    return x


def equations(conductances: np.ndarray) -> np.ndarray:
    """Return the matrix that takes voltages to currents; the ground's row holds its voltage at 0."""
    matrix = np.zeros((NODES, NODES))
    for (a, b), conductance in zip(WIRES, conductances, strict=True):
        matrix[a, a] += conductance
        matrix[b, b] += conductance
        matrix[a, b] -= conductance
        matrix[b, a] -= conductance
    matrix[GROUND] = 0.0
    matrix[GROUND, GROUND] = 1.0
    return matrix


def voltages(log_resistances: np.ndarray) -> np.ndarray:
    """Return the voltage of every node when one ampere enters at each node in turn."""
    matrix = equations(np.exp(-log_resistances))
    found = np.zeros((NODES - 1, NODES))
    for node in range(NODES - 1):
        current = np.zeros(NODES)
        current[node] = 1.0
        found[node] = solve(matrix, current)
    return found


def misfit(log_resistances: np.ndarray, measured: np.ndarray) -> float:
    """Return the squared relative differences to the measured voltages, summed."""
    return np.sum((voltages(log_resistances)[:, :-1] / measured[:, :-1] - 1) ** 2)


def main() -> None:
    """Start with equal resistors and let the gradient tell them apart."""
    from scipy.optimize import minimize

    import chainrule as cr

    truth = np.array([1.0, 2.2, 4.7, 0.5, 3.3, 1.5, 6.8, 2.0, 1.0])
    measured = voltages(np.log(truth))

    def show(x: np.ndarray) -> None:
        print(f"misfit {misfit(x, measured):.1e}  ohms", np.round(np.exp(x), 2))

    start = np.zeros(len(WIRES))
    show(start)
    gradient = cr.value_and_grad(misfit)
    minimize(gradient, start, (measured,), jac=True, method="BFGS", callback=show)
    print("the resistors were   ", truth)


if __name__ == "__main__":
    main()
