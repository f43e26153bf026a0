"""Rows 4.1 to 4.17: computation graphs, and the whole formula of one weight."""

import numpy as np

import chainrule as cr
from chainrule.lecture.programs.network import PARAMETERS, TARGET, X, hse
from chainrule.lecture.row import row


@row(
    "4.1",
    en="A computation graph expresses any function; a node is one operation: f = (x + y)·z.",
    zh="計算圖 (computation graph) 可以表示任何函數，每個節點是一個運算：f = (x + y)·z。",
    expected={"nodes": ["f", "q", "x", "y", "z"], "edges": 4, "drawn nodes": 5, "drawn edges": 4},
)
def a_graph():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    print(e.tape)
    picture = e.svg()
    return {
        "nodes": sorted(wire.name for wire in e.forward()),
        "edges": len(e.records()),
        "drawn nodes": picture.count('class="cr-node'),
        "drawn edges": picture.count('class="cr-wire'),
    }


@row(
    "4.2",
    en="Backpropagation applies the chain rule again and again, from the result to the inputs.",
    zh="反向傳播從結果往輸入一再套用連鎖律 (chain rule)。",
    expected={"steps": ["multiply", "add"]},
)
def reverse_order():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    for line in e.records():
        print(
            f"{line.op:8}  ∂f/∂{line.argument} += ∂f/∂{line.name} · ∂{line.name}/∂{line.argument}"
        )
    return {"steps": list(dict.fromkeys(line.op for line in e.records()))}


@row(
    "4.3",
    en="f = (x + y)·z at x = −2, y = 5, z = −4: the forward values.",
    zh="f = (x + y)·z 在 x = −2、y = 5、z = −4：前向的各個值。",
    expected={"x": -2.0, "y": 5.0, "z": -4.0, "q": 3.0, "f": -12.0, "drawn": True},
)
def forward_values():
    import re

    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    picture = e.svg()
    values = {wire.name: wire.value for wire in e.forward()}
    print(values)
    labels = re.findall(r'class="cr-value"[^>]*>([^<]*)<', picture)
    drawn = {"−2", "5", "−4", "3", "−12"} <= set(labels)
    return values | {"drawn": drawn}


@row(
    "4.4",
    en="Local derivatives: q = x + y gives 1 and 1; f = q·z gives ∂f/∂q = z and ∂f/∂z = q.",
    zh="局部導數：q = x + y 為 1 與 1；f = q·z 則 ∂f/∂q = z、∂f/∂z = q。",
    expected={
        "q by x": ["1.0", 1.0],
        "q by y": ["1.0", 1.0],
        "f by q": ["z", -4.0],
        "f by z": ["q", 3.0],
    },
)
def local_derivatives():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    found = {}
    for line in e.records():
        print(f"∂{line.name}/∂{line.argument} = {line.local_formula} = {line.local:g}")
        formula = "1.0" if line.local_formula in {"1", "1.0"} else line.local_formula
        found[f"{line.name} by {line.argument}"] = [formula, line.local]
    return found


@row(
    "4.5",
    en="Backward values: ∂f/∂f = 1, ∂f/∂z = x + y = 3, ∂f/∂q = z = −4.",
    zh="反向的各個值：∂f/∂f = 1、∂f/∂z = x + y = 3、∂f/∂q = z = −4。",
    expected={"f": 1.0, "z": 3.0, "q": -4.0, "drawn": True},
)
def backward_values():
    import re

    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    picture = e.svg()
    totals = {wire.name: wire.total for wire in e.forward()}
    print(totals)
    labels = re.findall(r'class="cr-gradient"[^>]*>([^<]*)<', picture)
    drawn = {"1", "3", "−4"} <= {label.split()[-1] for label in labels}
    return {name: totals[name] for name in ("f", "z", "q")} | {"drawn": drawn}


@row(
    "4.6",
    en="∂f/∂x = ∂f/∂q · ∂q/∂x = −4, and ∂f/∂y = −4. (One of the notes also prints an unfinished ∂f/∂.)",
    zh="∂f/∂x = ∂f/∂q · ∂q/∂x = −4，∂f/∂y = −4。（有一份筆記另印了一個不完整的 ∂f/∂。）",
    expected={"∂f/∂x": [-4.0, 1.0, -4.0], "∂f/∂y": [-4.0, 1.0, -4.0]},
)
def chain_rule_lines():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    found = {}
    for name in "xy":
        (line,) = e.records(name)
        print(
            f"∂f/∂{name} = ∂f/∂q · ∂q/∂{name} = {line.upstream:g} · {line.local:g} = {line.total:g}"
        )
        found[f"∂f/∂{name}"] = [line.upstream, line.local, line.contribution]
    return found


