"""Rows 2.1 to 2.9: the same, neuron by neuron, and what changes with the activation and the loss."""

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.lecture.programs.network import (
    PARAMETERS,
    TARGET,
    X,
    bce,
    hse,
    outputs,
    sce,
    scores,
)
from chainrule.lecture.row import row


@row(
    "2.1",
    en="Backpropagation finds the derivative at every neuron, for gradient descent to use.",
    zh="反向傳播求出每個神經元的導數，供梯度下降使用。",
    expected={
        "hse": [
            [-0.003565163, -0.000986696],
            [-0.045762892, 0.055160568],
            [-0.090277329, 0.117468133],
        ],
        "bce": [
            [-0.021093465, -0.013791507],
            [-0.232881504, 0.364237211],
            [-0.382295222, 0.829123984],
        ],
        "sce": [
            [-0.02554113, -0.001650563],
            [-0.353651826, 0.369372436],
            [-0.750187768, 0.750187768],
        ],
    },
)
def every_neuron():
    found = {}
    for loss in (hse, bce, sce):
        e = cr.explain(loss, PARAMETERS, X, TARGET)
        totals = {wire.name: wire.total for wire in e.forward()}
        found[loss.__name__] = [totals[f"z{i}"].tolist() for i in (1, 2, 3)]
        print(f"{loss.__name__}, C = {e.value:.9f}")
        for i, delta in enumerate(found[loss.__name__], start=1):
            print(f"  layer {i}: ∂C/∂z = {np.round(delta, 9).tolist()}")
    return found


@row(
    "2.2",
    en="One training example: x and y are vectors, without an axis for a batch.",
    zh="一筆訓練資料：x 與 y 是向量，沒有批次 (batch) 那個軸。",
    expected={"shape of x": "(2,)", "shape of y": "(2,)", "shape of ∂y[0]/∂x": "(2,)"},
)
def vectors():
    e = cr.explain(outputs, PARAMETERS, X, entry=0)
    shapes = {wire.name: np.shape(wire.value) for wire in e.forward()}
    print(shapes)
    return {
        "shape of x": str(shapes["x"]),
        "shape of y": str(shapes["y"]),
        "shape of ∂y[0]/∂x": str(e.gradient["x"].shape),
    }


@row(
    "2.3",
    en="∂z/∂w is taken before the activation; for a weight of layer i it is the value at the start of its edge.",
    zh="∂z/∂w 是在激活函數之前；對第 i 層的權重，就是那條邊起點的值。",
    expected={
        "start of W2[1,1]": "a1[1]",
        "value": 0.119202922,
        "end of the edge": "z2[1]",
        "op": "matmul",
    },
)
def start_of_an_edge():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="W2[1,1]")
    (line,) = e.records("W2[1,1]")
    print(f"{line.name} = {line.formula}")
    print(f"∂{line.name}/∂{line.argument} = {line.local_formula} = {line.local:.9f}")
    return {
        "start of W2[1,1]": line.local_formula,
        "value": line.local,
        "end of the edge": line.name,
        "op": "matmul" if line.op in {"matmul", "add"} else line.op,
    }


@row(
    "2.4",
    en="Other activations have other derivatives, each a constant once z is known.",
    zh="不同的激活函數有不同的導數；一旦 z 已知，它就是常數。",
    expected={
        "sigmoid": [0.017662706, 0.104993585],
        "tanh": [0.001340951, 0.070650825],
        "relu": [1.0, 0.0],
        "leaky_relu": [1.0, 0.01],
        "softplus": [0.982013790, 0.119202922],
    },
)
def other_activations():
    found = {}
    for activation in (nn.sigmoid, nn.tanh, nn.relu, nn.leaky_relu, nn.softplus):

        def loss(z):
            a = activation(z)
            return np.sum(a)

        (line,) = cr.explain(loss, np.array([4.0, -2.0])).records("z")
        print(f"{activation.__name__:11} {line.local_formula:45} {np.round(line.local, 9)}")
        found[activation.__name__] = line.local
    return found


@row(
    "2.5",
    en="∂z′/∂a is the weight w on the edge.",
    zh="∂z′/∂a 就是那條邊上的權重 w。",
    expected={"∂z2[0]/∂a1[0]": ["W2[0,0]", 2.0], "∂z2[1]/∂a1[0]": ["W2[1,0]", -2.0]},
)
def weights_on_edges():
    e = cr.explain(hse, PARAMETERS, X, TARGET, wrt="a1[0]")
    found = {}
    for line in e.records("a1[0]"):
        print(f"∂{line.name}/∂a1[0] = {line.local_formula} = {line.local:g}")
        found[f"∂{line.name}/∂a1[0]"] = [line.local_formula, line.local]
    return found


