"""Linear algebra, signals and complex numbers."""

import numpy as np
import scipy.linalg
from numpy.linalg import inv, norm

SIGNAL = np.sin(np.arange(6.0))


def _matrix(x):
    return x[:4].reshape(2, 2) + 2 * np.eye(2)


def _spd(x):
    a = x.reshape(3, 2)
    return a @ a.T + np.diag([1.0, 2.0, 4.0])


def linear_system(x):
    return np.linalg.solve(_matrix(x), x[4:])


def inverse(x):
    return inv(_matrix(x)) @ x[4:] / norm(x)


def scipys_solve(x):
    return scipy.linalg.solve(_matrix(x), x[4:])


def determinant(x):
    return np.linalg.det(_matrix(x)) + np.linalg.slogdet(_spd(x))[1]


def log_determinant_by_cholesky(x):
    return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(_spd(x)))))


def gaussian_log_density(x):
    lower = np.linalg.cholesky(_spd(x))
    z = np.linalg.solve(lower, np.arange(3.0))
    return -0.5 * z @ z - np.log(np.diagonal(lower)).sum()


def correlated_samples(x):
    draws = np.random.default_rng(0).normal(size=(3, 4))
    return np.linalg.cholesky(_spd(x)) @ draws


def reparametrised_normal(x):
    noise = np.random.default_rng(1).standard_normal(6)
    return x + np.exp(0.1 * x) * noise


def least_squares(x):
    design = np.column_stack([np.ones(6), np.arange(6.0)])
    coefficients, *_ = np.linalg.lstsq(design, x, rcond=None)
    return coefficients


def normal_equations(x):
    design = np.vander(np.arange(6.0) / 5, 3)
    return np.linalg.solve(design.T @ design + x[0] * np.eye(3), design.T @ x)


def polynomial_fit(x):
    return np.polyfit(np.arange(6.0), x, 2)


def ridge_by_pinv(x):
    return np.linalg.pinv(x.reshape(3, 2)) @ np.arange(3.0)


def eigenvalues(x):
    values, vectors = np.linalg.eigh(_spd(x))
    return values * (vectors**2 @ np.arange(3.0))


def principal_components(x):
    a = np.vstack([x[:3], x[3:], np.arange(3.0) ** 2])
    centred = a - a.mean(axis=0)
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    return strengths[0] * directions[0] ** 2


def low_rank_approximation(x):
    u, s, vt = np.linalg.svd(x.reshape(2, 3), full_matrices=False)
    return s[0] * np.outer(u[:, 0], vt[0])


def nuclear_norm(x):
    return np.linalg.norm(x.reshape(2, 3), "nuc") + np.linalg.norm(x.reshape(2, 3), 2)


def orthogonalised(x):
    q, r = np.linalg.qr(_matrix(x))
    return q @ np.diag(np.sign(np.diag(r))) * np.arange(4).reshape(2, 2)


def gram_schmidt(x):
    a = _matrix(x)
    for i in range(2):
        for j in range(i):
            a[i] -= (a[i] @ a[j]) * a[j]
        a[i] /= np.sqrt(a[i] @ a[i])
    return a * np.arange(4).reshape(2, 2)


def matrix_powers(x):
    return np.linalg.matrix_power(_matrix(x), 3) @ x[4:]


def matrix_exponential(x):
    return scipy.linalg.expm(_matrix(x) / 3) @ x[4:]


def power_iteration(x):
    a = _spd(x)
    v = np.ones(3)
    for _ in range(20):
        v = a @ v
        v /= np.linalg.norm(v)
    return v @ a @ v


def conjugate_gradients(x):
    a, b = _spd(x), np.array([1.0, 2.0, 3.0])
    solution = np.zeros(3)
    residual = b - a @ solution
    direction = residual.copy()
    for _ in range(3):
        step = residual @ residual / (direction @ a @ direction)
        solution += step * direction
        new = residual - step * (a @ direction)
        direction = new + (new @ new) / (residual @ residual) * direction
        residual = new
    return solution


