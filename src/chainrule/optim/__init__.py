"""Optimisers: pairs of pure functions, made of small steps put in a row."""

from __future__ import annotations

from chainrule.optim.adaptive import scale_by_adagrad, scale_by_adam, scale_by_rms
from chainrule.optim.arithmetic import global_norm
from chainrule.optim.optimizers import (
    OPTIMIZERS,
    adagrad,
    adam,
    adamw,
    by_name,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)
from chainrule.optim.schedules import (
    constant,
    cosine,
    exponential_decay,
    piecewise,
    warmup_cosine,
)
from chainrule.optim.transform import Transform, apply_updates, chain
from chainrule.optim.transforms import (
    Schedule,
    add_decayed_weights,
    clip,
    clip_by_global_norm,
    scale,
    scale_by_learning_rate,
    trace,
)

__all__ = [
    "OPTIMIZERS",
    "Schedule",
    "Transform",
    "adagrad",
    "adam",
    "adamw",
    "add_decayed_weights",
    "apply_updates",
    "by_name",
    "chain",
    "clip",
    "clip_by_global_norm",
    "constant",
    "cosine",
    "exponential_decay",
    "global_norm",
    "momentum",
    "nesterov",
    "piecewise",
    "rmsprop",
    "scale",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_rms",
    "sgd",
    "trace",
    "warmup_cosine",
]
