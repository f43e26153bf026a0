"""Rows C.1 to C.24: checking gradients, looking at a network before it is trained, and training it."""

import numpy as np

import chainrule as cr
from chainrule import nn, optim
from chainrule.lecture.programs.network import PARAMETERS, TARGET, X, bce, hse
from chainrule.lecture.row import Order, row


@row(
    "C.1",
    en="A centred difference beats a forward difference: its error falls with h², the other's with h.",
    zh="中央差分勝過前向差分：它的誤差隨 h² 下降，後者只隨 h。",
    expected={
        "forward, h = 1e-1, 1e-2, 1e-3": [4.597e-03, 4.549e-04, 4.543e-05],
        "centred, h = 1e-1, 1e-2, 1e-3": [5.892e-05, 5.888e-07, 5.888e-09],
    },
    tolerance=5e-7,
)
def centred_differences():
    exact = cr.grad(nn.sigmoid)(1.0)
    forward, centred = [], []
    print("h      forward    centred")
    for h in (1e-1, 1e-2, 1e-3):
        (line,) = cr.check_gradients(nn.sigmoid, 1.0, step=h).rows
        centred.append(abs(line.numeric - exact))
        forward.append(abs((nn.sigmoid(1 + h) - nn.sigmoid(1.0)) / h - exact))
        print(f"{h:.0e}  {forward[-1]:.3e}  {centred[-1]:.3e}")
    return {
        "forward, h = 1e-1, 1e-2, 1e-3": forward,
        "centred, h = 1e-1, 1e-2, 1e-3": centred,
    }


@row(
    "C.2",
    en="Too small an h is bad: below about 1e-5 rounding takes over.",
    zh="h 太小也不好：小於約 1e-5 時，捨入誤差就占了上風。",
    expected={
        "h = 1e-05": Order(2e-12),
        "h = 1e-08": Order(1e-9),
        "h = 1e-10": Order(3e-7),
        "h = 1e-12": Order(9e-6),
    },
)
def too_small_a_step():
    exact = cr.grad(nn.sigmoid)(1.0)
    found = {}
    for h in (1e-5, 1e-8, 1e-10, 1e-12):
        (line,) = cr.check_gradients(nn.sigmoid, 1.0, step=h).rows
        found[f"h = {h:.0e}"] = abs(line.numeric - exact)
        print(f"h = {h:.0e}  error about {found[f'h = {h:.0e}']:.0e}   {line.verdict}")
    return found


@row(
    "C.3",
    en="Compare by relative error, |a − n| / max(|a|, |n|); where both are zero, all is well.",
    zh="用相對誤差比較：|a − n| / max(|a|, |n|)；兩者皆為零則通過。",
    expected={
        "(1, 1.0001)": 9.9990001e-5,
        "(1e-5, 1.1e-4)": 0.909090909,
        "(0, 0)": 0.0,
        "in the report": "error = |analytic - numeric| / max(|analytic|, |numeric|); 0 where both are 0",
    },
)
def relative_errors():
    from chainrule.autodiff.differences import relative_error

    report = cr.check_gradients(nn.sigmoid, 1.0)
    print(report)
    return {
        "(1, 1.0001)": relative_error(1.0, 1.0001),
        "(1e-5, 1.1e-4)": relative_error(1e-5, 1.1e-4),
        "(0, 0)": relative_error(0.0, 0.0),
        "in the report": str(report).splitlines()[-1],
    }


@row(
    "C.4",
    en="What a relative error means: above 1e-2 the gradient is probably wrong, above 1e-4 be uneasy, "
    "below that fine where there are kinks, up to 1e-7 good.",
    zh="相對誤差的意義：大於 1e-2 很可能錯了，大於 1e-4 應該不安，再小則有轉折點時可以接受，不超過 1e-7 就很好。",
    expected={"5e-2": "probably wrong", "1e-3": "uneasy", "1e-5": "fine with kinks", "0": "good"},
)
def verdicts():
    found = {}
    for error in (5e-2, 1e-3, 1e-5, 0):

        def planted(x, error=error):
            slope = np.cos(x) * (1 - error)
            return cr.custom_rule(vjp=lambda g, out, x: (g * slope,))(np.sin)(x)

        (line,) = cr.check_gradients(planted, 1.0).rows
        name = f"{error:.0e}".replace("0e+00", "0").replace("e-0", "e-")
        print(f"relative error {line.error:.0e}: {line.verdict}")
        found[name] = line.verdict
    return found


