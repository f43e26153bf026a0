"""Every exception of chainrule; message wording lives here and nowhere else.

    ChainruleError
    ├── ShapeError               (ValueError)    shapes that do not fit together
    ├── DTypeError               (TypeError)     a dtype that has no gradient
    ├── ArgumentError            (ValueError)    an option or argument out of its range
    ├── ContainerError           (TypeError)     a container that cannot hold parameters
    ├── NotDifferentiableError   (TypeError)     no derivative is known, or none exists
    ├── EscapedValueError        (RuntimeError)  a traced value was about to leave the trace
    ├── NotFiniteError           (ArithmeticError)  a training that met NaN or an infinity
    ├── GraphError               (RuntimeError)  a graph that breaks its own rules: our mistake
    ├── LoweringError            (TypeError)     an op without instructions for a dtype
    ├── CompileError             (RuntimeError)  a stage of the compiler made a mistake: ours too
    ├── NativeCodeError          (RuntimeError)  machine code that cannot be made or loaded
    ├── NotCompiledError         (NotImplementedError)  a step, or a part of one, that runs eagerly: why
    ├── DataError                (ValueError)    data that cannot be used: file, row, column
    └── UsageError               (ValueError)    a command line that cannot be carried out

Every message has the form `where: what happened, with the values. What was expected.`, then the user's line, then
`Hint:` with an action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from chainrule.position import Position, caller_position

OBSERVERS: list[Callable[[ChainruleError], None]] = []
"""Called with every error that is to be remembered; the trace puts itself here."""


class ChainruleError(Exception):
    """The base of every error chainrule raises on purpose.

    Attributes:
        is_remembered: whether NumPy would not have raised: a derivative would be lost, or chainrule lacks something. A
            running trace remembers it, and raises it at its end if the user's code, or NumPy, swallowed it.
    """

    is_remembered: bool = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        position: Position | None = None,
        is_remembered: bool = False,
    ) -> None:
        self.message = message
        self.is_remembered = self.is_remembered or is_remembered
        self.hint = hint
        self.position = caller_position() if position is None else position
        super().__init__(message)
        if self.is_remembered:
            for observe in OBSERVERS:
                observe(self)

    def __str__(self) -> str:
        lines = [self.message]
        if self.position is not None:
            lines.append(f"  at {self.position}")
        if self.hint:
            lines.append(f"  Hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> Any:
        """Pickle by the text: a code object, which the position holds, cannot be pickled."""
        return _unpickled, (type(self), self.message, self.hint)


def _unpickled(cls: type[ChainruleError], message: str, hint: str) -> ChainruleError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.message, error.hint, error.position = message, hint, None
    return error


class ShapeError(ChainruleError, ValueError):
    """Shapes do not fit together.

    Failing code:

        cr.grad(lambda x: x * 2)(np.ones(3))

    The fix: reduce the result to one number, or use `cr.vjp` or `cr.jacobian`.

        cr.grad(lambda x: np.sum(x * 2))(np.ones(3))
    """

    @classmethod
    def from_non_scalar(cls, where: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{where}: the function returned an array of shape {shape}. A gradient needs one number.",
            hint="reduce the result with np.sum or np.mean, or use cr.jacobian or cr.vjp.",
        )

    @classmethod
    def from_no_entry(cls, where: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{where}: the function returned an array of shape {shape}. Expected one number.",
            hint="choose one entry of it, such as entry=0, or return a sum or mean.",
        )

    @classmethod
    def from_no_number(cls, where: str, got: str) -> Self:
        return cls(
            f"{where}: the function returned {got}. A gradient needs one number.",
            hint="return a scalar; for (scalar, anything else) pass has_aux=True.",
        )

    @classmethod
    def from_cotangent(cls, where: str, got: tuple[int, ...], expected: tuple[int, ...]) -> Self:
        return cls(
            f"{where}: got shape {got}. Expected shape {expected}, the shape of the value it belongs to."
        )

    @classmethod
    def from_numpy(cls, name: str, shapes: tuple[tuple[int, ...], ...], reason: str) -> Self:
        listed = " and ".join(map(str, shapes))
        return cls(
            f"{name}: cannot combine shapes {listed}: {reason}.",
            hint="print the shapes of both operands on the line above; reshape or transpose one of them.",
        )

    @classmethod
    def from_one_place(cls, name: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{name}: an array of shape {shape} was written to one place. Expected a number.",
            hint="write one of its elements, or write to a slice: x.flat[i : i + n] = values.",
        )

    @classmethod
    def from_not_square(cls, name: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{name}: got shape {shape}. Expected square matrices, (..., n, n).",
            hint="for a matrix that is not square use np.linalg.lstsq or np.linalg.pinv.",
        )

    @classmethod
    def from_no_matrix(cls, name: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{name}: got shape {shape}. Expected matrices, (..., m, n).",
            hint="x[:, None] makes a column of a vector, x[None, :] a row.",
        )

    @classmethod
    def from_no_samples(cls, name: str, size: int) -> Self:
        return cls(f"{name}: {size} samples were asked for. Expected at least 1.")

    @classmethod
    def from_unknown(cls, name: str) -> Self:
        return cls(
            f"{name}: the shape of the result depends on numbers, and this part is captured on shapes alone.",
            hint="use np.where with three arguments, or a mask as a factor.",
        )

    @classmethod
    def from_reshape(cls, shape: tuple[int, ...], target: tuple[int, ...]) -> Self:
        return cls(
            f"reshape: cannot give an array of shape {shape} the shape {target}. "
            "Expected a shape with the same number of elements.",
            hint="write -1 for one of the sizes, and it is worked out.",
        )

    @classmethod
    def from_axes(cls, name: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Self:
        return cls(
            f"{name}: got axes={axes} for shape {shape}. Expected each of its {len(shape)} axes once."
        )

    @classmethod
    def from_ndim(cls, name: str, shape: tuple[int, ...], expected: str) -> Self:
        return cls(
            f"{name}: got shape {shape}. Expected {expected}.",
            hint="add an axis with x[:, None], or take one away with x[0].",
        )

    @classmethod
    def from_squeeze(cls, shape: tuple[int, ...], axes: tuple[int, ...]) -> Self:
        return cls(
            f"squeeze: got shape {shape} and axis={axes}. Expected axes of size 1.",
            hint="leave axis out to take away every axis of size 1.",
        )

    @classmethod
    def from_join(
        cls, name: str, index: int, got: tuple[int, ...], first: tuple[int, ...], expected: str
    ) -> Self:
        return cls(
            f"{name}: array {index} has shape {got}, array 0 has {first}. Expected {expected}.",
            hint="print the shapes of all arrays on the line above.",
        )

    @classmethod
    def from_no_arrays(cls, name: str) -> Self:
        return cls(f"{name}: got no arrays. Expected at least one.")

    @classmethod
    def from_division(cls, name: str, size: int, sections: int) -> Self:
        return cls(
            f"{name}: cannot divide an axis of size {size} into {sections} equal parts.",
            hint="use np.array_split for parts that differ by one.",
        )

    @classmethod
    def from_no_elements(cls, name: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Self:
        return cls(
            f"{name}: got shape {shape} and axis={axes}. Expected at least one element to choose from.",
            hint="check that the array is not empty, or pass initial= where NumPy has it.",
        )

    @classmethod
    def from_parameter(cls, layer: str, name: str, got: tuple[int, ...], expected: str) -> Self:
        return cls(
            f"{layer}: {name} has shape {got}. Expected {expected}.",
            hint=f"{layer}.create makes parameters that fit together.",
        )

    @classmethod
    def from_input(cls, layer: str, got: tuple[int, ...], features: int) -> Self:
        return cls(
            f"{layer}: the input has shape {got}. Expected ({features},) or (..., {features}).",
            hint="the last axis holds the features: transpose the input, or make the layer with its size.",
        )

    @classmethod
    def from_image(cls, where: str, name: str, got: tuple[int, ...], expected: str) -> Self:
        return cls(
            f"{where}: {name} has shape {got}. Expected {expected}.",
            hint="x[None] makes a batch of one, x[..., None] adds channels; np.moveaxis reorders the axes.",
        )

    @classmethod
    def from_kernel(
        cls, where: str, got: tuple[int, ...], expected: str, channels: int, groups: int
    ) -> Self:
        parts = f" in {groups} groups" if groups > 1 else ""
        return cls(
            f"{where}: kernel has shape {got}, and x has {channels} channels{parts}. Expected {expected}.",
            hint="channels are the kernel's last axis but one, outputs its last: np.moveaxis reorders the axes.",
        )

    @classmethod
    def from_window(
        cls,
        where: str,
        window: tuple[int, ...],
        image: tuple[int, ...],
        padding: tuple[tuple[int, int], ...],
    ) -> Self:
        return cls(
            f"{where}: a window that spans {window} does not fit into {image} with padding {padding}. "
            "Expected room for one.",
            hint="check the order of the axes (channels last), use a smaller window, or pad.",
        )

    @classmethod
    def from_attention(cls, name: str, got: tuple[int, ...], expected: str) -> Self:
        return cls(
            f"attention: {name} has shape {got}. Expected {expected}.",
            hint="q, k and v are (..., time, features), with the heads among the axes in front.",
        )

    @classmethod
    def from_causal(cls, queries: int, keys: int) -> Self:
        return cls(
            f"attention: causal=True with {queries} queries and {keys} keys. Expected as many of both.",
            hint="say which keys a query sees: mask=np.tri(queries, keys, keys - queries, dtype=bool) lets the last "
            "query see all.",
        )

    @classmethod
    def from_layers(
        cls, model: str, index: int, first: tuple[int, ...], second: tuple[int, ...]
    ) -> Self:
        return cls(
            f"{model}: layers[{index}] has a weight of shape {first}, layers[{index + 1}] one of shape {second}. "
            f"Expected the second to take {first[1]} inputs.",
            hint=f"{model}.create takes the sizes once and makes layers that fit together.",
        )

    @classmethod
    def from_target(cls, loss: str, prediction: tuple[int, ...], target: tuple[int, ...]) -> Self:
        return cls(
            f"{loss}: the prediction has shape {prediction}, the target {target}. "
            "Expected equal shapes; nothing is broadcast.",
            hint="reshape one of them, for example target[:, None] or prediction[:, 0].",
        )

    @classmethod
    def from_labels(cls, loss: str, scores: tuple[int, ...], labels: tuple[int, ...]) -> Self:
        return cls(
            f"{loss}: the scores have shape {scores}, the labels {labels}. "
            f"Expected labels of shape {scores[:-1]}, one class per example.",
            hint="the last axis of the scores holds the classes.",
        )

    @classmethod
    def from_update(
        cls, where: str, path: str, got: tuple[int, ...], expected: tuple[int, ...]
    ) -> Self:
        return cls(
            f"{where}: the update of {path} has shape {got}. Expected {expected}, the shape of the parameter.",
            hint="pass the gradients of these parameters, and the state that init made for them.",
        )


class DTypeError(ChainruleError, TypeError):
    """A dtype that has no gradient.

    Failing code:

        cr.grad(np.sum)(np.array([1, 2, 3]))

    The fix: differentiate with respect to floating-point numbers.

        cr.grad(np.sum)(np.array([1.0, 2.0, 3.0]))
    """

    is_remembered = True

    @classmethod
    def from_not_inexact(cls, where: str, path: str, got: str) -> Self:
        return cls(
            f"{where}: {path} is {got}. Derivatives are taken with respect to float or complex numbers.",
            hint="write 3.0 instead of 3, or convert with .astype(float).",
        )

    @classmethod
    def from_complex_output(cls, where: str, dtype: object) -> Self:
        return cls(
            f"{where}: the function returned a complex number ({dtype}). A gradient needs a real one.",
            hint="return np.abs(z), z.real or np.abs(z)**2; for a complex result use cr.vjp.",
        )

    @classmethod
    def from_complex_jacobian(cls, mode: str, other: str, what: str) -> Self:
        return cls(
            f"jacobian: mode={mode!r} with {what}, of which it would lose one half.",
            hint=f"pass mode={other!r}, or leave it out.",
        )

    @classmethod
    def from_complex_cotangent(cls, where: str, got: object, expected: object) -> Self:
        return cls(
            f"{where}: got dtype {got}. Expected {expected}: the value it belongs to is real."
        )

    @classmethod
    def from_unsafe_cast(cls, where: str, got: object, expected: object) -> Self:
        return cls(
            f"{where}: a result of dtype {got} cannot be written into an array of dtype {expected}.",
            hint="make the array with dtype=float.",
        )

    @classmethod
    def from_out(cls, where: str, result: object, out: object) -> Self:
        return cls(
            f"{where}: a result of dtype {result} was to be written into an out= of dtype {out}. Expected equal ones.",
            hint="make the array with the result's dtype, or write a[...] = the returned array.",
        )

    @classmethod
    def from_no_numbers(cls, where: str, name: str, got: object, expected: str) -> Self:
        return cls(
            f"{where}: {name} has dtype {got}. Expected {expected}.",
            hint=f"convert with {name}.astype(...).",
        )

    @classmethod
    def from_labels(cls, where: str, name: str, got: object) -> Self:
        return cls(
            f"{where}: {name} are {got}. Expected integers.",
            hint=f"convert with {name}.astype(int).",
        )


class ArgumentError(ChainruleError, ValueError):
    """An option or argument is out of its range.

    Failing code:

        cr.grad(lambda x: x, argnums=1)(2.0)

    The fix: name an argument that the call has.

        cr.grad(lambda x: x, argnums=0)(2.0)
    """

    @classmethod
    def from_argnums(cls, where: str, argnums: object, count: int) -> Self:
        return cls(
            f"{where}: argnums={argnums!r}, but the function was called with {count} positional "
            f"{'argument' if count == 1 else 'arguments'}.",
            hint="argnums counts positional arguments from 0; pass the argument by position.",
        )

    @classmethod
    def from_no_floats(cls, where: str, count: int) -> Self:
        got = (
            "the function was called without arguments"
            if count == 0
            else "no argument holds floats only"
        )
        return cls(
            f"{where}: {got}. Expected a float number or an array of floats to differentiate by.",
            hint="write 3.0 instead of 3, and make what is to be differentiated by an argument.",
        )

    @classmethod
    def from_choice(cls, where: str, name: str, got: object, choices: tuple[str, ...]) -> Self:
        return cls(f"{where}: {name}={got!r}. Expected one of {', '.join(map(repr, choices))}.")

    @classmethod
    def from_range(cls, where: str, name: str, got: object, expected: str) -> Self:
        return cls(f"{where}: {name}={got!r}. Expected {expected}.")

    @classmethod
    def from_no_result(cls, where: str, got: str) -> Self:
        return cls(
            f"{where}: the function returned no number, but a {got}. Expected one real number, or an array.",
            hint="return the value whose gradient is asked for.",
        )

    @classmethod
    def from_too_many_entries(cls, where: str, most: int) -> Self:
        return cls(
            f"{where}: one entry reaches the result over more than {most:,} steps. Expected fewer.",
            hint="explain the whole array, without an index, or call with a smaller batch.",
        )

    @classmethod
    def from_no_network(cls, reason: str) -> Self:
        return cls(
            f"svg: no network of layers can be drawn: {reason}. "
            "Expected layers such as sigmoid(x @ W + b), one after another, with the weights among the arguments.",
            hint="draw the computation graph instead, with view='graph'.",
        )

    @classmethod
    def from_no_entry(cls, where: str, known: Sequence[str]) -> Self:
        return cls(
            f"{where}: no single entry is named. Expected one, of {_listed(known)}.",
            hint="write an entry with its index, such as wrt='W1[0,0]'.",
        )

    @classmethod
    def from_index(cls, where: str, name: str, shape: tuple[int, ...]) -> Self:
        return cls(
            f"{where}: {name} has an index that does not fit. Expected one entry of the shape {shape}.",
            hint="give one index per axis, counted from 0.",
        )

    @classmethod
    def from_complex_entries(cls, where: str) -> Self:
        return cls(
            f"{where}: complex numbers lie between the entry and the result. Expected real ones.",
            hint="explain the whole array, without an index.",
        )

    @classmethod
    def from_no_dependence(cls, where: str, inputs: str) -> Self:
        return cls(
            f"{where}: the result depends on none of the inputs ({inputs}). Expected a result computed from floats.",
            hint="give floats as arguments, 2.0 instead of 2, and compute the result from them.",
        )

    @classmethod
    def from_unknown_value(cls, where: str, name: str, known: Sequence[str]) -> Self:
        return cls(
            f"{where}: {name!r} is none of the values. Expected one of {_listed(known)}.",
            hint="write an argument's name, an entry such as W1[0,0], or a variable of the function.",
        )

    @classmethod
    def from_overlap(cls, written: tuple[int, ...], other: tuple[int, ...]) -> Self:
        return cls(
            f"the function writes to an argument of shape {written} that shares memory with another one, of shape "
            f"{other}. The arguments are apart while it is traced: the write would not be seen in both.",
            hint="pass a copy of one of them: f(x, x.copy()).",
        )

    @classmethod
    def from_read_only(cls, name: str) -> Self:
        return cls(
            f"{name}: its result is read-only, as NumPy's is, and was written to.",
            hint=f"write to the array itself, or to a copy: {name}(...).copy().",
        )

    @classmethod
    def from_diverged(cls, epoch: int, loss: float) -> Self:
        return cls(
            f"training: the loss is {loss} after epoch {epoch}. Expected a finite number.",
            hint="train with a smaller learning rate, and check the data for extreme values; fit(…, diagnose=True) "
            "and chainrule train --diagnose name the place.",
        )

    @classmethod
    def from_assignment(cls, name: str) -> Self:
        return cls(
            f".{name} = …: another {name} cannot be given to an array that is in use.",
            hint="rebind the name: a = a.reshape(shape), or a = a.astype(dtype).",
            is_remembered=True,
        )

    @classmethod
    def from_unsupported(cls, where: str, what: str, hint: str = "") -> Self:
        return cls(f"{where}: {what} is not supported.", hint=hint, is_remembered=True)

    @classmethod
    def from_label(cls, where: str, lowest: int, highest: int, classes: int) -> Self:
        return cls(
            f"{where}: labels go from {lowest} to {highest}. Expected 0 to {classes - 1} for {classes} scores.",
            hint="count classes from 0, and give the last layer one output per class.",
        )

    @classmethod
    def from_missing_parameters(cls, where: str) -> Self:
        return cls(
            f"{where}: update was called without the parameters, which it needs.",
            hint="call update(gradients, state, params).",
        )

    @classmethod
    def from_no_rule(cls, where: str) -> Self:
        return cls(
            f"{where}: got neither vjp nor jvp. Expected at least one of them.",
            hint="write @cr.custom_rule(vjp=lambda g, out, x: ...); each rule gives the other.",
        )

    @classmethod
    def from_traced_option(cls, where: str, option: str) -> Self:
        return cls(
            f"{where}: the option {option}= is a traced value. Expected a plain one: options have no derivative.",
            hint=f"pass {option} by position, or pass cr.stop_gradient({option}).",
        )


class ContainerError(ChainruleError, TypeError):
    """A container, or what is in it, cannot be differentiated or does not match another.

    Failing code:

        cr.grad(lambda p: p["w"] ** 2)({"w": "three"})

    The fix: leaves are arrays and numbers; text, None and functions are left alone, but there must be one number.

        cr.grad(lambda p: p["w"] ** 2)({"w": 3.0})
    """

    @classmethod
    def from_leaf(cls, where: str, path: str, got: str) -> Self:
        return cls(
            f"{where}: {path} is {got}. Expected an array or a number.",
            hint="pass plain arrays: for a data frame its .to_numpy(), for a masked array its .filled(value).",
        )

    @classmethod
    def from_number(cls, where: str) -> Self:
        return cls(
            f"{where}: the first argument is a number. Expected an array.",
            hint="write into an array: np.array(number), or one that holds it.",
        )

    @classmethod
    def from_mismatch(cls, where: str, got: str, expected: str) -> Self:
        return cls(f"{where}: the containers differ: got {got}. Expected {expected}.")


class NotDifferentiableError(ChainruleError, TypeError):
    """No derivative is known for an operation, or none exists.

    Failing code:

        cr.grad(lambda x: x * np.nextafter(x, 2.0))(1.0)

    The fix: use an operation that `chainrule ops` lists, or state the rule with `@cr.custom_rule`. Where the derivative
    is not wanted, cut the value out.

        cr.grad(lambda x: x * np.nextafter(cr.stop_gradient(x), 2.0))(1.0)
    """

    is_remembered = True

    @classmethod
    def from_python_ufunc(cls, name: str) -> Self:
        return cls(
            f"{name}: a ufunc made by np.frompyfunc hides its function, and its derivative with it.",
            hint="use np.vectorize(f), which is followed.",
        )

    @classmethod
    def from_unknown(cls, name: str) -> Self:
        return cls(
            f"{name}: chainrule has no derivative rule for it.",
            hint=f"state one with @cr.custom_rule, or pass cr.stop_gradient(x) to {name}.",
        )

    @classmethod
    def from_reason(cls, name: str, reason: str, hint: str = "") -> Self:
        return cls(
            f"{name}: {reason}.",
            hint=hint or "pass cr.stop_gradient(x) if the derivative is not wanted.",
        )

    @classmethod
    def from_option(cls, name: str, option: str, got: object) -> Self:
        return cls(
            f"{name}: {option}={got!r} has no derivative rule.",
            hint=f"call {name} without {option}.",
        )


class EscapedValueError(ChainruleError, RuntimeError):
    """A traced value was about to become a plain number, which would silently lose its derivative.

    Failing code:

        cr.grad(lambda x: math.sin(x))(1.0)

    The fix: use the NumPy function, which chainrule can follow.

        cr.grad(lambda x: np.sin(x))(1.0)
    """

    is_remembered = True

    @classmethod
    def from_conversion(cls, what: str, hint: str) -> Self:
        return cls(
            f"{what} would turn a traced value into a plain number and lose its derivative.",
            hint=hint,
        )

    @classmethod
    def from_closure(cls, name: str) -> Self:
        return cls(
            f"{name}: the function returned a traced value that it did not get as an argument; its rule says nothing "
            "about that derivative, which would be lost.",
            hint="pass every value that is differentiated as an argument.",
        )

    @classmethod
    def from_shared_memory(cls) -> Self:
        return cls(
            "a traced value was about to be written into memory that plain code holds too, where it would arrive "
            "without its derivative.",
            hint="hand a copy of the array to the plain code: g(a.copy()).",
        )

    @classmethod
    def from_shuffling(cls) -> Self:
        return cls(
            "compiled code swaps rows of an array through views of them, as Generator.shuffle does: it would make "
            "duplicates.",
            hint="index with a permutation: a = a[rng.permutation(len(a))].",
        )

    @classmethod
    def from_text(cls) -> Self:
        return cls(
            "a number would be written or printed that each call has anew: this part is captured on types alone.",
            hint="return the value from the step, and print it outside.",
        )

    @classmethod
    def from_unknown_numbers(cls) -> Self:
        return cls(
            "a decision on numbers that are not known yet: this part is captured on types alone.",
            hint="write the decision as np.where, or do not capture this part.",
        )

    @classmethod
    def from_unknown_memory(cls, what: str) -> Self:
        return cls(
            f"{what} says how an array lies in memory, which is not known of one that is traced.",
            hint="ask for it outside of the traced function, or for .shape and .dtype.",
        )


class GraphError(ChainruleError, RuntimeError):
    """A graph breaks one of its own rules. It is a mistake of chainrule's; please report it."""

    @classmethod
    def from_rule(cls, where: str, what: str) -> Self:
        return cls(
            f"{where}: {what}.",
            hint="this is a bug in chainrule: please report it with the graph printed.",
        )


