"""Expressions, conditions and losses of random steps; whether they suit the values at hand is found by trying."""

from __future__ import annotations

from typing import Any

import numpy as np

_UNARY = (
    *("np.sin({})", "np.cos({})", "np.tanh({})", "np.exp(-np.abs({}))", "np.exp({})", "np.log({})"),
    *("np.sqrt({})", "np.abs({})", "np.sign({})", "np.floor({})", "np.rint({})", "np.square({})"),
    *("np.isfinite({})", "np.isnan({})", "-{}", "+{}", "~{}", "np.conj({})", "{}.real", "{}.imag"),
    *("np.angle({})", "np.logical_not({})", "np.arctan({})", "np.expm1({})", "np.log1p({})"),
    *("np.cbrt({})", "np.reciprocal({})", "abs({})", "np.ceil({})", "np.trunc({})", "np.exp2({})"),
    *("np.arcsinh({})", "np.sinc({})", "np.nan_to_num({})", "np.i0({})", "np.signbit({})"),
    *("np.deg2rad({})", "np.positive({})", "np.log2(np.abs({}))", "np.spacing({})", "np.fabs({})"),
)
_BINARY = (
    *("{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} // {}", "{} % {}", "{} ** {}", "{} & {}"),
    *("{} | {}", "{} ^ {}", "{} < {}", "{} <= {}", "{} == {}", "{} != {}", "{} << {}", "{} >> {}"),
    *("np.maximum({}, {})", "np.minimum({}, {})", "np.hypot({}, {})", "np.arctan2({}, {})"),
    *("np.fmod({}, {})", "np.copysign({}, {})", "np.logaddexp({}, {})", "np.heaviside({}, {})"),
    *("np.power({}, {})", "np.float_power({}, {})", "np.fmax({}, {})", "np.logical_and({}, {})"),
    *("np.logical_xor({}, {})", "np.divide({}, {})", "np.isclose({}, {})", "np.outer({}, {})"),
    *(
        "np.dot({}, {})",
        "{} @ {}",
        "np.add.outer({}, {})",
        "np.kron({}, {})",
        "np.divmod({}, {})[1]",
    ),
    *("np.convolve(np.ravel({}), np.ravel({}))", "np.allclose({}, {})", "np.array_equal({}, {})"),
    *("np.where({0} > {1}, {0}, {1})", "np.stack([{0}, {1}])", "np.concatenate([{0}, {1}])"),
    *("np.vdot({}, {})", "np.inner({}, {})", "np.polyval(np.ravel({}), {})", "np.ldexp({}, {})"),
    *("np.where({0}, {1}, 0)", "np.einsum('...i,...i', {}, {})", "np.append({}, {})", "{} > {}"),
    *(
        "np.linalg.solve({} + 3 * np.eye(3), {})",
        "np.interp({0}, np.sort(np.ravel({1})), np.ravel({1}))",
    ),
    *("np.searchsorted(np.sort(np.ravel({})), {})", "np.vstack([{}, {}])", "np.hstack([{}, {}])"),
    *(
        "np.lexsort(({}, {}))",
        "np.cross({}, {})",
        "np.isin({}, {})",
        "np.take({}, {}, mode='wrap')",
    ),
    *("np.linalg.lstsq({}, {}, rcond=None)[0]", "np.take_along_axis({0}, np.argsort({1}, 0), 0)"),
)
_REDUCED = (
    *("np.sum", "np.mean", "np.max", "np.min", "np.prod", "np.std", "np.var", "np.any", "np.all"),
    *("np.argmax", "np.argmin", "np.median", "np.ptp", "np.cumsum", "np.cumprod", "np.sort"),
    *("np.argsort", "np.count_nonzero", "np.nansum", "np.nanmax", "np.linalg.norm", "np.flip"),
    *("np.add.reduce", "np.maximum.reduce", "np.logical_xor.reduce", "np.multiply.accumulate"),
    *("np.diff", "np.average", "np.nanmean", "np.logical_and.reduce", "np.sum", "np.mean"),
)
_LAID = (
    *(
        "{}.T",
        "{}.reshape(-1)",
        "{}.ravel()",
        "{}.flatten()",
        "{}[::-1]",
        "{}[None]",
        "np.squeeze({})",
    ),
    *(
        "np.tile({}, 2)",
        "np.repeat({}, 2)",
        "np.roll({}, 1)",
        "np.broadcast_to({0}, (2, *{0}.shape))",
    ),
    *("np.expand_dims({}, 0)", "np.swapaxes({}, 0, -1)", "np.clip({}, -0.5, 1.5)", "np.copy({})"),
    *(
        "np.triu({})",
        "np.tril({})",
        "np.diag({})",
        "np.pad({}, 1)",
        "np.atleast_2d({})",
        "{}.copy()",
    ),
    *(
        "{}.astype(np.float32)",
        "{}.astype(float)",
        "{}.astype(complex)",
        "{}.astype(int)",
        "{}.view()",
    ),
    *("{}.astype(bool)", "np.zeros_like({})", "np.ones_like({}) * 2", "np.full({}.shape, 0.5)"),
    *(
        "np.arange({}.size)",
        "np.array({})",
        "np.asarray({}, dtype=float)",
        "np.unique({})",
        "{}.tolist()[0]",
    ),
    *(
        "np.nonzero({})[0]",
        "np.flatnonzero({})",
        "np.moveaxis({}, 0, -1)",
        "np.rot90({})",
        "len({})",
    ),
    *(
        "np.array([{0}, {0}])",
        "np.split({}, 1)[0]",
        "np.array_split({}, 2)[1]",
        "np.ascontiguousarray({})",
    ),
    *(
        "np.eye({}.shape[0])",
        "np.linspace(0, 1, {}.size)",
        "np.ones({}.shape, {}.dtype)",
        "{}.mean()",
    ),
    *(
        "np.trace({})",
        "np.diagonal({})",
        "{}.sum(axis=-1)",
        "{}.max()",
        "{}.argmax()",
        "{}.round(1)",
    ),
    *("np.round({}, 1)", "np.linalg.det({})", "np.linalg.inv({} + 3 * np.eye(3))", "{}.item(0)"),
    *(
        "np.fft.fft({})",
        "np.fft.rfft({})",
        "np.fft.ifft({}).real",
        "np.linalg.eigvalsh({0} + {0}.T)",
    ),
    *(
        "np.linalg.svd({})[1]",
        "np.linalg.qr({})[1]",
        "np.linalg.slogdet({})[1]",
        "np.linalg.pinv({})",
    ),
    *(
        "np.gradient({})",
        "np.trapezoid({})",
        "np.histogram({}, bins=3)[0]",
        "np.bincount(np.abs({}) % 9)",
        "{} > 0",
    ),
    *("np.digitize({}, [-0.5, 0.5])", "np.percentile({}, 30)", "np.corrcoef({})", "np.cov({})"),
    *("np.choose({} % 2, [1.0, 2.0])", "np.partition({}, 0)", "{}.cumsum()", "np.ediff1d({})"),
    *(
        "np.apply_along_axis(np.sum, 0, {})",
        "np.meshgrid({0}, {0})[0]",
        "np.insert({}, 0, 1)",
        "np.delete({}, 0)",
    ),
    *("np.argwhere({})", "np.where({})[0]", "np.select([{0} > 0, {0} < -1], [{0}, -{0}], 0.5)"),
)
_NUMBERS = (*("2", "3", "0", "1", "-1", "0.5", "2.0", "-0.5", "1e-3", "True", "1j", "-2", "0.0"),)
_TYPED = ("np.float32(0.5)", "np.float64(2)", "np.int64(2)", "np.int8(3)", "np.bool_(True)")