@row(
    "C.5",
    en="Check in double precision: in single precision the differences themselves are off by a percent.",
    zh="用雙精度檢查：單精度時，差分本身就差了百分之一。",
    expected={
        "float32, h = 1e-5": Order(1e-2),
        "float32, h = 1e-4": Order(1e-3),
        "float64, h = 1e-5": Order(1e-11),
    },
)
def double_precision():
    exact = cr.grad(nn.sigmoid)(1.0)
    found = {}
    for dtype, h in ((np.float32, 1e-5), (np.float32, 1e-4), (np.float64, 1e-5)):
        (line,) = cr.check_gradients(nn.sigmoid, dtype(1.0), step=h).rows
        name = f"{dtype.__name__}, h = {h:.0e}".replace("e-0", "e-")
        found[name] = abs(line.numeric - exact) / exact
        print(f"{name}: relative error of the difference about {found[name]:.0e}")
    return found


@row(
    "C.6",
    en="Kinks: where max or ReLU changes its choice between x − h and x + h the difference is wrong, not the gradient. "
    "ReLU at x = −1e-6. (The notes print x = −1e6, where there is no kink.)",
    zh="轉折點：若 max 或 ReLU 在 x − h 與 x + h 之間改變選擇，錯的是差分而不是梯度。"
    "ReLU 在 x = −1e-6。（筆記印成 x = −1e6，那裡沒有轉折。）",
    expected={
        "h = 1e-5: difference, gradient, error, kinks": [0.45, 0.0, 1.0, 1],
        "h = 1e-7: difference, gradient, error, kinks": [0.0, 0.0, 0.0, 0],
    },
)
def kinks():
    found = {}
    for h in (1e-5, 1e-7):
        report = cr.check_gradients(nn.relu, -1e-6, step=h)
        print(report, "\n")
        (line,) = report.rows
        name = f"h = {h:.0e}: difference, gradient, error, kinks".replace("e-0", "e-")
        found[name] = [line.numeric, line.analytic, line.error, line.kinks]
    return found


@row(
    "C.7",
    en="Check a few entries of every parameter, not of all joined; fix the seed; switch dropout off; "
    "check the data loss and the penalty apart; train a little before.",
    zh="每個參數各檢查幾個元素，而不是把全部接起來再抽；固定亂數種子；關掉 dropout；"
    "資料損失與懲罰項分開檢查；先訓練一會兒。",
    expected={
        "named": ["p['W1']", "p['W2']", "p['W3']", "p['b1']", "p['b2']", "p['b3']"],
        "data, penalty": [True, True],
        "dropout with a fresh seed each call": False,
        "dropout off": True,
    },
)
def how_to_check():
    def penalty(p):
        return 0.5 * nn.functional.l2(p["W1"])

    rng = np.random.default_rng(0)

    def with_dropout(x, dropout, rng):
        return np.sum(dropout(x, rng=rng) ** 2)

    report = cr.check_gradients(bce, PARAMETERS, X, TARGET, argnums=0, entries=2)
    for line in report.rows:
        print(f"{line.parameter}: {line.checked} of {line.size} entries: {line.verdict}")
    dropout = nn.Dropout(0.5)
    x = np.arange(1.0, 9.0)
    noisy = cr.check_gradients(with_dropout, x, dropout, rng, argnums=0)
    print("with dropout:", str(noisy).splitlines()[-1])
    return {
        "named": [line.parameter for line in report.rows],
        "data, penalty": [report.ok, cr.check_gradients(penalty, PARAMETERS).ok],
        "dropout with a fresh seed each call": noisy.ok,
        "dropout off": cr.check_gradients(lambda x: np.sum(dropout(x) ** 2), x).ok,
    }


@row(
    "C.8",
    en="Before any training a balanced classifier should lose as much as chance: ln 10, ln 3, or 9 for the hinge.",
    zh="還沒訓練時，均衡的分類器應該和亂猜一樣差：ln 10、ln 3，hinge 則為 9。",
    expected={
        "softmax, 10 classes": 2.302585093,
        "softmax, 3 classes": 1.098612289,
        "hinge, 10 classes": 9.0,
    },
)
def loss_at_chance():
    functional = nn.functional
    found = {
        "softmax, 10 classes": functional.softmax_cross_entropy(np.zeros(10), np.array(3)),
        "softmax, 3 classes": functional.softmax_cross_entropy(np.zeros(3), np.array(0)),
        "hinge, 10 classes": functional.hinge(np.zeros(10), np.array(3)),
    }
    for name, loss in found.items():
        print(f"{name:20} {loss:.9f}")
    return found


