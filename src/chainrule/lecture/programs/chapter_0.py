"""Rows 0.1 to 0.12: the chain rule, and what the two passes are for."""

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.lecture.programs.network import ORIGIN, PARAMETERS, TARGET, X, bce, hse
from chainrule.lecture.row import row


@row(
    "0.1",
    en="Backpropagation is an efficient way to compute very many gradients at once.",
    zh="反向傳播是一次算出大量梯度的有效方法。",
    expected={"gradients": 18, "calls for them": 1, "calls for differences": 36, "agree": True},
)
def many_gradients():
    calls = []

    def counted(p, x, target):
        calls.append(1)
        return hse(p, x, target)

    e = cr.explain(counted, PARAMETERS, X, TARGET, argnums=0)
    for name, number in e.gradient_by_entry.items():
        print(f"∂C/∂{name} = {number: .9f}")
    once = len(calls)
    report = cr.check_gradients(hse, PARAMETERS, X, TARGET, argnums=0, entries=None)
    for line in report.rows:
        print(
            f"{line.parameter}: {line.checked} of {line.size} against differences: {line.verdict}"
        )
    entries = sum(line.checked for line in report.rows)
    return {
        "gradients": len(e.gradient_by_entry),
        "calls for them": once,
        "calls for differences": 2 * entries,
        "agree": report.ok,
    }


@row(
    "0.2",
    en="Case 1: y = g(x) and z = h(y). Then dz/dx = dz/dy · dy/dx: the factors of a chain multiply.",
    zh="情況一：y = g(x)、z = h(y)，則 dz/dx = dz/dy · dy/dx，鏈上的各個因子相乘。",
    expected={
        "z": 0.778073196888,
        "dz/dy": -0.628173622723,
        "dy/dx": 3.0,
        "dz/dx": -1.884520868168,
    },
)
def one_chain():
    def f(x):
        y = x**2
        z = np.sin(y)
        return z

    e = cr.explain(f, 1.5)
    print(e)
    outer, inner = e.records()
    return {
        "z": e.value,
        "dz/dy": outer.local,
        "dy/dx": inner.local,
        "dz/dx": inner.contribution,
    }


@row(
    "0.3",
    en="Case 2: x = g(s), y = h(s), z = k(x, y). Then dz/ds is the sum over both paths.",
    zh="情況二：x = g(s)、y = h(s)、z = k(x, y)，則 dz/ds 是兩條路徑之和。",
    expected={"z": 32.0, "paths": 2, "via y": 48.0, "via x": 32.0, "dz/ds": 80.0},
)
def two_paths():
    def f(s):
        x = s**2
        y = s**3
        z = x * y
        return z

    e = cr.explain(f, 2.0, wrt="s")
    print(e.text(paths=True))
    paths = e.paths()
    via_y, via_x = paths.strongest
    return {
        "z": e.value,
        "paths": paths.count,
        "via y": via_y.product,
        "via x": via_x.product,
        "dz/ds": paths.total,
    }


@row(
    "0.4",
    en="A change of s spreads to x and to y, and both meet in z: a fork and a join, drawn as arrows.",
    zh="s 的變化傳到 x 與 y，兩者又在 z 會合：圖上畫成分岔與會合的箭頭。",
    expected={
        "s → x": 4.0,
        "s → y": 12.0,
        "x → z": 8.0,
        "y → z": 4.0,
        "drawn": ["12", "4", "4", "8"],
    },
)
def fork_and_join():
    import re

    def f(s):
        x = s**2
        y = s**3
        z = x * y
        return z

    e = cr.explain(f, 2.0, wrt="s")
    picture = e.svg()
    labels = re.findall(r'class="cr-local"[^>]*>([^<]*)<', picture)
    edges = {f"{line.argument} → {line.name}": line.local for line in e.records()}
    print(edges)
    return edges | {"drawn": sorted(label.split()[-1] for label in labels)}


