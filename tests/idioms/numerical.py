"""Numerical methods as they are written down in plain NumPy, with loops, work arrays and updates in place."""

import itertools

import numpy as np


def cholesky_in_place(x):
    a = x.reshape(2, 3).T @ x.reshape(2, 3) + np.eye(3)
    for k in range(3):
        a[k, k] = np.sqrt(a[k, k])
        a[k + 1 :, k] /= a[k, k]
        for j in range(k + 1, 3):
            a[j:, j] -= a[j:, k] * a[j, k]
    return np.tril(a)


def householder(x):
    a = x.reshape(3, 2).copy()
    for k in range(2):
        v = a[k:, k].copy()
        v[0] += np.sign(v[0]) * np.linalg.norm(v)
        v /= np.linalg.norm(v)
        a[k:, k:] -= 2 * np.outer(v, v @ a[k:, k:])
    return np.triu(a)


def jacobi_rotations(x):
    a = np.diag([1.0, 2.0, 4.0]) + 0.2 * np.outer(x[:3], x[:3])
    for p, q in [(0, 1), (0, 2), (1, 2)] * 2:
        t = 0.5 * np.arctan2(2 * a[p, q], a[q, q] - a[p, p])
        c, s = np.cos(t), np.sin(t)
        rows = a[[p, q]].copy()
        a[p], a[q] = c * rows[0] - s * rows[1], s * rows[0] + c * rows[1]
        columns = a[:, [p, q]].copy()
        a[:, p] = c * columns[:, 0] - s * columns[:, 1]
        a[:, q] = s * columns[:, 0] + c * columns[:, 1]
    return np.diag(a)


def over_relaxation(x):
    u = np.zeros((4, 4))
    u[0, :] = 1.0
    u[1:-1, 0] = x[:2]
    for _ in range(3):
        for i in range(1, 3):
            for j in range(1, 3):
                new = (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] + x[2]) / 4
                u[i, j] += 1.3 * (new - u[i, j])
    return u


def lanczos(x):
    a = np.diag(np.arange(1.0, 5)) + 0.1 * np.outer(x[:4], x[:4])
    basis = np.zeros((4, 3))
    alpha, beta = np.zeros(3), np.zeros(3)
    basis[:, 0] = 0.5
    for k in range(3):
        w = a @ basis[:, k]
        alpha[k] = w @ basis[:, k]
        w -= basis[:, : k + 1] @ (basis[:, : k + 1].T @ w)
        if k < 2:
            beta[k] = np.linalg.norm(w)
            basis[:, k + 1] = w / beta[k]
    return np.concatenate([alpha, beta[:2]])


def wave_equation(x):
    before, now, after = np.zeros(8), np.zeros(8), np.zeros(8)
    now[1:-1] = x
    for _ in range(4):
        after[1:-1] = 2 * now[1:-1] - before[1:-1]
        after[1:-1] += 0.25 * (now[2:] - 2 * now[1:-1] + now[:-2])
        before, now, after = now, after, before
    return now


def upwind_burgers(x):
    u = x - 1.0
    for _ in range(3):
        back, ahead = u - np.roll(u, 1), np.roll(u, -1) - u
        u -= 0.1 * u * np.where(u > 0, back, ahead)
    return u


def crank_nicolson(x):
    n = 6
    left = np.eye(n) * 2.4 - 0.2 * np.eye(n, k=1) - 0.2 * np.eye(n, k=-1)
    u = x.copy()
    for _ in range(3):
        right = 1.6 * u
        right[1:] += 0.2 * u[:-1]
        right[:-1] += 0.2 * u[1:]
        u[:] = np.linalg.solve(left, right)
    return u


def predator_and_prey(x):
    births, eats, dies, grows = x[:4]
    path = np.empty((10, 2))
    path[0] = x[4:]
    for k in range(9):
        prey, predators = path[k]
        path[k + 1, 0] = prey + 0.05 * (births * prey - eats * prey * predators)
        path[k + 1, 1] = predators + 0.05 * (grows * prey * predators - dies * predators)
    return path[-1]


def adams_bashforth(x):
    history = np.zeros((3, 2))
    y = x[:2].copy()
    for _ in range(6):
        history[1:] = history[:-1].copy()
        history[0, 0], history[0, 1] = y[1], -x[2] * y[0]
        y += 0.1 * (23 * history[0] - 16 * history[1] + 5 * history[2]) / 12
    return y