@row(
    "C.9",
    en="Overfit a tiny part of the data first: 20 examples must reach a loss of about 0 without a penalty. "
    "A larger penalty gives a larger loss.",
    zh="先讓一小部分資料過擬合：20 筆資料在沒有懲罰項時損失應接近 0。懲罰越大，損失越大。",
    expected={"loss of 20 examples is below 0.001": True, "loss grows with the penalty": True},
)
def overfit_a_few():
    digits = cr.data.digits()
    few = slice(0, 20)
    x, y = digits.x[few] / 16, digits.y[few]
    model = nn.MLP.create((64, 32, 10), nn.relu, rng=np.random.default_rng(0))

    def loss(model, strength):
        data = np.mean(nn.functional.softmax_cross_entropy(model(x), y))
        return data + strength * nn.functional.l2(model)

    at_first = [float(loss(model, strength)) for strength in (0.0, 0.01, 0.1)]
    optimizer = optim.adam(0.01)
    state = optimizer.init(model)
    step = cr.value_and_grad(loss)
    for i in range(301):
        value, gradient = step(model, 0.0)
        updates, state = optimizer.update(gradient, state, model)
        model = optim.apply_updates(model, updates)
        if i % 100 == 0:
            print(f"step {i:3}: loss {value:.6f}")
    print("before training, with a penalty of 0, 0.01, 0.1:", np.round(at_first, 4).tolist())
    return {
        "loss of 20 examples is below 0.001": bool(value < 1e-3),
        "loss grows with the penalty": at_first == sorted(set(at_first)),
    }


@row(
    "C.10",
    en="An update should be about a thousandth of what it updates: watch the ratio for every parameter.",
    zh="每次更新的大小約為權重的千分之一：逐個參數觀察這個比例。",
    expected={"W1": 0.001347, "W2": 0.01352, "W3": 0.0153},
    tolerance=5e-6,
)
def update_ratios():
    gradient = cr.explain(bce, PARAMETERS, X, TARGET, argnums=0).gradient
    norm = np.linalg.norm
    found = {
        name: 0.1 * norm(gradient[name]) / norm(PARAMETERS[name]) for name in ("W1", "W2", "W3")
    }
    for name, ratio in found.items():
        print(f"{name}: ‖update‖ / ‖weights‖ = {ratio:.4g}")
    return found


@row(
    "C.11",
    en="Vanishing gradients: σ' is at most ¼, so n sigmoids leave at most (¼)ⁿ of a gradient.",
    zh="梯度消失：σ' 最大為 ¼，所以 n 個 sigmoid 之後梯度至多剩 (¼)ⁿ。",
    expected={
        "(¼)¹, (¼)², (¼)³": [0.25, 0.0625, 0.015625],
        "(¼)¹⁰": 9.5367431640625e-7,
        "ten sigmoids from 0.5": 3.483115610e-7,
        "‖∂C/∂W‖ of layers 1 to 3": [0.00523143, 0.0708999, 0.128979],
    },
    tolerance=5e-7,
)
def vanishing():
    def chained(x):
        for _ in range(10):
            x = nn.sigmoid(x)
        return x

    e = cr.explain(chained, 0.5)
    print(e)
    gradient = cr.explain(hse, PARAMETERS, X, TARGET, argnums=0).gradient
    norms = [float(np.linalg.norm(gradient[f"W{i}"])) for i in (1, 2, 3)]
    print("‖∂C/∂W‖ of layers 1 to 3:", np.round(norms, 7).tolist())
    return {
        "(¼)¹, (¼)², (¼)³": [0.25**n for n in (1, 2, 3)],
        "(¼)¹⁰": 0.25**10,
        "ten sigmoids from 0.5": e.gradient["x"],
        "‖∂C/∂W‖ of layers 1 to 3": norms,
    }