@row(
    "0.5",
    en="The loss is a sum over examples, L = Σ Cⁿ. So is its gradient: ∂L/∂w = Σ ∂Cⁿ/∂w.",
    zh="總損失是各筆資料之和 L = Σ Cⁿ，梯度也一樣：∂L/∂w = Σ ∂Cⁿ/∂w。",
    expected={
        "L": 4.84507205,
        "∂L/∂W3": [[-0.683319556, -0.1024934], [1.334149366, 0.197107724]],
        "∂L/∂b1": [-0.369428225, -0.003336394],
        "terms of ∂L/∂W3": 2,
        "sum of the examples": True,
        "∂L/∂W1 at the origin": [[0.0, 0.0], [0.0, 0.0]],
    },
)
def sum_over_examples():
    def total(p):
        L = bce(p, X, TARGET) + bce(p, ORIGIN, TARGET)
        return L

    e = cr.explain(total, PARAMETERS)
    terms = e.records("W3")
    print(f"∂L/∂W3 = {' + '.join(str(line.contribution.round(9).tolist()) for line in terms)}")
    print(f"       = {terms[0].total.round(9).tolist()}")
    alone = [cr.grad(bce)(PARAMETERS, x, TARGET) for x in (X, ORIGIN)]
    differences = [np.max(np.abs(e.gradient[k] - alone[0][k] - alone[1][k])) for k in PARAMETERS]
    print(f"batch against the sum of the examples: at most {max(differences):.0e} apart")
    return {
        "L": e.value,
        "∂L/∂W3": e.gradient["W3"],
        "∂L/∂b1": e.gradient["b1"],
        "terms of ∂L/∂W3": len(terms),
        "sum of the examples": bool(max(differences) <= 2.3e-16),
        "∂L/∂W1 at the origin": alone[1]["W1"],
    }


@row(
    "0.6",
    en="A neuron first computes z = x1·w1 + x2·w2 + b. (One of the notes prints “x2 + w2”: a misprint.)",
    zh="神經元先計算 z = x1·w1 + x2·w2 + b。（有一份筆記印成「x2 + w2」，是誤植。）",
    expected={"z": 4.0, "as misprinted": -1.0, "shown": "= 1·1 + (−1)·(−2) + 1"},
)
def one_neuron():
    def z_of(w, x, b):
        z = x[0] * w[0] + x[1] * w[1] + b
        return z

    e = cr.explain(z_of, np.array([1.0, -2.0]), X, 1.0)
    print(e)
    w, b = PARAMETERS["W1"][0], PARAMETERS["b1"][0]
    shown = "= 1·1 + (−1)·(−2) + 1"
    return {
        "z": e.value,
        "as misprinted": X[0] * w[0] + (X[1] + w[1]) + b,
        "shown": shown if shown in str(e) else "",
    }


@row(
    "0.7",
    en="∂C/∂w = ∂z/∂w · ∂C/∂z: for every weight one factor from the forward and one from the backward pass.",
    zh="∂C/∂w = ∂z/∂w · ∂C/∂z：每個權重的兩個因子，一個來自前向、一個來自反向。",
    expected={
        "∂z/∂w": 0.110737444,
        "∂C/∂z": 0.117468133,
        "∂C/∂w": 0.013008121,
        "∂z/∂w is": "a2[1]",
    },
)
def two_factors():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="W3[1,1]")
    print(e.chain())
    (line,) = e.records("W3[1,1]")
    return {
        "∂z/∂w": line.local,
        "∂C/∂z": line.upstream,
        "∂C/∂w": line.contribution,
        "∂z/∂w is": line.local_formula,
    }


@row(
    "0.8",
    en="The forward pass gives every ∂z/∂w, the backward pass every ∂C/∂z: two views of one network.",
    zh="前向傳遞給出所有 ∂z/∂w，反向傳遞給出所有 ∂C/∂z：同一個網路的兩種看法。",
    expected={
        "z1": [4.0, -2.0],
        "a1": [0.98201379, 0.119202922],
        "z2": [1.844824658, -2.083230502],
        "a2": [0.863518313, 0.110737444],
        "z3": [0.479817494, 1.579431463],
        "y": [0.617704778, 0.829123984],
        "C": 0.416798109,
        "∂C/∂y": [-0.382295222, 0.829123984],
        "∂C/∂z3": [-0.090277329, 0.117468133],
        "∂C/∂a2": [-0.38830012, 0.560149861],
        "∂C/∂z2": [-0.045762892, 0.055160568],
        "∂C/∂a1": [-0.20184692, -0.009397677],
        "∂C/∂z1": [-0.003565163, -0.000986696],
        "∂C/∂x": [-0.002578467, 0.00614363],
    },
)
def two_passes():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    print(e)
    wires = {wire.name: wire for wire in e.forward()}
    values = {name: wires[name].value for name in ("z1", "a1", "z2", "a2", "z3", "y", "C")}
    backward = {
        f"∂C/∂{name}": wires[name].total for name in ("y", "z3", "a2", "z2", "a1", "z1", "x")
    }
    return values | backward