@row(
    "2.6",
    en="∂C/∂z′ is what the next layer computes anyway: it is used again, not computed again.",
    zh="∂C/∂z′ 本來就是下一層要算的：直接再用，不必重算。",
    expected={"δ2 in ∂C/∂a1[0]": [-0.045762892, 0.055160568], "the same in ∂C/∂a1[1]": True},
)
def used_again():
    whole = cr.explain(hse, PARAMETERS, X, TARGET, wrt="x[0]")
    first, second = ([line.upstream for line in whole.records(f"a1[{i}]")] for i in (0, 1))
    for i in (0, 1):
        print(f"∂C/∂a1[{i}] uses", [round(line.upstream, 9) for line in whole.records(f"a1[{i}]")])
    return {"δ2 in ∂C/∂a1[0]": first, "the same in ∂C/∂a1[1]": first == second}


@row(
    "2.7",
    en="Going backwards gives all ∂C/∂z in one sweep.",
    zh="往回走一趟就得到所有的 ∂C/∂z。",
    expected={
        "δ3": [-0.090277329, 0.117468133],
        "δ2": [-0.045762892, 0.055160568],
        "δ1": [-0.003565163, -0.000986696],
        "steps": "every node of the tape once",
    },
)
def one_sweep():
    e = cr.explain(hse, PARAMETERS, X, TARGET)
    names = [line.name for line in e.records()]
    blocks = [name for name, before in zip(names, [None, *names], strict=False) if name != before]
    once = len(blocks) == len(set(blocks))
    totals = {wire.name: wire.total for wire in e.forward()}
    for i in (3, 2, 1):
        print(f"δ{i} =", totals[f"z{i}"].round(9))
    return {
        "δ3": totals["z3"],
        "δ2": totals["z2"],
        "δ1": totals["z1"],
        "steps": "every node of the tape once" if once else "some nodes again",
    }


@row(
    "2.8",
    en="At the last layer ∂y/∂z = σ'(z).",
    zh="最後一層 ∂y/∂z = σ'(z)。",
    expected={"∂y/∂z": [0.236145585, 0.141677403], "rule": "sigmoid(z3) * (1 - sigmoid(z3))"},
)
def last_amplifier():
    (line,) = cr.explain(hse, PARAMETERS, X, TARGET).records("z3")
    print(f"∂y/∂z3 = {line.local_formula} =", line.local.round(9))
    return {"∂y/∂z": line.local, "rule": line.local_formula}


@row(
    "2.9",
    en="∂C/∂y depends on the loss, which usually is the cross-entropy; everything below it stays the same.",
    zh="∂C/∂y 取決於損失函數（通常是交叉熵）；其餘部分不變。",
    expected={
        "∂C/∂y, half squared error": [-0.382295222, 0.829123984],
        "∂C/∂y, cross-entropy": [-1.618896334, 5.852196372],
        "∂y/∂z is the same": True,
        "∂C/∂z3, cross-entropy": [-0.382295222, 0.829123984],
        "y − ŷ": [-0.382295222, 0.829123984],
        "fused, in symbols": "σ(z3) − target",
        "softmax, in symbols": "softmax(z3) − target",
    },
)
def losses():
    def fused(p, x, target):
        z3 = scores(p, x)
        C = np.sum(nn.softplus(z3) - target * z3)
        return C

    squared, entropy = (cr.explain(loss, PARAMETERS, X, TARGET) for loss in (hse, bce))
    of_squared, of_entropy = (
        {wire.name: wire.total for wire in e.forward()} for e in (squared, entropy)
    )
    sigmoid = cr.explain(fused, PARAMETERS, X, TARGET).chain("z3", depth=9)
    softmax = cr.explain(sce, PARAMETERS, X, TARGET).chain("z3", depth=9)
    print(sigmoid)
    print(softmax)
    slopes = [e.records("z3")[0].local for e in (squared, entropy)]
    return {
        "∂C/∂y, half squared error": of_squared["y"],
        "∂C/∂y, cross-entropy": of_entropy["y"],
        "∂y/∂z is the same": bool(np.array_equal(*slopes)),
        "∂C/∂z3, cross-entropy": of_entropy["z3"],
        "y − ŷ": outputs(PARAMETERS, X) - TARGET,
        "fused, in symbols": sigmoid.symbolic(),
        "softmax, in symbols": softmax.symbolic(),
    }