@row(
    "C.12",
    en="Saturation: far from 0 a sigmoid hands on next to nothing.",
    zh="飽和：離 0 很遠時，sigmoid 幾乎不傳遞梯度。",
    expected={"σ'(5)": 0.006648057, "σ'(10)": 4.53958e-5},
)
def saturation():
    found = {}
    for z in (5.0, 10.0):
        (line,) = cr.explain(nn.sigmoid, z).records()
        print(f"σ'({z:g}) = {line.local:.9f}")
        found[f"σ'({z:g})"] = line.local
    return found


@row(
    "C.13",
    en="Plain gradient descent on x², from 1 with η = 0.1.",
    zh="在 x² 上做單純的梯度下降，從 1 出發，η = 0.1。",
    expected={"x": [0.8, 0.64, 0.512]},
)
def plain_descent():
    optimizer = optim.sgd(0.1)
    x, state, trail = 1.0, optimizer.init(1.0), []
    for _ in range(3):
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        trail.append(x)
    print(trail)
    return {"x": trail}


@row(
    "C.14",
    en="Momentum 0.9: the step remembers the steps before it.",
    zh="動量 (momentum) 0.9：這一步記得之前的步伐。",
    expected={"x": [0.8, 0.46, 0.062]},
)
def with_momentum():
    optimizer = optim.momentum(0.1, decay=0.9)
    x, state, trail = 1.0, optimizer.init(1.0), []
    for _ in range(3):
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        trail.append(x)
    print(trail)
    return {"x": trail}


@row(
    "C.15",
    en="Nesterov's momentum looks ahead; the numbers are those of the look-ahead variable.",
    zh="Nesterov 動量會先往前看；這裡列的是往前看的那個變數。",
    expected={"x": [0.62, 0.2224, -0.108352]},
)
def nesterov():
    optimizer = optim.nesterov(0.1, decay=0.9)
    x, state, trail = 1.0, optimizer.init(1.0), []
    for _ in range(3):
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        trail.append(x)
    print(trail)
    return {"x": trail}


@row(
    "C.16",
    en="Adagrad divides by the root of all squared gradients so far.",
    zh="Adagrad 除以至今所有梯度平方和的平方根。",
    expected={"x": [0.9, 0.833103528, 0.780456182]},
)
def adagrad():
    optimizer = optim.adagrad(0.1)
    x, state, trail = 1.0, optimizer.init(1.0), []
    for _ in range(3):
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        trail.append(x)
    print(trail)
    return {"x": trail}


@row(
    "C.17",
    en="RMSProp forgets old gradients. Two conventions differ in what the average starts from: "
    "0, or the first gradient.",
    zh="RMSProp 會遺忘舊的梯度。兩種約定的差別在平均值從 0 開始，還是從第一個梯度開始。",
    expected={
        "from 0": [0.683772239, 0.498870614, 0.369180560],
        "from the first gradient": [0.9, 0.809132620, 0.726046035],
    },
)
def rmsprop():
    optimizers = {
        "from 0": optim.rmsprop(0.1),
        "from the first gradient": optim.rmsprop(0.1, initial="gradient", epsilon=1e-16),
    }
    found = {}
    for name, optimizer in optimizers.items():
        x, state, trail = 1.0, optimizer.init(1.0), []
        for _ in range(3):
            updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
            x = optim.apply_updates(x, updates)
            trail.append(x)
        print(name, trail)
        found[name] = trail
    return found


@row(
    "C.18",
    en="Adam: momentum and RMSProp together, with the bias of the first steps corrected.",
    zh="Adam：動量加上 RMSProp，並修正最初幾步的偏差。",
    expected={"x": [0.9, 0.800412229, 0.701586273]},
)
def adam():
    optimizer = optim.adam(0.1)
    x, state, trail = 1.0, optimizer.init(1.0), []
    for _ in range(3):
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        trail.append(x)
    print(trail)
    return {"x": trail}


@row(
    "C.19",
    en="Penalties alone, η = 0.1 and λ = 0.5: L2 shrinks by a factor, (1 − ηλ)·w; L1 by a constant, w − ηλ·sgn(w).",
    zh="只有懲罰項，η = 0.1、λ = 0.5：L2 按比例縮小 (1 − ηλ)·w，L1 減去常數 w − ηλ·sgn(w)。",
    expected={"L2": [0.475, -1.9], "L1": [0.45, -1.95]},
)
def penalties():
    w = np.array([0.5, -2.0])
    optimizer = optim.sgd(0.1)
    found = {}
    for name, penalty in (("L2", nn.functional.l2), ("L1", nn.functional.l1)):

        def loss(w):
            return 0.5 * penalty(w)

        updates, _ = optimizer.update(cr.grad(loss)(w), optimizer.init(w))
        found[name] = optim.apply_updates(w, updates)
        print(name, found[name])
    return found


