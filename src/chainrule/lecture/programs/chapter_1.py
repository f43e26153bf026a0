"""Rows 1.1 to 1.12: gradient descent, and both passes slide by slide."""

import numpy as np

import chainrule as cr
from chainrule import nn, optim
from chainrule.lecture.programs.network import ORIGIN, PARAMETERS, TARGET, X, bce, hse, outputs
from chainrule.lecture.row import row


@row(
    "1.1",
    en="Gradient descent: start at θ0, compute the gradient, take a step against it, repeat.",
    zh="梯度下降：從 θ0 出發，計算梯度，朝反方向走一步，不斷重複。",
    expected={
        "C after 0, 1, 2, 3 steps": [2.248561681, 2.068768388, 1.904077482, 1.753543529],
        "C after 10 steps": 1.023825853,
        "C after 100 steps": 0.106610862,
    },
)
def gradient_descent():
    step = cr.value_and_grad(bce)
    optimizer = optim.sgd(0.1)
    theta, state = PARAMETERS, optimizer.init(PARAMETERS)
    losses = []
    for i in range(101):
        C, gradient = step(theta, X, TARGET)
        updates, state = optimizer.update(gradient, state, theta)
        if i < 4:
            norms = optim.global_norm(gradient), optim.global_norm(updates)
            print(f"step {i}: C = {C:.9f}   ‖∇‖ = {norms[0]:.9f}   ‖update‖ = {norms[1]:.9f}")
        theta = optim.apply_updates(theta, updates)
        losses.append(C)
    return {
        "C after 0, 1, 2, 3 steps": losses[:4],
        "C after 10 steps": losses[10],
        "C after 100 steps": losses[100],
    }


@row(
    "1.2",
    en="Backpropagation is no other method than gradient descent, it only computes the gradients efficiently: "
    "every ∂C/∂z once, where a recursion from the top computes it again on every path.",
    zh="反向傳播並不是梯度下降以外的方法，只是有效率地計算梯度："
    "每個 ∂C/∂z 只算一次；由上而下的遞迴則在每條路徑上都重算。",
    expected={
        "3 layers: backward, recursion": [6, 14],
        "10 layers: backward, recursion": [20, 2_046],
        "20 layers: backward, recursion": [40, 2_097_150],
    },
)
def once_each():
    import functools

    def deep(x, layers):
        for _ in range(layers):
            z = PARAMETERS["W2"] @ x
            x = nn.sigmoid(z)
        return np.sum(x)

    found = {}
    for layers in (3, 10, 20):
        e = cr.explain(deep, X, layers, wrt="x[0]")
        above: dict[str, set[str]] = {}  # what a gradient is computed from
        for line in e.records():
            above.setdefault(line.argument, set()).add(line.name)

        @functools.cache
        def recursion(name, above=above):
            own = name.startswith("z")
            return own + sum(recursion(reader) for reader in above.get(name, ()))

        swept = sum(name.startswith("z") for name in above)
        counts = [swept, recursion("x[0]")]
        print(f"{layers} layers: {counts[0]} evaluations backward, {counts[1]:,} by recursion")
        found[f"{layers} layers: backward, recursion"] = counts
    return found


@row(
    "1.3",
    en="Cⁿ is the distance between output and target for one example. Look at one example first.",
    zh="Cⁿ 是一筆資料的輸出與目標之間的距離。先只看一筆資料。",
    expected={"C of example 1": 2.248561681, "C of both": 4.84507205, "∂C¹/∂W3[1,1]": 0.091815071},
)
def one_example():
    def one(p, examples, n):
        C = bce(p, examples[n], TARGET)
        return C

    batch = np.stack([X, ORIGIN])
    e = cr.explain(one, PARAMETERS, batch, 0, wrt="W3[1,1]")
    print(e.tree(depth=3))
    both = sum(one(PARAMETERS, batch, n) for n in (0, 1))
    return {
        "C of example 1": e.value,
        "C of both": both,
        "∂C¹/∂W3[1,1]": e.records("W3[1,1]")[0].total,
    }


