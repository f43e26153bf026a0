"""Rows B.1 to B.10: the worked examples of course notes on computation graphs."""

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.lecture.row import row


@row(
    "B.1",
    en="A derivative says how much the result moves when an input is nudged: f = x·y at (4, −3).",
    zh="導數說明輸入稍動一點時結果動多少：f = x·y 在 (4, −3)。",
    expected={"f": -12.0, "∂f/∂x": -3.0, "∂f/∂y": 4.0, "x + 0.001 moves f by": -0.003},
)
def nudge():
    def f(x, y):
        f = x * y
        return f

    e = cr.explain(f, 4.0, -3.0)
    print(e)
    moved = f(4.001, -3.0) - e.value
    print(f"x + 0.001 moves f by {moved:.6f}")
    return {
        "f": e.value,
        "∂f/∂x": e.gradient["x"],
        "∂f/∂y": e.gradient["y"],
        "x + 0.001 moves f by": moved,
    }


@row(
    "B.2a",
    en="A sigmoid neuron gate by gate, w = (2, −3, −3), x = (−1, −2): the forward pass.",
    zh="逐個閘 (gate) 看一個 sigmoid 神經元，w = (2, −3, −3)、x = (−1, −2)：前向傳遞。",
    expected={
        "w0·x0": -2.0,
        "w1·x1": 6.0,
        "their sum": 4.0,
        "z": 1.0,
        "−z": -1.0,
        "exp(−z)": 0.367879441171,
        "1 + exp(−z)": 1.367879441171,
        "f": 0.73105857863,
    },
)
def neuron_forward():
    def neuron(w, x):
        first = w[0] * x[0]
        second = w[1] * x[1]
        both = first + second
        z = both + w[2]
        n = -z
        t = np.exp(n)
        d = 1 + t
        f = 1 / d
        return f

    e = cr.explain(neuron, np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0]))
    values = {wire.name: wire.value for wire in e.forward() if wire.node.op is not None}
    for name, value in values.items():
        print(f"{name:6} = {value:.12g}")
    names = ("w0·x0", "w1·x1", "their sum", "z", "−z", "exp(−z)", "1 + exp(−z)", "f")
    gates = ("first", "second", "both", "z", "n", "t", "d", "f")
    return {name: values[gate] for name, gate in zip(names, gates, strict=True)}


@row(
    "B.2b",
    en="The same neuron backward, through 1/x, +1, exp and ×(−1): a gradient on every wire.",
    zh="同一個神經元往回走，經過 1/x、+1、exp、×(−1)：每條線上的梯度。",
    expected={
        "f": 1.0,
        "d": -0.534446645389,
        "t": -0.534446645389,
        "n": -0.196611933241,
        "z": 0.196611933241,
        "both": 0.196611933241,
        "first": 0.196611933241,
        "second": 0.196611933241,
    },
)
def neuron_backward():
    def neuron(w, x):
        first = w[0] * x[0]
        second = w[1] * x[1]
        both = first + second
        z = both + w[2]
        n = -z
        t = np.exp(n)
        d = 1 + t
        f = 1 / d
        return f

    e = cr.explain(neuron, np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0]))
    totals = {wire.name: wire.total for wire in e.forward() if wire.node.op is not None}
    for line in e.records():
        print(
            f"∂f/∂{line.argument:6} += {line.upstream: .9f} · {line.local: .9f}   {line.local_formula}"
        )
    return {name: totals[name] for name in ("f", "d", "t", "n", "z", "both", "first", "second")}


@row(
    "B.2c",
    en="The same neuron, down to its five inputs. (The pictures show −0.20, −0.39, 0.20 and 0.39, −0.59.)",
    zh="同一個神經元，直到五個輸入。（圖上寫的是 −0.20、−0.39、0.20 與 0.39、−0.59。）",
    expected={
        "∂f/∂w": [-0.196611933241, -0.393223866483, 0.196611933241],
        "∂f/∂x": [0.393223866483, -0.589835799724],
        "two digits say ≈": True,
    },
)
def neuron_inputs():
    def neuron(w, x):
        z = w[0] * x[0] + w[1] * x[1] + w[2]
        f = 1 / (1 + np.exp(-z))
        return f

    e = cr.explain(neuron, np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0]))
    text = e.text(digits=2)
    print(text)
    return {
        "∂f/∂w": e.gradient["w"],
        "∂f/∂x": e.gradient["x"],
        "two digits say ≈": "≈ 0.39" in text and "= 0.39" not in text,
    }