class LoweringError(ChainruleError, TypeError):
    """There are no instructions for an op on these dtypes: the compiler calls NumPy for it instead."""

    @classmethod
    def from_dtypes(cls, name: str, dtypes: Sequence[object]) -> Self:
        listed = ", ".join(map(str, dtypes))
        return cls(
            f"compile: {name} has no instructions for {listed}. Expected dtypes that it is for.",
            hint="cast the arguments with astype.",
        )


class CompileError(ChainruleError, RuntimeError):
    """A stage of the compiler made a mistake, found by `CHAINRULE_CHECK=1`. Please report it with the file it names."""

    @classmethod
    def from_pass(cls, name: str, reason: str, saved: object) -> Self:
        return cls(
            f"compile: the pass {name} changed the program: {reason}. Expected a graph that computes the same.",
            hint=f"this is a bug in chainrule: please report it with {saved}, which holds the graph and the numbers.",
        )

    @classmethod
    def from_failure(cls, name: str, reason: str, saved: object) -> Self:
        return cls(
            f"compile: the pass {name} failed with {reason}. Expected a graph that computes the same.",
            hint=f"this is a bug in chainrule: please report it with {saved}, which holds the graph and the numbers.",
        )


class NativeCodeError(ChainruleError, RuntimeError):
    """Machine code cannot be made or loaded. It is a mistake of chainrule's, or an installation that lacks a part."""

    @classmethod
    def from_symbol(cls, name: str) -> Self:
        return cls(
            f"native code: no function {name!r} was found in this process. It should come with SciPy, Python or the C "
            "library.",
            hint="check that SciPy is installed as a whole: python -c 'import scipy.linalg.cython_blas'.",
        )

    @classmethod
    def from_llvm(cls, reason: str, text: str) -> Self:
        return cls(
            f"native code: LLVM refused a module of {len(text.splitlines())} lines: {reason.strip()}",
            hint="this is a bug in chainrule: please report it with the function that was compiled.",
        )

    @classmethod
    def from_object(cls, reason: str) -> Self:
        return cls(
            f"native code: an object file cannot be loaded: {reason}.",
            hint="delete the cache of compiled code, or run with CHAINRULE_CACHE=off.",
        )