def shifted_history(x):
    history = np.zeros(4)
    out = []
    for value in x:
        history[1:] = history[:-1]
        history[0] = value
        out.append(history @ [0.5, 0.3, 0.2, 0.1])
    return np.array(out)


def leapfrog_of_bodies(x):
    places = x.reshape(3, 2) * 2
    speeds = np.zeros_like(places)
    for _ in range(3):
        pull = np.zeros_like(places)
        for i, j in itertools.combinations(range(3), 2):
            apart = places[j] - places[i]
            force = apart / (apart @ apart + 0.1) ** 1.5
            pull[i] += force
            pull[j] -= force
        speeds += 0.1 * pull
        places += 0.1 * speeds
    return places


def molecules_with_neighbour_list(x):
    first, second = np.triu_indices(6, 1)
    gap = (x * 3)[first] - (x * 3)[second]
    near = np.abs(gap) < 3.5
    first, second, gap = first[near], second[near], gap[near]
    force = np.zeros(6)
    push = 1 / (gap**3 + 0.01 * gap)
    np.add.at(force, first, push)
    np.subtract.at(force, second, push)
    return force


def finite_elements(x):
    stiffness = np.zeros((7, 7))
    element = np.array([[1.0, -1.0], [-1.0, 1.0]])
    for e in range(6):
        nodes = [e, e + 1]
        stiffness[np.ix_(nodes, nodes)] += x[e] * element
    load = np.ones(7)
    free = np.arange(1, 6)
    shift = np.zeros(7)
    shift[free] = np.linalg.solve(stiffness[np.ix_(free, free)], load[free])
    return shift


def finite_elements_scattered(x):
    rows = np.array([[e, e, e + 1, e + 1] for e in range(6)])
    columns = np.array([[e, e + 1, e, e + 1] for e in range(6)])
    values = x[:, None] * np.array([1.0, -1.0, -1.0, 1.0])
    stiffness = np.zeros((7, 7))
    np.add.at(stiffness, (rows, columns), values)
    return stiffness[1:, 1:].diagonal() * stiffness[:-1, 1:].diagonal()