@row(
    "B.2d",
    en="One σ gate in the place of four gives the same numbers: (1 − f)·f.",
    zh="用一個 σ 閘取代四個閘，結果相同：(1 − f)·f。",
    expected={
        "σ'(z)": 0.196611933241,
        "rule": "sigmoid(z) * (1 - sigmoid(z))",
        "to one rounding": True,
    },
)
def one_gate():
    def neuron(z):
        f = nn.sigmoid(z)
        return f

    def four(z):
        f = 1 / (1 + np.exp(-z))
        return f

    e = cr.explain(neuron, 1.0)
    print(e)
    (gate,) = e.records()
    gates = cr.explain(four, 1.0).gradient["z"]
    return {
        "σ'(z)": gate.local,
        "rule": gate.local_formula,
        "to one rounding": bool(abs(gate.contribution - gates) <= np.spacing(gates)),
    }


@row(
    "B.3a",
    en="f = (x + σ(y)) / (σ(x) + (x + y)²) at (3, −4), staged: the forward pass.",
    zh="f = (x + σ(y)) / (σ(x) + (x + y)²) 在 (3, −4)，分段計算：前向傳遞。",
    expected={
        "sigy": 0.017986209962,
        "num": 3.017986209962,
        "sigx": 0.952574126822,
        "xpy": -1.0,
        "xpysqr": 1.0,
        "den": 1.952574126822,
        "invden": 0.51214444884,
        "f": 1.545644884107,
    },
)
def staged_forward():
    def staged(x, y):
        sigy = nn.sigmoid(y)
        num = x + sigy
        sigx = nn.sigmoid(x)
        xpy = x + y
        xpysqr = xpy**2
        den = sigx + xpysqr
        invden = 1 / den
        f = num * invden
        return f

    e = cr.explain(staged, 3.0, -4.0)
    found = {wire.name: wire.value for wire in e.forward() if wire.node.op is not None}
    for name, value in found.items():
        print(f"{name:6} = {value:.12g}")
    return found


@row(
    "B.3b",
    en="The same function: the gradient of every stage.",
    zh="同一個函數：每一段的梯度。",
    expected={
        "num": 0.51214444884,
        "invden": 3.017986209962,
        "den": -0.791593447273,
        "sigx": -0.791593447273,
        "xpysqr": -0.791593447273,
        "xpy": 1.583186894545,
        "sigy": 0.51214444884,
    },
)
def staged_backward():
    def staged(x, y):
        sigy = nn.sigmoid(y)
        num = x + sigy
        sigx = nn.sigmoid(x)
        xpy = x + y
        xpysqr = xpy**2
        den = sigx + xpysqr
        invden = 1 / den
        f = num * invden
        return f

    e = cr.explain(staged, 3.0, -4.0)
    totals = {wire.name: wire.total for wire in e.forward()}
    names = ("num", "invden", "den", "sigx", "xpysqr", "xpy", "sigy")
    for name in names:
        print(f"∂f/∂{name:6} = {totals[name]: .12f}")
    return {name: totals[name] for name in names}


@row(
    "B.3c",
    en="Where an input is used several times the gradients add up (+=): three terms for x, two for y.",
    zh="輸入被用到多次時，梯度相加 (+=)：x 有三項，y 有兩項。",
    expected={
        "terms of ∂f/∂x": [-0.035761547813, 0.51214444884, 1.583186894545],
        "∂f/∂x": 2.059569795572,
        "terms of ∂f/∂y": [0.009045856939, 1.583186894545],
        "∂f/∂y": 1.592232751484,
        "complex step agrees to 1e-12": True,
    },
)
def forks_add_up():
    def staged(x, y):
        sigy = 1 / (1 + np.exp(-y))
        num = x + sigy
        sigx = 1 / (1 + np.exp(-x))
        xpy = x + y
        den = sigx + xpy**2
        f = num * (1 / den)
        return f

    e = cr.explain(staged, 3.0, -4.0)
    text = str(e)
    print(text[text.index("where paths meet") :])
    steps = staged(3.0 + 1e-30j, -4.0).imag / 1e-30, staged(3.0, -4.0 + 1e-30j).imag / 1e-30
    by = {"x": cr.explain(staged, 3.0, -4.0, wrt="x"), "y": cr.explain(staged, 3.0, -4.0, wrt="y")}
    terms = {k: [line.contribution for line in v.records(k)] for k, v in by.items()}
    # −x and −y stand between an input and its σ: the term through σ is that of the negation
    return {
        "terms of ∂f/∂x": sorted(terms["x"]),
        "∂f/∂x": e.gradient["x"],
        "terms of ∂f/∂y": sorted(terms["y"]),
        "∂f/∂y": e.gradient["y"],
        "complex step agrees to 1e-12": bool(
            abs(steps[0] - e.gradient["x"]) < 1e-12 and abs(steps[1] - e.gradient["y"]) < 1e-12
        ),
    }