class NotFiniteError(ChainruleError, ArithmeticError):
    """A training that is diagnosed met NaN or an infinity; the message names the line where it began.

    Failing code:

        chainrule train digits --diagnose --learning-rate 1e38

    The fix: what the hint says, here a smaller learning rate. `fit(..., diagnose=True)` raises it as well.

    Attributes:
        diagnosis: all that was found, a `Diagnosis`; None if the trouble did not come again.
    """

    diagnosis: Any = None

    @classmethod
    def from_place(
        cls, where: str, lines: Iterable[str], advice: str, position: Position | None
    ) -> Self:
        told = "\n".join(f"  {line}" for line in lines)
        return cls(
            f"training: {where} gave NaN or an infinity. Expected finite numbers. It began here:\n{told}",
            hint=advice or "look at the operands above.",
            position=position,
        )

    @classmethod
    def from_no_place(cls, where: str) -> Self:
        return cls(
            f"training: {where} gave NaN or an infinity, and run again op by op on the same numbers it does not. "
            "Expected finite numbers.",
            hint="the compiled step may round differently near an overflow: lower the learning rate; if it computes "
            "something random, draw it from the batch.",
        )


class NotCompiledError(ChainruleError, NotImplementedError):
    """A step cannot be compiled as a whole. `Compiled` then runs it eagerly, with the same results, and reports why.

    It is raised only where what was compiled is asked for, and there is nothing:

        cr.compile(np.sin).graph

    Call the function first, and look at its report:

        print(cr.compile(np.sin).report())
    """

    is_remembered = True  # the step may catch it, and go on where eager code does not
    may_pass = False
    """Whether another capture may go well."""

    @classmethod
    def from_outer_trace(cls) -> Self:
        return cls(
            "compile: the step reads a value of a trace that runs outside of it.",
            hint="pass the value as an argument.",
        )

    @classmethod
    def from_result(cls, kind: str) -> Self:
        return cls(
            f"compile: the step returned an object of type {kind}, which may hold arrays that nobody sees.",
            hint="return arrays, numbers, and tuples, lists, dicts or dataclasses of them.",
        )

    @classmethod
    def from_made_function(cls, kind: str) -> Self:
        return cls(
            f"compile: the step returned an object of type {kind} that it made: each call returns another one.",
            hint="make functions, classes and objects that are called outside of the step.",
        )

    @classmethod
    def from_attribute(cls, name: str) -> Self:
        return cls(
            f"compile: a dataclass, or a named tuple, has an attribute {name} that is none of its fields.",
            hint="make it a field, or compute it where it is needed.",
        )

    @classmethod
    def from_overwritten(cls) -> Self:
        return cls(
            "compile: an argument was overwritten in a way that is not followed.",
            hint="write x[...] = value, or return the new array.",
        )

    @classmethod
    def from_changed_array(cls) -> Self:
        return cls(
            "compile: the step changes an array that it did not get as an argument.",
            hint="pass the array as an argument, or return the new one.",
        )

    @classmethod
    def from_part(cls) -> Self:
        return cls(
            "compile: the step returns a part of an array in a container that it did not get as an argument.",
            hint="return a copy of it.",
        )

    @classmethod
    def from_shared_array(cls) -> Self:
        return cls(
            "compile: the step writes to an array whose memory it also reads or returns in a way that is not followed.",
            hint="write to a copy, or pass the array as an argument.",
        )

    @classmethod
    def from_truth_of_python(cls) -> Self:
        return cls(
            "compile: it returns a truth value of Python's, and native code would return NumPy's.",
            hint="leave the comparison to who called the step.",
        )

    @classmethod
    def from_changed_surroundings(cls) -> Self:
        return cls(
            "compile: the step sets a variable, an attribute or an item that it did not get as an argument.",
            hint="return the new value.",
        )

    @classmethod
    def from_changed_container(cls) -> Self:
        return cls(
            "compile: the step adds to, or takes from, a list or dictionary that it got as an argument.",
            hint="return the new container.",
        )

    @classmethod
    def from_comparison(cls) -> Self:
        return cls(
            "compile: the step asks by `is` or id() whether two arrays or numbers are one object.",
            hint="ask outside of the step, and pass the answer: True or False.",
        )

    @classmethod
    def from_shared(cls, name: str) -> Self:
        return cls(
            f"compile: {name} may share memory with another array, or be another name for a list or dictionary.",
            hint=f"make a copy of its own: {name} = {name}.copy().",
        )

    @classmethod
    def from_little(cls, count: int) -> Self:
        return cls(
            f"compile: there is too little to do: {count} operations.",
        )

    @classmethod
    def from_survivor(cls) -> Self:
        return cls(
            "compile: a value outlives the call in a list, an attribute or a global name.",
            hint="return the value.",
        )

    @classmethod
    def from_many_answers(cls, name: str, most: int) -> Self:
        return cls(
            f"compile: the step depends on numbers ({name}) that were others in more than {most} calls.",
            hint="use np.where with three arguments, or a mask as a factor; pass arrays that change as arguments.",
        )

    @classmethod
    def from_effect(cls, name: str, effect: str) -> Self:
        return cls(
            f"compile: the step calls {name}, and {effect}.",
            hint="call it outside of the step, on what the step returns.",
        )

    @classmethod
    def from_outside(cls, name: str, position: Position | None) -> Self:
        return cls(
            f"compile: the step calls {name}(), which may tell something else in each call.",
            hint="call it outside of the step, and pass what it tells as an argument.",
            position=position,
        )

    @classmethod
    def from_unseen(cls, what: str) -> Self:
        return cls(
            f"compile: the step may use {what}, which may tell something else in each call without being called.",
            hint="use it outside of the step, and pass what it tells as an argument.",
        )

    @classmethod
    def from_profiler(cls) -> Self:
        error = cls(
            "compile: it cannot be seen what the step calls, for it is profiled.",
            hint="have the first call come back before the profiler starts.",
        )
        error.may_pass = True
        return error

    @classmethod
    def from_error_settings(cls) -> Self:
        return cls(
            "compile: the step changes NumPy's error settings: native code raises no floating-point errors.",
            hint="leave them as they are, or change them outside of the step.",
        )

    @classmethod
    def from_random(cls) -> Self:
        return cls(
            "compile: the step draws random numbers, which would be the same in every call.",
            hint="draw them outside and pass them as an argument.",
        )

    @classmethod
    def from_draws_of_others(cls) -> Self:
        error = cls(
            "compile: random numbers were drawn while it ran from a generator that the step does not name: by what it "
            "calls, or by another thread.",
            hint="pass generators as arguments; let the first call come back before other threads draw from np.random "
            "or random.",
        )
        error.may_pass = True
        return error

    @classmethod
    def from_many_generators(cls, most: int) -> Self:
        return cls(
            f"compile: the step draws random numbers from more than {most} generators, one after the other.",
            hint="keep one generator, and set its state.",
        )

    @classmethod
    def from_iterator(cls) -> Self:
        return cls(
            "compile: the step may read from an iterator, which gives something else each time.",
            hint="take the values outside and pass them as arguments.",
        )

    @classmethod
    def from_layout(cls) -> Self:
        return cls(
            "compile: it is not known how an array of the step would lie in memory.",
            hint="copy it before it is reshaped: np.ascontiguousarray(x).",
        )

    @classmethod
    def from_steps(cls, strides: tuple[int, ...], size: int) -> Self:
        return cls(
            f"compile: an array has the strides {strides}, with elements of {size} bytes. Expected multiples of that.",
            hint="pass a copy, np.ascontiguousarray(x), in the place of a field of records.",
        )

    @classmethod
    def from_dtype(cls, dtype: object, position: Position | None) -> Self:
        return cls(
            f"compile: {dtype} is not compiled.",
            hint="compute in float64 or float32, or in complex numbers of these.",
            position=position,
        )

    @classmethod
    def from_argument(cls, what: str) -> Self:
        return cls(
            f"compile: the arguments hold {what}.",
            hint="pass arrays of booleans, integers, floats or complex numbers in the machine's byte order, in tuples, "
            "lists, dicts or dataclasses.",
        )

    @classmethod
    def from_byte_order(cls, dtype: object) -> Self:
        return cls(
            f"compile: the step reads or makes an array of dtype {dtype}, which is not in the machine's byte order.",
            hint='convert it: x.astype(x.dtype.newbyteorder("=")).',
        )

    @classmethod
    def from_surroundings(cls, error: Exception) -> Self:
        return cls(
            f"compile: what the step reads cannot be looked into: {type(error).__name__}: {error}.",
            hint="pass what an object with its own way of telling its attributes has as an argument.",
        )

    @classmethod
    def from_no_call(cls, report: str) -> Self:
        return cls(
            f"compile: there is nothing to show: {report}.",
            hint="call the compiled function first; report() says what runs eagerly, and why.",
        )

    @classmethod
    def from_failure(cls, name: str, error: Exception) -> Self:
        return cls(
            f"compile: a decision depends on the result of {name}, which raised {type(error).__name__}: {error}.",
            hint="the step is run as it is, and says what is wrong.",
        )

    @classmethod
    def from_rehearsal(cls, name: str, error: Exception) -> Self:
        return cls(
            f"compile: {name} raised {type(error).__name__} for samples of these arguments: {error}.",
            hint="the step is run as it is, and says what is wrong, if its numbers are refused, too.",
        )

    @classmethod
    def from_refusal(cls, name: str) -> Self:
        return cls(
            f"compile: {name} raises for these arguments, or Python answers with a number of another type.",
            hint="the step is run as it is, and says what is wrong.",
        )

    @classmethod
    def from_many_paths(cls, count: int) -> Self:
        return cls(
            f"compile: calls took more than {count} different ways through the branches of the step.",
            hint="write the branch that differs most often as np.where.",
        )