@row(
    "4.7",
    en="Why not differentiate by hand? Because this works however complicated the function is.",
    zh="為什麼不直接微分？因為再複雜的函數，這個方法都行得通。",
    expected={"∂f/∂x": 2.059569795572, "∂f/∂y": 1.592232751484, "differences agree": True},
)
def complicated():
    def f(x, y):
        sigmoid_x = 1 / (1 + np.exp(-x))
        sigmoid_y = 1 / (1 + np.exp(-y))
        f = (x + sigmoid_y) / (sigmoid_x + (x + y) ** 2)
        return f

    e = cr.explain(f, 3.0, -4.0)
    print(e)
    return {
        "∂f/∂x": e.gradient["x"],
        "∂f/∂y": e.gradient["y"],
        "differences agree": all(entry.verdict == "good" for _, entry in e.checks),
    }


@row(
    "4.8",
    en="Every step: gradient handed on = upstream gradient × local gradient.",
    zh="每一步：往下傳的梯度 = 上游梯度 × 局部梯度。",
    expected={"columns": True, "every step is the product": True, "steps": 4},
)
def three_columns():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    text = str(e)
    print(text[text.index("backward") :])
    steps = e.records()
    return {
        "columns": "upstream · local = contribution" in text,
        "every step is the product": all(s.contribution == s.upstream * s.local for s in steps),
        "steps": len(steps),
    }


@row(
    "4.9",
    en="∂Loss/∂w1 = ∂Loss/∂z · ∂z/∂w1: the second factor by the forward, the first by the backward pass.",
    zh="∂Loss/∂w1 = ∂Loss/∂z · ∂z/∂w1：後者由前向傳遞、前者由反向傳遞得到。",
    expected={"∂Loss/∂z": -0.003565163, "∂z/∂w1": 1.0, "∂Loss/∂w1": -0.003565163},
)
def both_factors():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="W1[0,0]")
    print(e.chain())
    (line,) = e.records("W1[0,0]")
    return {"∂Loss/∂z": line.upstream, "∂z/∂w1": line.local, "∂Loss/∂w1": line.contribution}


@row(
    "4.10",
    en="a feeds two neurons, so ∂Loss/∂a = ∂Loss/∂z′ · w3 + ∂Loss/∂z″ · w4.",
    zh="a 傳給兩個神經元，所以 ∂Loss/∂a = ∂Loss/∂z′ · w3 + ∂Loss/∂z″ · w4。",
    expected={"terms": [-0.091525784, -0.110321136], "∂Loss/∂a": -0.20184692},
)
def two_terms():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="a1[0]")
    print(e.chain())
    lines = e.records("a1[0]")
    return {"terms": [line.contribution for line in lines], "∂Loss/∂a": lines[0].total}


@row(
    "4.11",
    en="z is known from the forward pass: putting it in is no problem.",
    zh="z 在前向傳遞時就已知道，代入毫無問題。",
    expected={
        "z": 4.0,
        "symbols": "σ(z1[0])·(1 − σ(z1[0]))·∂C/∂a1[0]",
        "numbers": "σ(4)·(1 − σ(4))·(−0.20184692)",
    },
)
def known_z():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z1[0]")
    chain = e.chain()
    print(chain)
    return {
        "z": e.records("z1[0]")[0].values[0],
        "symbols": chain.symbolic(),
        "numbers": chain.substituted(digits=8),
    }


@row(
    "4.12",
    en="On one line: ∂Loss/∂w1 = [(∂Loss/∂z′ · w3 + ∂Loss/∂z″ · w4) · σ'(z)] · x1.",
    zh="寫成一行：∂Loss/∂w1 = [(∂Loss/∂z′ · w3 + ∂Loss/∂z″ · w4) · σ'(z)] · x1。",
    expected={
        "symbols": "x[0]·σ(z1[0])·(1 − σ(z1[0]))·(W2[0,0]·∂C/∂z2[0] + W2[1,0]·∂C/∂z2[1])",
        "by W1[0,0]": -0.003565163,
        "by W1[0,1]": 0.003565163,
    },
)
def whole_formula():
    first, second = (
        cr.explain(hse, PARAMETERS, X, TARGET, wrt=name).chain(depth=3)
        for name in ("W1[0,0]", "W1[0,1]")
    )
    print(first)
    print(second)
    return {
        "symbols": first.symbolic(),
        "by W1[0,0]": first.value,
        "by W1[0,1]": second.value,
    }