@row(
    "C.20",
    en="Dropout: what is trained with half of the features equals, on average, the network with weights × (1 − p).",
    zh="Dropout：訓練時丟掉一半特徵，平均起來等於把權重乘上 (1 − p) 的網路。",
    expected={
        "mean of the 4 masks": 7.0,
        "weights × (1 − p)": 7.0,
        "nn.Dropout when not training": 7.0,
    },
)
def dropout():
    import itertools

    w, x, p = np.array([2.0, 3.0]), np.array([1.0, 4.0]), 0.5
    by_mask = {
        mask: float(w @ (np.array(mask) * x)) for mask in itertools.product((0, 1), repeat=2)
    }
    print(by_mask)
    return {
        "mean of the 4 masks": np.mean(list(by_mask.values())),
        "weights × (1 − p)": ((1 - p) * w) @ x,
        "nn.Dropout when not training": w @ nn.Dropout(p, inverted=False)(x),
    }


@row(
    "C.21",
    en="Maxout and ReLU train only the piece that wins; the others get a gradient of exactly 0.",
    zh="Maxout 與 ReLU 只訓練勝出的那一段；其餘的梯度恰為 0。",
    expected={"∂f/∂(pieces)": [0.0, 1.0, 0.0], "∂f/∂w of losers": [0.0, 0.0], "shown": True},
)
def only_the_winner():
    def maxout(w, x):
        pieces = w * x
        f = np.max(pieces)
        return f

    e = cr.explain(maxout, np.array([1.0, 3.0, 2.0]), 2.0, argnums=0)
    print(e)
    wires = {wire.name: wire for wire in e.forward()}
    return {
        "∂f/∂(pieces)": wires["pieces"].total,
        "∂f/∂w of losers": e.gradient["w"][[0, 2]],
        "shown": "[0, 1, 0]" in str(e),
    }


@row(
    "C.22",
    en="Early stopping: when the validation loss no longer falls, go back to the best epoch.",
    zh="提早停止 (early stopping)：驗證損失不再下降時，回到最好的那個 epoch。",
    expected={
        "stopped before the last epoch": True,
        "the best weights are kept": True,
        "best epoch before the end": True,
    },
)
def early_stopping():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 20))
    y = x[:, 0] + 0.5 * rng.standard_normal(60)
    first, rest = cr.data.Batch(x[:30], y[:30]), cr.data.Batch(x[30:], y[30:])

    def objective(w, batch):
        return np.mean((batch.x @ w - batch.y) ** 2), {}

    fitted = cr.train.fit(
        objective,
        np.zeros(20),
        first,
        rest,
        optimizer=optim.sgd(0.05),
        rng=rng,
        epochs=500,
        patience=10,
    )
    losses = [epoch.validation["loss"] for epoch in fitted.history]
    best = int(np.argmin(losses))
    print(
        f"{len(losses)} of 500 epochs; best: epoch {best + 1}, validation loss {losses[best]:.4f}"
    )
    return {
        "stopped before the last epoch": len(losses) < 500,
        "the best weights are kept": bool(
            np.isclose(objective(fitted.params, rest)[0], losses[best])
        ),
        "best epoch before the end": best + 1 < len(losses),
    }


