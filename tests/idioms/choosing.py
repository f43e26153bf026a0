"""Branches, masks, sorting, picking; the choice is made on numbers, the gradient goes through what was chosen."""

import numpy as np

CENTRES = np.array([0.4, 1.1, 2.3])


def nested_where(x):
    return np.where(x < 0.6, x**2, np.where(x < 1.5, np.sin(x), 1 / x))


def where_with_a_safe_branch(x):
    y = x - 1.0
    return np.where(y > 0, np.log(np.where(y > 0, y, 1.0)), y**3)


def where_indices(x):
    (i,) = np.where(x > 1)
    return x[i] ** 2


def branch_on_a_number(x):
    if x[0] > x[1]:
        return x**2
    return x**3 if x.sum() > 2 else x


def loop_until_small(x):
    y = x
    while np.max(np.abs(y)) > 0.5:
        y = y * 0.7
    return y


def newton_iteration(x):
    root = 1.0
    while abs(root**2 - x[1]) > 1e-12:
        root = root - (root**2 - x[1]) / (2 * root)
    return root * x


def early_break(x):
    total = 0.0
    for value in x:
        if total > 2:
            break
        total = total + value**2
    return total


def sorted_values(x):
    return np.sort(x) * np.arange(6)


def sorted_descending(x):
    return np.sort(x)[::-1][:3] ** 2


def order(x):
    order = np.argsort(x)
    return x[order] * np.cumsum(x)[order]


def ranks(x):
    ranks = np.argsort(np.argsort(x))
    return x * ranks


def sorted_with_pythons_sorted(x):
    return np.array(sorted(x)) * np.arange(6)


def sorted_by_key(x):
    return np.array(sorted(x, key=lambda v: -v)) ** 2 @ np.arange(6)


def pythons_min_max_sum(x):
    return max(x) * min(x) + sum(x) + sum(v * v for v in x)


def largest(x):
    return np.max(x) * x[np.argmax(x)] + np.min(x.reshape(2, 3), axis=1).sum()


def largest_three(x):
    return np.partition(x, -3)[-3:].sum() ** 2


def best_of_each_row(x):
    rows = x.reshape(2, 3)
    return rows[np.arange(2), rows.argmax(axis=1)] ** 2


def taken_along_an_axis(x):
    rows = x.reshape(2, 3)
    order = np.argsort(rows, axis=1)
    return np.take_along_axis(rows, order, axis=1) * np.arange(3)


def nearest_neighbour(x):
    distances = np.abs(x[:, None] - CENTRES)
    return distances[np.arange(6), distances.argmin(axis=1)] ** 2


def clipped(x):
    return np.clip(x, 0.4, 1.6) * x.clip(max=1.0)


def relu(x):
    return np.maximum(x - 1, 0) + np.minimum(x, 2.0) ** 2


def leaky(x):
    return np.where(x > 1, x, 0.1 * x) @ x


def selected(x):
    return np.select([x < 0.6, x < 1.4], [x**2, np.sin(x)], default=x * 3)


def piecewise(x):
    return np.piecewise(x, [x < 0.6, x >= 0.6], [lambda v: v**2, lambda v: 1 / v])


def chosen(x):
    return np.choose([0, 1, 2, 0, 1, 2], [x, x**2, -x])


def compressed(x):
    return np.compress(x > 0.6, x) ** 2


def extracted(x):
    return np.extract(x > 1, x * x)


def unique_values(x):
    return np.unique(np.concatenate([x, x[:2]])) ** 2


def in_bins(x):
    bins = np.digitize(x, [0.0, 0.7, 1.4, 3.0]) - 1
    return np.array([x[bins == b].mean() for b in range(3)])


def groups_summed(x):
    labels = np.array([0, 1, 0, 2, 1, 2])
    return np.array([x[labels == k].sum() for k in np.unique(labels)]) ** 2


def sums_by_bincount(x):
    return np.bincount([0, 1, 0, 2, 1, 2], weights=x) ** 2


def interval_found(x):
    i = np.searchsorted(CENTRES, x[0]) - 1
    share = (x[0] - CENTRES[i]) / (CENTRES[i + 1] - CENTRES[i])
    return (1 - share) * x[1] + share * x[2]


def dictionary_of_branches(x):
    table = {"low": lambda v: v**2, "high": np.log}
    return sum(table["high" if v > 1 else "low"](v) for v in x)


def nans_skipped(x):
    a = x.copy()
    a[2] = np.nan
    return np.nanmean(a) * np.nansum(a**2) + np.nanmax(a)


def nans_replaced(x):
    a = np.where(x > 2, np.nan, x)
    return np.nan_to_num(a, nan=1.5) * x


def finite_only(x):
    a = np.array([x[0], np.inf, x[1], np.nan])
    return a[np.isfinite(a)] ** 2


def all_and_any(x):
    return x.sum() if np.all(x > 0) and not np.any(x > 5) else x.prod()


def sign_and_abs(x):
    y = x - 1
    return np.sign(y) * np.sqrt(np.abs(y))


def rounded_as_a_constant(x):
    return (x - np.floor(x)) * np.round(x)


def median_and_quantiles(x):
    return np.median(x) * np.quantile(x, [0.2, 0.7]) + np.percentile(x, 30)


def running_maximum(x):
    return np.maximum.accumulate(x) * x


def huber(x):
    r = np.abs(x - 1)
    return np.where(r < 0.5, 0.5 * r**2, 0.5 * (r - 0.25)).sum()


def match_statement(x):
    match len(x):
        case 6:
            return x[::2] ** 2
        case _:
            return x


def tolerance_met(x):
    return x * 2 if np.allclose(x, x + 1e-12) else x * 3