def jacobi_sweeps(x):
    a, b = _spd(x), np.ones(3)
    solution = np.zeros(3)
    for _ in range(5):
        for i in range(3):
            rest = a[i] @ solution - a[i, i] * solution[i]
            solution[i] = (b[i] - rest) / a[i, i]
    return solution


def thomas_algorithm(x):
    upper, right = x[:5] * 0.3, x.copy()
    diagonal = 3 + x
    for i in range(1, 6):
        factor = 0.2 / diagonal[i - 1]
        diagonal[i] -= factor * upper[i - 1]
        right[i] -= factor * right[i - 1]
    right[5] /= diagonal[5]
    for i in range(4, -1, -1):
        right[i] = (right[i] - upper[i] * right[i + 1]) / diagonal[i]
    return right


def batched_products(x):
    a = x.reshape(3, 2, 1)
    return (a @ a.swapaxes(1, 2)).sum(0) @ np.linalg.multi_dot([_matrix(x), _matrix(x), x[4:]])


def quadratic_form(x):
    return x[:2] @ _matrix(x) @ x[4:].T + np.trace(_matrix(x))


def convolved(x):
    return np.convolve(x, [0.25, 0.5, 0.25], mode="same") * np.correlate(SIGNAL, x, "same")


def filtered_by_a_recursion(x):
    y = np.zeros(6)
    for n in range(6):
        y[n] = 0.3 * x[n] + (0.6 * y[n - 1] if n else 0.0)
    return y**2


def power_spectrum(x):
    return np.abs(np.fft.rfft(x)) ** 2


def filtered_by_fourier(x):
    spectrum = np.fft.fft(x)
    spectrum[2:-1] = 0
    return np.fft.ifft(spectrum).real * np.fft.fftshift(x)


def convolved_by_fourier(x):
    return np.fft.irfft(np.fft.rfft(x, 10) * np.fft.rfft(SIGNAL, 10), 10)


def image_spectrum(x):
    return np.log1p(np.abs(np.fft.fft2(x.reshape(2, 3))))


def complex_arithmetic(x):
    z = x[:3] + 1j * x[3:]
    w = z**2 / (1 + z.conj()) * np.exp(1j * x[0])
    return w.real * np.angle(w) + np.abs(w)


def complex_matrix(x):
    a = _matrix(x) + 1j * np.eye(2)
    return np.abs(np.linalg.solve(a, x[4:])) + np.real(np.vdot(a, a))


def phasors(x):
    times = np.linspace(0, 1, 4)
    return np.sum(x[:3, None] * np.exp(2j * np.pi * x[3:, None] * times), axis=0).imag


def rotated_points(x):
    c, s = np.cos(x[0]), np.sin(x[0])
    points = x.reshape(3, 2)
    return points @ np.array(((c, -s), (s, c))).T


def quaternion_product(x):
    a, b = np.append(x[:3], 1.0), np.append(x[3:], 1.0)
    return np.array(
        [
            a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
            a[3] * b[3] - a[:3] @ b[:3],
        ]
    )


def attention(x):
    q = x.reshape(3, 2)
    scores = q @ q.T / np.sqrt(2)
    scores[np.triu_indices(3, 1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ q


def layer_norm(x):
    a = x.reshape(2, 3)
    mean = a.mean(axis=-1, keepdims=True)
    return (
        (a - mean) / np.sqrt(((a - mean) ** 2).mean(axis=-1, keepdims=True) + 1e-5) * np.arange(3)
    )


def convolution_by_windows(x):
    image = x.reshape(2, 3)
    kernel = np.array([[1.0, -1.0], [0.5, 2.0]])
    out = np.zeros((1, 2))
    for i in range(1):
        for j in range(2):
            out[i, j] = np.sum(image[i : i + 2, j : j + 2] * kernel)
    return out