@row(
    "1.4",
    en="Whatever enters a weight is its ∂z/∂w: the output of one layer is the next layer's ∂z/∂w. "
    "For a bias it is 1.",
    zh="進入權重的值就是它的 ∂z/∂w：一層的輸出就是下一層的 ∂z/∂w。對偏差 (bias) 而言是 1。",
    expected={
        "W2[0,0]": 0.982013790,
        "W2[0,1]": 0.119202922,
        "W3[0,0]": 0.863518313,
        "W3[0,1]": 0.110737444,
        "b2[0]": 1.0,
        "b3[0]": 1.0,
    },
)
def outputs_enter():
    found = {}
    for name in ("W2[0,0]", "W2[0,1]", "W3[0,0]", "W3[0,1]", "b2[0]", "b3[0]"):
        (line,) = cr.explain(hse, PARAMETERS, X, TARGET, wrt=name).records(name)
        print(f"∂{line.name}/∂{name} = {line.local_formula:6} = {line.local:.9f}")
        found[name] = line.local
    return found


@row(
    "1.5",
    en="a goes on to other neurons, and through them to C: the ways from a weight to the loss.",
    zh="a 傳給其他神經元，再經由它們到達 C：從一個權重到損失的所有路徑。",
    expected={"paths": 4, "sum of the paths": -0.003565163},
)
def ways_to_the_loss():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="W1[0,0]")
    paths = e.paths()
    print(paths)
    return {"paths": paths.count, "sum of the paths": sum(p.product for p in paths.strongest)}


@row(
    "1.6",
    en="∂C/∂z = σ'(z)·[w3·∂C/∂z′ + w4·∂C/∂z″]: what the next layer has, weighted and amplified.",
    zh="∂C/∂z = σ'(z)·[w3·∂C/∂z′ + w4·∂C/∂z″]：下一層的結果經加權後再放大。",
    expected={
        "symbols": "σ(z1[0])·(1 − σ(z1[0]))·(W2[0,0]·∂C/∂z2[0] + W2[1,0]·∂C/∂z2[1])",
        "numbers": "σ(4)·(1 − σ(4))·(2·(−0.045762892) + (−2)·0.055160568)",
        "∂C/∂z": -0.003565163,
    },
)
def one_line_per_neuron():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z1[0]")
    chain = e.chain(depth=2)
    print(chain)
    return {
        "symbols": chain.symbolic(),
        "numbers": chain.substituted(digits=8),
        "∂C/∂z": chain.value,
    }


@row(
    "1.7",
    en="The backward computation is itself a network of neurons, drawn as triangles: σ'(z) amplifies, "
    "and the weights stand on the reversed edges.",
    zh="反向計算本身就是一個由神經元構成的網路，畫成三角形：σ'(z) 是放大倍率，權重寫在反向的邊上。",
    expected={
        "triangles": 6,
        "gains 3": [0.236146, 0.141677],
        "gains 2": [0.117854, 0.098475],
        "gains 1": [0.017663, 0.104994],
        "drawn": True,
    },
    tolerance=5e-7,
)
def triangles():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    picture = e.svg("reverse", digits=6)
    gains = {f"gains {i}": e.records(f"z{i}")[0].local for i in (3, 2, 1)}
    for name, gain in gains.items():
        print(name, gain.round(6))
    drawn = all(f"{x:.6g}" in picture for gain in gains.values() for x in gain)
    return {"triangles": picture.count('class="cr-triangle"'), "drawn": drawn} | gains


@row(
    "1.8",
    en="In the backward pass σ'(z) is a constant, since z is known: the reverse network is linear.",
    zh="在反向傳遞中 σ'(z) 是常數，因為 z 早已知道：反向網路是線性的。",
    expected={
        "z1": [4.0, -2.0],
        "seed (1, 0)": [0.003771, -0.006325],
        "seed (2, 0) is twice that": True,
    },
    tolerance=5e-7,
)
def linear_backwards():
    once = cr.explain(outputs, PARAMETERS, X, entry=0)
    twice = cr.explain(outputs, PARAMETERS, X, entry=0, seed=2.0)
    first, second = (next(wire for wire in e.forward() if wire.name == "z1") for e in (once, twice))
    print("z1 from the forward pass:", first.value)
    print("∂/∂z1 with seed (1, 0):  ", first.total)
    print("∂/∂z1 with seed (2, 0):  ", second.total)
    return {
        "z1": first.value,
        "seed (1, 0)": first.total,
        "seed (2, 0) is twice that": bool(np.all(second.total == 2 * first.total)),
    }