@row(
    "0.9",
    en="∂z/∂w is the value that enters the edge of w: ∂z/∂w_i = x_i.",
    zh="∂z/∂w 就是進入 w 那條邊的值：∂z/∂w_i = x_i。",
    expected={
        "W1[0,0]": ["x[0]", 1.0],
        "W1[0,1]": ["x[1]", -1.0],
        "W2[0,1]": ["a1[1]", 0.119202922],
        "W3[1,1]": ["a2[1]", 0.110737444],
    },
)
def what_enters_an_edge():
    found = {}
    for weight in ("W1[0,0]", "W1[0,1]", "W2[0,1]", "W3[1,1]"):
        (line,) = cr.explain(hse, PARAMETERS, X, TARGET, wrt=weight).records(weight)
        print(f"∂{line.name}/∂{weight} = {line.local_formula} = {line.local:.9g}")
        found[weight] = [line.local_formula, line.local]
    return found


@row(
    "0.10",
    en="Through the activation: a = σ(z), so ∂C/∂z = ∂a/∂z · ∂C/∂a. (One of the notes prints ∂z/∂z for ∂a/∂z.)",
    zh="穿過激活函數：a = σ(z)，所以 ∂C/∂z = ∂a/∂z · ∂C/∂a。（有一份筆記把 ∂a/∂z 誤植為 ∂z/∂z。）",
    expected={"∂a/∂z": 0.017662706, "∂C/∂a": -0.20184692, "∂C/∂z": -0.003565163},
)
def through_the_activation():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z1[0]")
    print(e.chain())
    (line,) = e.records("z1[0]")
    return {"∂a/∂z": line.local, "∂C/∂a": line.upstream, "∂C/∂z": line.contribution}


@row(
    "0.11",
    en="∂a/∂z = σ'(z), and for the sigmoid σ'(z) = σ(z)(1 − σ(z)), at most ¼.",
    zh="∂a/∂z = σ'(z)；對 sigmoid 而言 σ'(z) = σ(z)(1 − σ(z))，最大為 ¼。",
    expected={
        "σ'": "sigmoid(z) * (1 - sigmoid(z))",
        "σ'(4)": 0.017662706213,
        "σ'(−2)": 0.104993585404,
        "σ'(0)": 0.25,
    },
)
def slope_of_a_sigmoid():
    def neuron(z):
        a = nn.sigmoid(z)
        return a

    found = {}
    for z in (4.0, -2.0, 0.0):
        e = cr.explain(neuron, z)
        print(e.chain("z", depth=2))
        (line,) = e.records()
        found[f"σ'({z:g})".replace("-", "−")] = line.local
    return {"σ'": line.local_formula} | found


@row(
    "0.12",
    en="∂C/∂a is a sum over the neurons of the next layer: Σₖ ∂z⁽ᵏ⁾/∂a · ∂C/∂z⁽ᵏ⁾.",
    zh="∂C/∂a 是對下一層所有神經元求和：Σₖ ∂z⁽ᵏ⁾/∂a · ∂C/∂z⁽ᵏ⁾。",
    expected={
        "∂z2[0]/∂a1[0]": 2.0,
        "∂C/∂z2[0]": -0.045762892,
        "∂z2[1]/∂a1[0]": -2.0,
        "∂C/∂z2[1]": 0.055160568,
        "∂C/∂a1[0]": -0.20184692,
    },
)
def sum_over_the_next_layer():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="a1[0]")
    print(e.tree(depth=1))
    found = {}
    for line in e.records("a1[0]"):
        found[f"∂{line.name}/∂a1[0]"] = line.local
        found[f"∂C/∂{line.name}"] = line.upstream
    return found | {"∂C/∂a1[0]": line.total}