@row(
    "B.4",
    en="Patterns in 2·(x·y + max(z, w)): add distributes the gradient, max routes it, multiply switches it.",
    zh="2·(x·y + max(z, w)) 中的模式：加法分配梯度，max 選路，乘法交換。",
    expected={
        "values": {"xy": -12.0, "m": 2.0, "s": -10.0, "f": -20.0},
        "gradients": {
            "f": 1.0,
            "s": 2.0,
            "xy": 2.0,
            "m": 2.0,
            "x": -8.0,
            "y": 6.0,
            "z": 2.0,
            "w": 0.0,
        },
    },
)
def patterns():
    def circuit(x, y, z, w):
        xy = x * y
        m = np.maximum(z, w)
        s = xy + m
        f = 2 * s
        return f

    e = cr.explain(circuit, 3.0, -4.0, 2.0, -1.0)
    print(e)
    picture = e.svg()
    return {
        "values": {w.name: w.value for w in e.forward() if w.node.op is not None},
        "gradients": {w.name: w.total for w in e.forward()},
    }


@row(
    "B.5",
    en="max of equal inputs needs a rule. Here equal values share the gradient evenly, as in PyTorch's amax; "
    "the notes give each the whole.",
    zh="兩個相等輸入的 max 需要約定。這裡相等的值平分梯度（同 PyTorch 的 amax）；筆記則各給全部。",
    expected={
        "maximum(2, 2)": [0.5, 0.5],
        "max([2, 2, 1])": [0.5, 0.5, 0.0],
        "told": "max: equal largest entries share the gradient evenly; tied here: top",
    },
)
def ties():
    def largest(x):
        top = np.max(x)
        return top

    e = cr.explain(largest, np.array([2.0, 2.0, 1.0]))
    print(e)
    pair = cr.explain(np.maximum, 2.0, 2.0)
    return {
        "maximum(2, 2)": [line.contribution for line in pair.records()],
        "max([2, 2, 1])": e.gradient["x"],
        "told": dict(e.facts)["tie rule"],
    }


@row(
    "B.6",
    en="A variable that is used twice collects both gradients: x·x, and x·y + x.",
    zh="變數用到兩次，就收集兩份梯度：x·x 與 x·y + x。",
    expected={
        "x·x at 3": [3.0, 3.0],
        "∂(x·x)/∂x": 6.0,
        "x·y + x at (2, 5)": [1.0, 5.0],
        "∂f/∂x": 6.0,
        "∂f/∂y": 2.0,
    },
)
def used_twice():
    def square(x):
        f = x * x
        return f

    def both(x, y):
        f = x * y + x
        return f

    first, second = cr.explain(square, 3.0), cr.explain(both, 2.0, 5.0)
    print(second)
    return {
        "x·x at 3": [line.contribution for line in first.records()],
        "∂(x·x)/∂x": first.gradient["x"],
        "x·y + x at (2, 5)": sorted(line.contribution for line in second.records("x")),
        "∂f/∂x": second.gradient["x"],
        "∂f/∂y": second.gradient["y"],
    }