@row(
    "1.9",
    en="At the output layer: ∂C/∂z′ = ∂y1/∂z′ · ∂C/∂y1 and ∂C/∂z″ = ∂y2/∂z″ · ∂C/∂y2.",
    zh="在輸出層：∂C/∂z′ = ∂y1/∂z′ · ∂C/∂y1，∂C/∂z″ = ∂y2/∂z″ · ∂C/∂y2。",
    expected={
        "∂y/∂z": [0.236145585, 0.141677403],
        "∂C/∂y": [-0.382295222, 0.829123984],
        "∂C/∂z": [-0.090277329, 0.117468133],
    },
)
def output_layer():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    (line,) = e.records("z3")
    print(f"∂C/∂z3 = {line.local_formula} · ∂C/∂y")
    print(f"       ≈ {line.local.round(9)} · {line.upstream.round(9)}")
    print(f"       ≈ {line.contribution.round(9)}")
    return {"∂y/∂z": line.local, "∂C/∂y": line.upstream, "∂C/∂z": line.contribution}


@row(
    "1.10",
    en="Not at the output layer yet: keep expanding until the output is reached.",
    zh="若還不是輸出層：就繼續展開，直到輸出為止。",
    expected={
        "lines at depth 1": 1,
        "lines at depth 2": 2,
        "reaches ∂C/∂C": True,
        "∂C/∂z2[0]": -0.045762892,
    },
)
def any_depth():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z2[0]")
    whole = e.tree()
    print(whole)
    return {
        "lines at depth 1": len(e.tree(depth=1).splitlines()),
        "lines at depth 2": len(e.tree(depth=2).splitlines()),
        "reaches ∂C/∂C": "∂C/∂C" in whole,
        "∂C/∂z2[0]": e.chain().value,
    }


@row(
    "1.11",
    en="In practice one starts at the output and goes back; every ∂C/∂z is computed once.",
    zh="實作上從輸出端開始往回算，每個 ∂C/∂z 只算一次。",
    expected={"order": ["z3", "z2", "z1"]},
)
def backwards_in_practice():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    order = [line.argument for line in e.records()]
    print(" → ".join(dict.fromkeys(order)))
    return {"order": [name for name in order if name.startswith("z")]}


@row(
    "1.12",
    en="The gradient is the forward pass times the backward pass: ∂C/∂W of a layer is δ · aᵀ of the layer before.",
    zh="梯度 = 前向傳遞 × 反向傳遞：一層的 ∂C/∂W 是 δ 乘上前一層的 aᵀ。",
    expected={
        "∂C/∂W1": [[-0.003565163, 0.003565163], [-0.000986696, 0.000986696]],
        "∂C/∂W2": [[-0.044939791, -0.00545507], [0.054168439, 0.006575301]],
        "∂C/∂W3": [[-0.077956127, -0.009997081], [0.101435884, 0.013008121]],
        "outer products": True,
        "∂C/∂b is δ": True,
    },
)
def outer_products():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    wires = {wire.name: wire for wire in e.forward()}
    deltas = {i: wires[f"z{i}"].total for i in (1, 2, 3)}
    entering = {1: wires["x"].value, 2: wires["a1"].value, 3: wires["a2"].value}
    for i in (1, 2, 3):
        (line,) = e.records(f"W{i}")
        print(f"∂C/∂W{i} = {line.local_formula}   {line.shapes}")
        print(line.contribution.round(9))
    gradient = e.gradient
    return {
        **{f"∂C/∂W{i}": gradient[f"W{i}"] for i in (1, 2, 3)},
        "outer products": all(
            np.allclose(gradient[f"W{i}"], np.outer(deltas[i], entering[i]), rtol=1e-15)
            for i in deltas
        ),
        "∂C/∂b is δ": all(np.array_equal(gradient[f"b{i}"], deltas[i]) for i in deltas),
    }