class DataError(ChainruleError, ValueError):
    """Data cannot be used: a file, a row, a column.

    Failing code:

        chainrule train data.csv --target prise

    The fix: name a column the file has; the message lists them.
    """

    @classmethod
    def from_unreadable(cls, source: str, reason: str) -> Self:
        return cls(
            f"{source}: cannot be read: {reason}. Expected a CSV file of numbers.",
            hint="check the path and the encoding; the file must be UTF-8 text, or that with gzip (.gz).",
        )

    @classmethod
    def from_empty(cls, source: str) -> Self:
        return cls(
            f"{source}: has no rows of data. Expected a header and at least one row below it.",
            hint="check that the file was written completely.",
        )

    @classmethod
    def from_cell(cls, source: str, row: int, column: str, value: str) -> Self:
        has_decimal_comma = value.count(",") == 1 and value.replace(",", "").strip("+- ").isdigit()
        return cls(
            f"{source}: row {row}, column {column!r}: {_shortened(value)} is not a number. Expected a finite number "
            "or an empty cell.",
            hint="write decimals with a point, 0.5 rather than 0,5."
            if has_decimal_comma
            else "correct the cell, leave it empty if the value is unknown, or number the categories 0, 1, 2.",
        )

    @classmethod
    def from_too_large(cls, source: str, row: int, column: str, value: str, limit: float) -> Self:
        return cls(
            f"{source}: row {row}, column {column!r}: {_shortened(value)} is too large to calculate with. Expected a "
            f"number between {-limit:g} and {limit:g}.",
            hint="correct the cell, or write the column in a larger unit.",
        )

    @classmethod
    def from_far_away(cls, source: str, row: int) -> Self:
        return cls(
            f"{source}: row {row}: the network's answer is not a finite number. Expected features near those it was "
            "trained on.",
            hint="look for a wrong value in that row, or train with rows like it.",
        )

    @classmethod
    def from_row_length(cls, source: str, row: int, got: int, expected: int) -> Self:
        noun = "cell" if got == 1 else "cells"
        return cls(
            f"{source}: row {row} has {got} {noun}. Expected {expected}, as in the first row.",
            hint="look for a separator or a quotation mark that is missing or too many in that row.",
        )

    @classmethod
    def from_missing_columns(
        cls, source: str, missing: Sequence[str], columns: Sequence[str]
    ) -> Self:
        noun = "column" if len(missing) == 1 else "columns"
        return cls(
            f"{source}: has no {noun} {_listed(missing)}. Its columns are {_listed(columns)}.",
            hint="use a name from that list, spelled as it is there.",
        )

    @classmethod
    def from_repeated_column(cls, source: str, column: str) -> Self:
        return cls(
            f"{source}: two columns are named {column!r}. Expected every column to have a name of its own.",
            hint="rename one of them in the header.",
        )

    @classmethod
    def from_no_values(cls, source: str, column: str) -> Self:
        return cls(
            f"{source}: column {column!r} has no value in any row. Expected at least one number.",
            hint="remove the column from the file.",
        )

    @classmethod
    def from_no_features(cls, source: str, target: str) -> Self:
        return cls(
            f"{source}: has no column besides the target {target!r}. Expected at least one to predict it from.",
            hint="check the separator: a comma, a semicolon or a tab.",
        )

    @classmethod
    def from_missing_target(cls, source: str, row: int, column: str) -> Self:
        return cls(
            f"{source}: row {row}, column {column!r}: the target is missing or NaN. Expected a number in every row.",
            hint="remove the rows whose target is unknown; only features may be missing.",
        )

    @classmethod
    def from_constant_target(cls, source: str, column: str, value: str) -> Self:
        return cls(
            f"{source}: column {column!r} is {value} in every row. Expected a target with at least two values.",
            hint="name another column as the target.",
        )

    @classmethod
    def from_rare_class(cls, source: str, column: str, label: str) -> Self:
        return cls(
            f"{source}: column {column!r}: class {label} has a single row. Expected at least two rows of each class.",
            hint="add rows of that class or remove it; for a measured quantity use the task regression.",
        )

    @classmethod
    def from_unknown_class(
        cls, source: str, row: int, column: str, value: str, classes: Sequence[str]
    ) -> Self:
        return cls(
            f"{source}: row {row}, column {column!r}: {value} is not a class the model knows. "
            f"Expected one of {', '.join(classes)}.",
            hint="correct the cell, or train again with rows of that class.",
        )

    @classmethod
    def from_too_few(cls, source: str, part: str, got: int, expected: int) -> Self:
        return cls(
            f"{source}: {part} would have {got} {'row' if got == 1 else 'rows'}. Expected at least {expected}.",
            hint="add rows, or change the fractions for validation and test.",
        )

    @classmethod
    def from_changed(cls, source: str) -> Self:
        return cls(
            f"{source}: is not the data the run was trained on, so its unseen test part cannot be told apart.",
            hint="restore the file, or name the data to use on the command line.",
        )

    @classmethod
    def from_run(cls, path: str, reason: str) -> Self:
        return cls(
            f"{path}: is not a complete run folder: {reason}.",
            hint="name a folder that chainrule train has written, such as runs/digits-001.",
        )

    @classmethod
    def from_weights(cls, path: str, reason: str) -> Self:
        return cls(
            f"{path}: does not hold the weights of this model: {reason}.",
            hint="load the weights into a model of the sizes they were saved from.",
        )


