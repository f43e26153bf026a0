"""Lines of random steps that differentiate a function of their own, or take steps of an optimiser."""

from __future__ import annotations

import numpy as np
from tests.fuzz.step_draft import Draft
from tests.fuzz.step_expressions import loss, pick_array
from tests.fuzz.step_writes import index, number

_LIKE = ("np.zeros_like(w)", "np.ones(w.shape)", "w * 1", "np.copy(w)", "np.full_like(w, 0.5)")
_PARTS = ("w[0]", "0.5", "np.sum(w)", "np.max(w)")


def gradient(draft: Draft) -> bool:
    name, x = pick_array(draft, "f")
    if name is None:
        return False
    text, features = loss(draft, name, x)
    value, gradient = draft.fresh(), draft.fresh()
    f = f"lambda w: {text}"
    tangent = f"np.cos({name})"
    line = draft.random.choice(
        (
            f"{value}, {gradient} = cr.value_and_grad({f})({name})",
            f"{value}, {gradient} = cr.value_and_grad({f})({name})",
            f"{gradient} = cr.grad({f})({name})",
            f"{value}, {gradient} = cr.jvp({f}, ({name},), ({tangent},))",
            f"{gradient} = cr.hessian({f})({name})",
            f"{gradient} = cr.jacobian(lambda w: np.sin(w) * ({text}))({name})",
            f"{value}, {gradient} = cr.vjp({f}, {name})\n{gradient} = {gradient}({value} * 0 + 1)",
            f"{gradient} = cr.hvp({f}, ({name},), ({tangent},))",
            f"{gradient} = cr.grad(lambda w: np.sum(cr.grad({f})(w) ** 2))({name})",
        )
    )
    if not draft.attempt(line, "gradient inside", *features):
        return False
    draft.round(gradient)
    if np.shape(draft.values.get(gradient)) != x.shape:
        return True
    if draft.chance(0.4):
        draft.attempt(f"{name} = {name} - 0.1 * {gradient}")
    elif draft.chance(0.3):
        draft.attempt(f"{name} -= 0.1 * {gradient}")
    return True


def gradient_of_writes(draft: Draft) -> bool:
    name, x = pick_array(draft, "f")
    if name is None or x.ndim == 0:
        return False
    r = draft.random
    f, gradient = draft.fresh(), draft.fresh()
    text = "\n".join(
        (
            f"def {f}(w):",
            f"    z = {r.choice(_LIKE)}",
            f"    z[...] {r.choice(('', '+'))}= w * {r.choice(('w', '2', 'np.sin(w)'))}",
            f"    z[{index(draft, x)}] {r.choice(('', '+', '*'))}= {r.choice(_PARTS)}",
            f"    u = z[{index(draft, x, fancy=False)}]",
            f"    u {r.choice(('*', '+', '-'))}= 0.5",
            f"    if np.sum(z) > {number(r)}:",
            f"        z = z {r.choice(('* 2', '+ w', '* w'))}",
            f"    return np.sum(np.tanh(z)) + {loss(draft, name, x)[0]}",
            f"{gradient} = cr.grad({f})({name})",
        )
    )
    if not draft.attempt(text, "gradient inside", "gradient of writes"):
        return False
    draft.values.pop(f, None)
    draft.round(gradient)
    return True


def optimizer(draft: Draft) -> bool:
    name, x = pick_array(draft, "f")
    if name is None:
        return False
    text, features = loss(draft, name, x)
    optimizer = draft.random.choice(
        (
            "sgd(0.1)",
            "adam(0.05)",
            "adamw(0.05)",
            "momentum(0.1)",
            "rmsprop(0.05)",
            "adagrad(0.1)",
            "nesterov(0.1)",
        )
    )
    p = draft.fresh()
    line = "\n".join(
        (
            f"o_ = cr.optim.{optimizer}",
            f"{p} = {{'w': {name} * 1.0, 'c': 0.5 * np.ones(2, {name}.dtype)}}",
            f"s_ = o_.init({p})",
            f"for k in range({draft.random.choice((1, 2, 4))}):",
            f"    g_ = cr.grad(lambda q: (lambda w: {text})(q['w']) + np.sum(q['c'] ** 2))({p})",
            f"    u_, s_ = o_.update(g_, s_, {p})",
            f"    {p} = cr.optim.apply_updates({p}, u_)",
            f"{p} = {p}['w'] + {p}['c'][0]",
        )
    )
    done = draft.attempt(line, "optimiser", *features)
    if done:
        draft.round(p)
    for n in ("o_", "s_", "g_", "u_", "k"):
        draft.values.pop(n, None)
    return done
