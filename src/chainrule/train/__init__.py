"""Training: a pure step, the loop around it, and the folder that keeps a run."""

from chainrule.train.diagnosing import diagnosed
from chainrule.train.experiment import Experiment, prepare
from chainrule.train.loop import Epoch, Fit, fit, iterate, measure
from chainrule.train.metrics import (
    accuracy,
    confusion_matrix,
    r_squared,
    root_mean_squared_error,
)
from chainrule.train.objectives import classification, regression
from chainrule.train.predictor import Predictor
from chainrule.train.runs import Run, RunFolder, load_run, new_run
from chainrule.train.settings import Settings
from chainrule.train.step import State, initial_state, make_step
from chainrule.train.weights import load_weights, save_weights

__all__ = [
    "Epoch",
    "Experiment",
    "Fit",
    "Predictor",
    "Run",
    "RunFolder",
    "Settings",
    "State",
    "accuracy",
    "classification",
    "confusion_matrix",
    "diagnosed",
    "fit",
    "initial_state",
    "iterate",
    "load_run",
    "load_weights",
    "make_step",
    "measure",
    "new_run",
    "prepare",
    "r_squared",
    "regression",
    "root_mean_squared_error",
    "save_weights",
]