def fourier_butterflies(x):
    z = np.concatenate([x, x[:2]]).astype(complex)[[0, 4, 2, 6, 1, 5, 3, 7]]
    size = 2
    while size <= 8:
        turn = np.exp(-2j * np.pi * np.arange(size // 2) / size)
        for start in range(0, 8, size):
            even = z[start : start + size // 2].copy()
            odd = z[start + size // 2 : start + size] * turn
            z[start : start + size // 2] = even + odd
            z[start + size // 2 : start + size] = even - odd
        size *= 2
    return np.abs(z) ** 2


def haar_wavelets(x):
    a = np.concatenate([x, x[:2] ** 2])
    n = 8
    while n > 1:
        pairs = a[:n].reshape(-1, 2)
        low, high = pairs.sum(axis=1) / 2, (pairs[:, 0] - pairs[:, 1]) / 2
        a[: n // 2], a[n // 2 : n] = low, high
        n //= 2
    return a


def bubble_sort(x):
    a = x.copy()
    for i in range(5):
        for j in range(5 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a * np.arange(6)


def quicksort_in_place(x):
    a = x.copy()

    def sort(low, high):
        if low >= high:
            return
        pivot, wall = a[high], low
        for i in range(low, high):
            if a[i] < pivot:
                a[[i, wall]] = a[[wall, i]]
                wall += 1
        a[[wall, high]] = a[[high, wall]]
        sort(low, wall - 1)
        sort(wall + 1, high)

    sort(0, 5)
    return a**2


def shortest_paths(x):
    d = np.full((4, 4), 9.0)
    np.fill_diagonal(d, 0)
    d[[0, 0, 1, 1, 2, 2], [1, 2, 2, 3, 3, 0]] = x
    for k in range(4):
        np.minimum(d, d[:, k, None] + d[k], out=d)
    return d


def time_warping(x):
    a, b = x[:3], x[3:]
    cost = np.full((4, 4), np.inf)
    cost[0, 0] = 0
    for i in range(1, 4):
        for j in range(1, 4):
            best = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (a[i - 1] - b[j - 1]) ** 2 + best
    return cost[3, 3]


def soft_alignment(x):
    scores = np.zeros((3, 3))
    scores[0] = scores[:, 0] = -x[0] * np.arange(3)
    for i in range(1, 3):
        for j in range(1, 3):
            paths = np.array([scores[i - 1, j - 1] + x[i + j], scores[i - 1, j], scores[i, j - 1]])
            scores[i, j] = np.logaddexp.reduce(paths)
    return scores


def ranks_of_pages(x):
    links = np.zeros((3, 3))
    links[[0, 0, 1, 2, 2], [1, 2, 2, 0, 1]] = x[:5]
    links /= links.sum(axis=1, keepdims=True)
    rank = np.full(3, 1 / 3)
    for _ in range(8):
        rank = 0.1 / 3 + 0.9 * links.T @ rank
    return rank


def k_means(x):
    centres = np.array([0.4, 1.9])
    for _ in range(2):
        nearest = np.argmin(np.abs(x[:, None] - centres), axis=1)
        for k in range(2):
            centres[k] = x[nearest == k].mean()
    return centres


def mixture_of_gaussians(x):
    means, weights = np.array([0.5, 1.8]), np.full(2, 0.5)
    for _ in range(3):
        share = weights * np.exp(-2 * (x[:, None] - means) ** 2)
        share /= share.sum(axis=1, keepdims=True)
        weights[:] = share.mean(axis=0)
        means[:] = share.T @ x / share.sum(axis=0)
    return np.r_[means, weights]


def natural_spline(x):
    h = np.ones(5)
    second = np.zeros(6)
    matrix = np.diag(2 * (h[:-1] + h[1:])) + np.diag(h[1:-1], 1) + np.diag(h[1:-1], -1)
    second[1:-1] = np.linalg.solve(matrix, 6 * np.diff(x, 2))
    t = 0.3
    a, b = x[:-1], x[1:]
    return (1 - t) * a + t * b - t * (1 - t) / 6 * ((2 - t) * second[:-1] + (1 + t) * second[1:])


def de_casteljau(x):
    points = x.reshape(3, 2).copy()
    for k in range(2, 0, -1):
        points[:k] = 0.7 * points[:k] + 0.3 * points[1 : k + 1]
    return points[0]


def binomial_tree(x):
    spot, strike, up = x[0], x[1], 1 + x[2] / 5
    values = np.maximum(spot * up ** np.arange(-4, 5, 2.0) - strike * 0.5, 0)
    for _ in range(4):
        values[:-1] = 0.99 * (0.55 * values[1:] + 0.45 * values[:-1])
        values = values[:-1]
    return values[0]


def loan_schedule(x):
    balance, rate = np.zeros(6), x[0] / 10
    balance[0] = 10 * x[1]
    payment = balance[0] * rate / (1 - (1 + rate) ** -5)
    for k in range(1, 6):
        balance[k] = balance[k - 1] * (1 + rate) - payment
    return balance[:-1]


def epidemic(x):
    state = np.array([0.99, 0.01, 0.0])
    days = [state.copy()]
    for _ in range(8):
        caught, healed = x[3] * state[0] * state[1], 0.1 * x[0] * state[1]
        state[0] -= caught
        state[1] += caught - healed
        state[2] += healed
        days.append(state.copy())
    return np.stack(days)[::4]


def recurrent_network(x):
    hidden = np.zeros((4, 2))
    weights, inputs = x[:4].reshape(2, 2), np.arange(6.0).reshape(3, 2) / 5
    for t in range(3):
        hidden[t + 1] = np.tanh(weights @ hidden[t] + x[4:] * inputs[t])
    return hidden


def gated_network(x):
    h, c = np.zeros(2), np.zeros(2)
    for t in range(3):
        z = np.concatenate([x[:2] * h, x[2:4] * t, x[4:] + c, x[:2] - h])
        i, f, o, g = np.split(z, 4)
        gate = 1 / (1 + np.exp(-np.stack([i, f, o])))
        c = gate[1] * c + gate[0] * np.tanh(g)
        h = gate[2] * np.tanh(c)
    return h


def running_statistics(x):
    mean, var = np.zeros(2), np.ones(2)
    for batch in x.reshape(3, 1, 2) + np.array([[0.0], [0.3]]):
        mean *= 0.9
        mean += 0.1 * batch.mean(axis=0)
        var = 0.9 * var + 0.1 * batch.var(axis=0)
    return (x[:2] - mean) / np.sqrt(var)


def two_dimensional_filter(x):
    image = np.pad(x.reshape(2, 3), 1, mode="edge")
    out = np.zeros((2, 3))
    for di, dj in np.ndindex(3, 3):
        out += image[di : di + 2, dj : dj + 3] * (di + 2 * dj + 1)
    return out


def bilinear_reading(x):
    image = np.outer(x[:3], x[3:])
    places = np.array([[0.3, 1.2], [1.6, 0.4]]) * x[0]
    corner = np.floor(places).astype(int)
    part = places - corner
    (i, j), (a, b) = corner.T, part.T
    return (1 - a) * ((1 - b) * image[i, j] + b * image[i, j + 1]) + a * (
        (1 - b) * image[i + 1, j] + b * image[i + 1, j + 1]
    )


def strassen_blocks(x):
    a = np.zeros((4, 4))
    a.flat[:6] = x
    a += np.eye(4)
    c = np.empty((4, 4))
    for i, j in np.ndindex(2, 2):
        block = c[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        block[:] = 0
        for k in range(2):
            block += (
                a[2 * i : 2 * i + 2, 2 * k : 2 * k + 2] @ a[2 * k : 2 * k + 2, 2 * j : 2 * j + 2]
            )
    return c


def ising_energy(x):
    spins = np.tanh(x.reshape(2, 3) - 1)
    energy = -(spins * np.roll(spins, 1, 0)).sum() - (spins * np.roll(spins, 1, 1)).sum()
    return energy + x[0] * spins.mean()


def simplex_projection(x):
    u = np.sort(x)[::-1]
    total = np.cumsum(u) - 1
    k = np.nonzero(u - total / np.arange(1, 7) > 0)[0][-1]
    return np.maximum(x - total[k] / (k + 1), 0)


def soft_thresholding(x):
    w = np.zeros(3)
    design = np.vander(x[:4], 3)
    step = 1 / np.linalg.norm(design, 2) ** 2
    for _ in range(4):
        w -= step * design.T @ (design @ w - x[2:])
        w = np.sign(w) * np.maximum(np.abs(w) - 0.001, 0)
    return w


def adam_inside(x):
    w, m, v = np.ones(3), np.zeros(3), np.zeros(3)
    for k in range(1, 5):
        g = 2 * (w - x[:3]) * x[3:]
        m[:] = 0.9 * m + 0.1 * g
        v[:] = 0.99 * v + 0.01 * g**2
        w -= 0.1 * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.99**k)) + 1e-8)
    return w


def metropolis_with_fixed_draws(x):
    rng = np.random.default_rng(2)
    place, kept = x[0] * 1.0, []
    for step, chance in zip(rng.normal(size=5), rng.random(5), strict=True):
        trial = place + x[1] * step
        if chance < np.exp(-(trial**2 - place**2) / 2):
            place = trial
        kept.append(place)
    return np.array(kept)


def gauss_seidel_on_a_view(x):
    grid = np.zeros((3, 6))
    line = grid[1]
    line[:] = x
    for _ in range(2):
        for i in range(1, 5):
            line[i] = 0.5 * (line[i - 1] + line[i + 1])
    grid[2] = line[::-1]
    return grid


def prefix_sums_in_place(x):
    a = np.append(x, [0.5, 0.25])
    step = 1
    while step < 8:
        a[step:] = a[step:] + a[:-step]
        step *= 2
    return a


def trapezoid_rule_refined(x):
    table = np.zeros((4, 4))
    f = lambda t: np.exp(-x[0] * t) * np.sin(x[1] * t)
    for i in range(4):
        t = np.linspace(0, x[2], 2**i + 1)
        table[i, 0] = np.trapezoid(f(t), t)
        for j in range(1, i + 1):
            table[i, j] = table[i, j - 1] + (table[i, j - 1] - table[i - 1, j - 1]) / (4**j - 1)
    return table[3, 3]