@row(
    "C.23",
    en="A case study: three spirals. A linear classifier stays near 50 % and a loss of 0.78; one hidden layer of ReLUs "
    "tells them apart. (The points are random: a few percent either way.)",
    zh="案例：三條螺旋。線性分類器停在約 50 %、損失 0.78；加一層 ReLU 隱藏層就能分開。"
    "（資料是隨機的，容許幾個百分點的差異。）",
    expected={
        "first loss is near ln 3": True,
        "linear: loss near 0.78": True,
        "linear: accuracy near 50 %": True,
        "hidden layer: accuracy above 95 %": True,
    },
)
def spirals():
    rng = np.random.default_rng(0)
    radius = np.linspace(0.0, 1.0, 100)
    angles = [np.linspace(4 * k, 4 * k + 4, 100) + 0.2 * rng.standard_normal(100) for k in range(3)]
    x = np.concatenate([np.stack([radius * np.sin(t), radius * np.cos(t)], axis=1) for t in angles])
    y = np.repeat(np.arange(3), 100)

    def loss(p):
        hidden = np.maximum(0, x @ p["W1"] + p["b1"]) if "W1" in p else x
        logits = hidden @ p["W2"] + p["b2"]
        data = np.mean(nn.functional.softmax_cross_entropy(logits, y))
        return data + 5e-4 * sum(np.sum(p[name] ** 2) for name in p if name[0] == "W")

    def predicted(p, x):
        hidden = np.maximum(0, x @ p["W1"] + p["b1"]) if "W1" in p else x
        return np.argmax(hidden @ p["W2"] + p["b2"], axis=1)

    linear = {"W2": 0.01 * rng.standard_normal((2, 3)), "b2": np.zeros(3)}
    deep = {
        "W1": 0.01 * rng.standard_normal((2, 100)),
        "b1": np.zeros(100),
        "W2": 0.01 * rng.standard_normal((100, 3)),
        "b2": np.zeros(3),
    }
    found = {}
    for name, start, steps in (("linear", linear, 200), ("hidden layer", deep, 600)):
        step, optimizer = cr.value_and_grad(loss), optim.adam(0.05)
        p, state, losses = start, optimizer.init(start), []
        for _ in range(steps):
            value, gradient = step(p)
            updates, state = optimizer.update(gradient, state, p)
            p = optim.apply_updates(p, updates)
            losses.append(value)
        accuracy = np.mean(predicted(p, x) == y)
        print(f"{name}: first loss {losses[0]:.3f}, last {losses[-1]:.3f}, accuracy {accuracy:.0%}")
        found[name] = (losses[0], losses[-1], accuracy)
    colours = ("#c2410c", "#0f766e", "#4338ca")
    ticks = np.arange(-1.1, 1.1, 0.05)
    regions = [predicted(p, np.stack([ticks, np.full(ticks.size, b)], axis=1)) for b in ticks]
    drawn = []
    for b, region in zip(ticks, regions, strict=True):
        starts = np.flatnonzero(np.diff(region, prepend=-1))
        for i, end in zip(starts, [*starts[1:], ticks.size], strict=True):
            place = f'x="{ticks[i]:.2f}" y="{b:.2f}" width="{0.05 * (end - i) + 0.001:.3f}" height=".051"'
            drawn.append(f'<rect {place} fill="{colours[region[i]]}" fill-opacity=".25"/>')
    for (a, b), k in zip(x, y, strict=True):
        drawn.append(f'<circle cx="{a:.3f}" cy="{b:.3f}" r=".014" fill="{colours[k]}"/>')
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1.1 -1.1 2.2 2.2" width="460" height="460" '
        'role="img"><title>Decision regions of one hidden layer on three spirals</title>'
        f"{''.join(drawn)}</svg>"
    )
    return {
        "first loss is near ln 3": bool(abs(found["hidden layer"][0] - np.log(3)) < 0.01),
        "linear: loss near 0.78": bool(abs(found["linear"][1] - 0.78) < 0.05),
        "linear: accuracy near 50 %": bool(abs(found["linear"][2] - 0.5) < 0.06),
        "hidden layer: accuracy above 95 %": bool(found["hidden layer"][2] > 0.95),
    }


@row(
    "C.24",
    en="Second derivatives of a million parameters are out of reach: the Hessian alone would fill 3.7 terabytes.",
    zh="一百萬個參數的二階導數遙不可及：光是 Hessian 矩陣就要 3.7 TB。",
    expected={"GiB": 3725.29, "of 18 parameters, bytes": 1296},
    tolerance=5e-3,
)
def size_of_a_hessian():
    def bytes_of(parameters, dtype=np.float32):
        return parameters**2 * np.dtype(dtype).itemsize

    for n in (18, 1_000, 1_000_000):
        print(f"{n:9,} parameters: {bytes_of(n) / 2**30:.6g} GiB")
    return {"GiB": bytes_of(10**6) / 2**30, "of 18 parameters, bytes": bytes_of(18)}