@row(
    "4.13",
    en="Case 1, the output layer: the derivative of the loss times that of the output's activation.",
    zh="情況一，輸出層：損失的導數乘上輸出激活函數的導數。",
    expected={
        "∂C/∂z3[0]": [0.236145585, -0.382295222, -0.090277329],
        "∂C/∂z3[1]": [0.141677403, 0.829123984, 0.117468133],
    },
)
def at_the_output():
    found = {}
    for name in ("z3[0]", "z3[1]"):
        e = cr.explain(hse, PARAMETERS, X, TARGET, wrt=name)
        print(e.chain())
        (line,) = e.records(name)
        found[f"∂C/∂{name}"] = [line.local, line.upstream, line.contribution]
    return found


@row(
    "4.14",
    en="Case 2, a hidden layer: derive it again, from the layer that follows.",
    zh="情況二，隱藏層：用後一層的結果，再推導一次。",
    expected={"levels": 9, "∂C/∂z1[0]": -0.003565163},
)
def hidden_layers():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z1[0]")
    tree = e.tree()
    print(tree)
    indents = {len(line) - len(line.lstrip()) for line in tree.splitlines()}
    return {"levels": len(indents), "∂C/∂z1[0]": e.chain().value}


@row(
    "4.15",
    en="One layer on, the same again: ∂Loss/∂z′ = [∂Loss/∂z_a · w5 + ∂Loss/∂z_b · w6] · σ'(z′).",
    zh="往後一層也一樣：∂Loss/∂z′ = [∂Loss/∂z_a · w5 + ∂Loss/∂z_b · w6] · σ'(z′)。",
    expected={
        "symbols": "σ(z2[0])·(1 − σ(z2[0]))·(W3[0,0]·∂C/∂z3[0] + W3[1,0]·∂C/∂z3[1])",
        "numbers": "σ(1.8448247)·(1 − σ(1.8448247))·(3·(−0.090277329) + (−1)·0.11746813)",
        "σ'(z2[0])": 0.117854436,
        "∂C/∂z2[0]": -0.045762892,
    },
)
def second_layer():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z2[0]")
    chain = e.chain(depth=2)
    print(chain)
    return {
        "symbols": chain.symbolic(),
        "numbers": chain.substituted(digits=8),
        "σ'(z2[0])": e.records("z2[0]")[0].local,
        "∂C/∂z2[0]": chain.value,
    }


@row(
    "4.16",
    en="f(w, x) = 1 / (1 + e^−(w0·x0 + w1·x1 + w2)) as a graph.",
    zh="把 f(w, x) = 1 / (1 + e^−(w0·x0 + w1·x1 + w2)) 畫成計算圖。",
    expected={"f": 0.73105857863, "gates": 9, "drawn": True},
)
def neuron_as_a_graph():
    def f(w0, x0, w1, x1, w2):
        z = w0 * x0 + w1 * x1 + w2
        f = 1 / (1 + np.exp(-z))
        return f

    e = cr.explain(f, 2.0, -1.0, -3.0, -2.0, -3.0)
    print(e)
    picture = e.svg()
    gates = [wire for wire in e.forward() if wire.node.op is not None]
    return {"f": e.value, "gates": len(gates) + 1, "drawn": picture.startswith("<svg")}


@row(
    "4.17",
    en="The picture grows step by step: forward one node at a time, then backward one node at a time.",
    zh="圖是一步步畫成的：先前向一個一個節點，再反向一個一個節點。",
    expected={
        "forward steps": ["q = 3", "f = -12"],
        "backward steps": ["f: q -4, z 3", "q: x -4, y -4"],
    },
)
def step_by_step():
    def f(x, y, z):
        q = x + y
        f = q * z
        return f

    e = cr.explain(f, -2.0, 5.0, -4.0)
    forward = [f"{w.name} = {w.value:g}" for w in e.forward() if w.node.op is not None]
    steps: dict[str, list[str]] = {}
    for line in e.records():
        steps.setdefault(line.name, []).append(f"{line.argument} {line.contribution:g}")
    backward = [f"{name}: {', '.join(handed)}" for name, handed in steps.items()]
    print("\n".join(["forward", *forward, "backward", *backward]))
    return {"forward steps": forward, "backward steps": backward}