def pick_array(draft: Any, kinds: str) -> tuple[Any, Any]:
    """Choose an array in sight, younger ones more often; None and None where there is none."""
    found = [
        (n, v)
        for n, v in draft.values.items()
        if isinstance(v, np.ndarray) and (kinds == "any" or v.dtype.kind in kinds)
    ]
    if not found:
        return None, None
    late = found[len(found) // 2 :]
    name, x = draft.random.choice(late if draft.chance(0.5) else found)
    return name, x


def pick_value(draft: Any) -> str:
    """Write something that is in sight, or a number."""
    r = draft.random
    if r.random() < 0.15:
        return str(r.choice(_NUMBERS))
    if r.random() < 0.03:
        return str(r.choice(_TYPED))
    if r.random() < 0.04:
        return str(
            r.choice(
                (
                    "G",
                    "RATE",
                    "MODEL.scale",
                    "TABLE['rate']",
                    "TABLE['rows'][0]",
                    "TABLE['rows'][1]",
                )
            )
        )
    names: list[str] = []
    for name, v in draft.values.items():
        if isinstance(v, dict):
            names += [f"{name}[{k!r}]" for k in v if not isinstance(v[k], str)]
        elif isinstance(v, (list, tuple)):
            names += [f"{name}[{i}]" for i, p in enumerate(v) if not isinstance(p, dict)]
        elif isinstance(v, (np.ndarray, np.generic, int, float, complex)):
            names.append(name)
    return str(r.choice(names)) if names else "1.5"


def expression(draft: Any) -> tuple[str, tuple[str, ...]]:
    """Write an expression of one operation or two."""
    r = draft.random
    kind = r.random()
    if kind < 0.25:
        return r.choice(_UNARY).format(pick_value(draft)), ("unary",)
    if kind < 0.6:
        return r.choice(_BINARY).format(pick_value(draft), pick_value(draft)), ("binary",)
    if kind < 0.75:
        axis = r.choice(
            ("", "", ", axis=0", ", axis=-1", ", axis=0, keepdims=True", ", axis=(0, 1)")
        )
        text = f"{r.choice(_REDUCED)}({pick_value(draft)}{axis})"
        return text, ("reduction",)
    if kind < 0.93:
        name = pick_value(draft)
        return r.choice(_LAID).format(name, name), ("shaping",)
    inner = r.choice(_BINARY).format(pick_value(draft), pick_value(draft))
    return r.choice(_UNARY).format(f"({inner})"), ("nested",)


def condition(draft: Any) -> str | None:
    """Write a condition on values that differ from call to call."""
    r = draft.random
    name, x = pick_array(draft, "fiub")
    numbers = [n for n, v in draft.values.items() if isinstance(v, (int, float, np.floating))]
    flags = [n for n, v in draft.values.items() if type(v) is bool]
    if flags and r.random() < 0.3:
        return str(r.choice(flags))
    if numbers and r.random() < 0.4:
        return f"{r.choice(numbers)} {r.choice(('>', '<', '>='))} {r.choice((0, 0.3, -0.3, 1))}"
    if name is None:
        return None
    options = [
        f"np.sum({name}) > {r.choice((0, 0.5, -0.5))}",
        f"np.any({name} > 1)",
        f"np.all({name} < 1)",
    ]
    options += [
        f"not np.isfinite({name}).all()",
        f"{name}.mean() < 0",
        f"np.max({name}) > 0.7 > np.min({name})",
    ]
    if x.ndim and x.size:
        first = f"{name}[{', '.join(['0'] * x.ndim)}]"
        options += [
            f"{first} > 0",
            f"{first} < 0.2 and np.sum({name}) > 0",
            f"{first} == 0 or {first} > 1",
        ]
        options += [f"any(q > 0 for q in {name}.ravel())", f"np.argmax({name}) == 0", f"{first}"]
    return str(r.choice(options))


def loss(draft: Any, name: str, x: Any) -> tuple[str, tuple[str, ...]]:
    """Write a number made of `w`, which stands for an array."""
    r = draft.random
    value = r.choice(("w", name, "1.5", "np.cos(w)", pick_value(draft), pick_value(draft)))
    options = [
        f"np.sum(np.sin(w) * {value})",
        f"np.mean((w - {value}) ** 2)",
        "np.sum(w ** 3)",
        "np.sum(np.abs(w)) + np.sum(np.maximum(w, 0.1))",
        "np.sum(np.exp(-w * w))",
        "np.linalg.norm(w) + np.var(w)",
        "np.sum(np.where(w > 0, w, 0.1 * w))",
        "np.max(w) * np.sum(w)",
        "np.prod(np.cos(w))",
        f"(np.sum(w) if np.sum(w) > 0 else np.sum(w * {value}))",
        "np.sum(np.cumsum(w) * w.ravel())",
        "np.sum(np.tanh(w) ** 2 / (1 + w * w))",
        "np.log(np.sum(np.exp(w)))",
        "np.sum(np.sort(w, axis=None)[:2])",
        "np.sum(w[w > 0]) ** 2 + np.sum(w)",
        "np.sum(_R(np.float32(2) * w))",
        "np.sum(_R(w.astype(np.float32))) + np.sum(w)",
        "np.sqrt(np.sum(w * w) + 0.1)",
    ]
    if x.ndim == 2:
        options += ["np.sum((w @ w.T) ** 2)", "np.sum(w @ w[0])", "np.sum(w.T[::-1] * w.T)"]
    if x.ndim:
        options += [
            "np.sum(w[1:] * w[:-1])",
            "w[-1].sum() * w[0].sum()",
            "np.sum(w[[0, -1, 0]] ** 2)",
        ]
    return str(r.choice(options)), ()
