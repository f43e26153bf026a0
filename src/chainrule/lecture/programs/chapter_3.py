"""Rows 3.1 to 3.6: the gradient as one vector, the update, and the recursion."""

import numpy as np

import chainrule as cr
from chainrule import optim
from chainrule.lecture.programs.network import PARAMETERS, TARGET, X, bce, hse, sce
from chainrule.lecture.row import row


@row(
    "3.1",
    en="The parameters of a network: θ = {w1, w2, …, b1, b2, …}.",
    zh="網路的參數：θ = {w1, w2, …, b1, b2, …}。",
    expected={"parameters": 18, "first": "W1[0,0]", "last": "b3[1]", "weights": 12, "biases": 6},
)
def parameters():
    names = list(cr.explain(hse, PARAMETERS, X, TARGET, argnums=0).gradient_by_entry)
    print(", ".join(names))
    return {
        "parameters": len(names),
        "first": names[0],
        "last": names[-1],
        "weights": sum(name.startswith("W") for name in names),
        "biases": sum(name.startswith("b") for name in names),
    }


@row(
    "3.2",
    en="∇L(θ) is the column of all ∂L/∂w and ∂L/∂b.",
    zh="∇L(θ) 是所有 ∂L/∂w 與 ∂L/∂b 排成的一行向量。",
    expected={"length": 18, "‖∇‖ hse": 0.220882518, "‖∇‖ bce": 1.355398245, "‖∇‖ sce": 1.580515021},
)
def one_column():
    found = {}
    for loss in (hse, bce, sce):
        e = cr.explain(loss, PARAMETERS, X, TARGET, argnums=0)
        found[f"‖∇‖ {loss.__name__}"] = float(np.linalg.norm(list(e.gradient_by_entry.values())))
    for name, number in e.gradient_by_entry.items():
        print(f"∂L/∂{name} = {number: .9f}")
    return found | {"length": len(e.gradient_by_entry)}


@row(
    "3.3",
    en="θ1 = θ0 − η·∇L(θ0), then θ2, θ3, …",
    zh="θ1 = θ0 − η·∇L(θ0)，再來是 θ2、θ3……",
    expected={"∂L/∂W3[1,1]": 0.091815071, "W3[1,1] after one step": 3.990818493},
)
def one_update():
    optimizer = optim.sgd(0.1)
    theta, state = PARAMETERS, optimizer.init(PARAMETERS)
    trail = []
    for i in range(3):
        gradient = cr.grad(bce)(theta, X, TARGET)
        trail.append((theta["W3"][1, 1], gradient["W3"][1, 1]))
        print(f"θ{i}: W3[1,1] = {trail[-1][0]:.9f}, ∂L/∂W3[1,1] = {trail[-1][1]:.9f}")
        updates, state = optimizer.update(gradient, state, theta)
        theta = optim.apply_updates(theta, updates)
    return {"∂L/∂W3[1,1]": trail[0][1], "W3[1,1] after one step": trail[1][0]}


@row(
    "3.4",
    en="There are millions of parameters: backpropagation computes their gradients efficiently.",
    zh="參數有上百萬個：反向傳播能有效率地計算它們的梯度。",
    expected={"steps for 18 parameters": 18, "numbers": 18, "paths instead": 42},
)
def operation_counts():
    e = cr.explain(hse, PARAMETERS, X, TARGET, argnums=0)
    steps = len(e.records())
    paths = [e.paths(name).count for name in e.gradient_by_entry]
    print(f"{steps} backward steps on the tape give {len(paths)} numbers")
    print(f"path by path it would be {sum(paths)} products of up to 11 factors")
    return {
        "steps for 18 parameters": steps,
        "numbers": len(paths),
        "paths instead": sum(paths),
    }


@row(
    "3.5",
    en="Forward pass: ∂z/∂w for all parameters. Backward pass: ∂l/∂z for all inputs of activations.",
    zh="前向傳遞：所有參數的 ∂z/∂w。反向傳遞：所有激活函數輸入的 ∂l/∂z。",
    expected={"∂z/∂w": 12, "∂z/∂b": 6, "∂l/∂z": 6, "products are the gradient": True},
)
def both_tables():
    gradient = cr.explain(hse, PARAMETERS, X, TARGET, argnums=0).gradient_by_entry
    table = {}
    print("parameter  ∂z/∂w                   ∂l/∂z")
    for name in gradient:
        (line,) = cr.explain(hse, PARAMETERS, X, TARGET, wrt=name).records(name)
        table[name] = (line.local, line.name, line.upstream)
        print(
            f"{name:9}  {line.local_formula:6} = {line.local: .9f}   {line.name}: {line.upstream: .9f}"
        )
    return {
        "∂z/∂w": sum(name.startswith("W") for name in table),
        "∂z/∂b": sum(name.startswith("b") for name in table),
        "∂l/∂z": len({z for _, z, _ in table.values()}),
        "products are the gradient": all(
            np.isclose(local * above, gradient[name], rtol=1e-14)
            for name, (local, _, above) in table.items()
        ),
    }


@row(
    "3.6",
    en="∂l/∂z = σ'(z)·∂l/∂a, and ∂l/∂a is found recursively from the z's that a goes to.",
    zh="∂l/∂z = σ'(z)·∂l/∂a，而 ∂l/∂a 由 a 通往的各個 z 遞迴求得。",
    expected={"∂l/∂z1[0]": -0.003565163, "indented": True},
)
def recursion():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="z1[0]")
    tree = e.tree(depth=4)
    print(tree)
    indents = [len(line) - len(line.lstrip()) for line in tree.splitlines()]
    return {"∂l/∂z1[0]": e.chain().value, "indented": sorted(set(indents)) == [2, 4, 6, 8]}