class UsageError(ChainruleError, ValueError):
    """A command line cannot be carried out as it stands.

    Failing code:

        chainrule train digitz

    The fix: name a data set that exists; the message lists them.
    """

    @classmethod
    def from_unknown_data(cls, name: str, known: Sequence[str]) -> Self:
        return cls(
            f"{name}: is neither a file nor a data set. Expected a CSV file or one of {_listed(known)}.",
            hint="check the spelling and the path.",
        )

    @classmethod
    def from_option(cls, option: str, got: object, expected: str) -> Self:
        return cls(
            f"{option}: got {got!r}. Expected {expected}.",
            hint="chainrule COMMAND --help shows the options.",
        )

    @classmethod
    def from_no_target(cls, source: str, columns: Sequence[str]) -> Self:
        return cls(
            f"{source}: no target is named. Expected one of its columns: {_listed(columns)}.",
            hint=f"add --target {columns[-1] if columns else 'NAME'}",
        )

    @classmethod
    def from_unwritable(cls, path: str, reason: str) -> Self:
        return cls(
            f"{path}: cannot be written: {reason}.",
            hint="choose another place with --out.",
        )

    @classmethod
    def from_output(cls, reason: str) -> Self:
        return cls(
            f"the output cannot be written: {reason}. Expected a terminal, a pipe or a file that takes it.",
            hint="free some space, or send the output to another place.",
        )

    @classmethod
    def from_expression(cls, text: str, reason: str, hint: str = "") -> Self:
        return cls(
            f"{_shortened(text)}: {reason}. Expected numbers, names, + - * / **, parentheses and known functions.",
            hint=hint or 'write it as in: chainrule explain "(x+y)*z" x=-2 y=5 z=-4',
        )

    @classmethod
    def from_function(cls, name: str, reason: str, hint: str) -> Self:
        return cls(f"{name}: {reason}.", hint=hint)

    @classmethod
    def from_memory(cls, command: str, reason: str) -> Self:
        return cls(
            f"{command}: there is not enough memory: {reason or 'the data does not fit'}.",
            hint="use fewer rows, smaller layers or smaller shapes.",
        )


def _listed(names: Sequence[str], most: int = 20) -> str:
    """Return quoted names, a long list cut short."""
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"… and {len(names) - most} more")
    return ", ".join(shown)


def _shortened(value: str, most: int = 40) -> str:
    """Return a quoted value, a long one cut short."""
    return repr(value) if len(value) <= most else f"{value[:most]!r}…"