@row(
    "B.7",
    en="D = W·X: ∂W = ∂D·Xᵀ and ∂X = Wᵀ·∂D; the dimensions leave no other choice.",
    zh="D = W·X：∂W = ∂D·Xᵀ、∂X = Wᵀ·∂D；維度不容許別的寫法。",
    expected={
        "D": [[19.0, 22.0], [43.0, 50.0]],
        "∂W": [[11.0, 15.0], [11.0, 15.0]],
        "∂X": [[4.0, 4.0], [6.0, 6.0]],
        "rules": ["g @ Xᵀ", "Wᵀ @ g"],
        "dimensions of ∂W": "(5, 3) → (5, 10)",
        "dimensions of ∂X": "(5, 3) → (10, 3)",
    },
)
def matrix_product():
    def f(W, X):
        D = W @ X
        return np.sum(D)

    e = cr.explain(f, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]))
    rng = np.random.default_rng(0)
    wide = cr.explain(f, rng.standard_normal((5, 10)), rng.standard_normal((10, 3)))
    print(wide)
    (by_w,), (by_x,) = e.records("W"), e.records("X")
    return {
        "D": by_w.value,
        "∂W": by_w.contribution,
        "∂X": by_x.contribution,
        "rules": [by_w.local_formula, by_x.local_formula],
        "dimensions of ∂W": wide.records("W")[0].shapes,
        "dimensions of ∂X": wide.records("X")[0].shapes,
    }


@row(
    "B.8",
    en="A vector example, f = ‖W·x‖²: q = W·x, ∂f/∂q = 2q, ∂f/∂W = 2q·xᵀ, ∂f/∂x = Wᵀ·2q.",
    zh="向量的例子 f = ‖W·x‖²：q = W·x、∂f/∂q = 2q、∂f/∂W = 2q·xᵀ、∂f/∂x = Wᵀ·2q。",
    expected={
        "q": [0.22, 0.26],
        "f": 0.116,
        "∂f/∂q": [0.44, 0.52],
        "∂f/∂W": [[0.088, 0.176], [0.104, 0.208]],
        "∂f/∂x": [-0.112, 0.636],
    },
)
def vector_example():
    def squares(W, x):
        q = W @ x
        f = np.sum(q**2)
        return f

    e = cr.explain(squares, np.array([[0.1, 0.5], [-0.3, 0.8]]), np.array([0.2, 0.4]))
    print(e)
    wires = {wire.name: wire for wire in e.forward()}
    return {
        "q": wires["q"].value,
        "f": e.value,
        "∂f/∂q": wires["q"].total,
        "∂f/∂W": e.gradient["W"],
        "∂f/∂x": e.gradient["x"],
    }


@row(
    "B.9",
    en="At a multiply gate the scale of the inputs is the scale of the weights' gradients: ×1000 there, ×1000 here.",
    zh="在乘法閘，輸入的尺度就是權重梯度的尺度：輸入 ×1000，梯度也 ×1000。",
    expected={"∂f/∂w": [2.0, 3.0], "∂f/∂w with inputs × 1000": [2000.0, 3000.0], "rule": "x"},
)
def scale_of_inputs():
    def score(w, x):
        f = w @ x
        return f

    w, x = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    small, large = cr.explain(score, w, x), cr.explain(score, w, 1000 * x)
    print(small)
    entry = cr.explain(score, w, x, wrt="w[0]").records("w[0]")[0]
    return {
        "∂f/∂w": small.gradient["w"],
        "∂f/∂w with inputs × 1000": large.gradient["w"],
        "rule": entry.local_formula.partition("[")[0],
    }


@row(
    "B.10",
    en="Simple gates: 1/x has −1/x², c + x has 1, eˣ has eˣ, a·x has a.",
    zh="簡單的閘：1/x 為 −1/x²，c + x 為 1，eˣ 為 eˣ，a·x 為 a。",
    expected={
        "1/x": -1 / 0.49,
        "c + x": 1.0,
        "exp(x)": 2.013752707470,
        "a·x": 3.0,
    },
)
def simple_gates():
    gates = {
        "1/x": lambda x: 1 / x,
        "c + x": lambda x: 3.0 + x,
        "exp(x)": lambda x: np.exp(x),
        "a·x": lambda x: 3.0 * x,
    }
    found = {}
    for name, gate in gates.items():
        (line,) = cr.explain(gate, 0.7).records()
        print(f"{name:6}  derivative {line.local_formula:12} = {line.local:.9f} at x = 0.7")
        found[name] = line.local
    return found
