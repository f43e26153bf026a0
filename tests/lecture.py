"""The worked examples of lectures on backpropagation, and the numbers they must give.

Every function takes `shifts`: zeros that are added to its intermediate values. The gradient with
respect to the shift of a value is the gradient at that value, so one call shows every wire.
"""

import numpy as np


def assert_printed(got, expected):
    """The tables print nine digits or more."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# The network of the lecture: 2-2-2-2, a sigmoid after every layer; rows of W are neurons.

PARAMETERS = {
    "W1": np.array([[1.0, -2.0], [-1.0, 1.0]]),
    "b1": np.array([1.0, 0.0]),
    "W2": np.array([[2.0, -1.0], [-2.0, -1.0]]),
    "b2": np.array([0.0, 0.0]),
    "W3": np.array([[3.0, -1.0], [-1.0, 4.0]]),
    "b3": np.array([-2.0, 2.0]),
}
X = np.array([1.0, -1.0])
ORIGIN = np.array([0.0, 0.0])
TARGET = np.array([1.0, 0.0])
VALUES = ("z1", "a1", "z2", "a2", "z3", "y")
SHIFTS = {name: np.zeros(2) for name in VALUES}


def network(p, x, shifts=SHIFTS):
    """Return every intermediate value, for one example or a batch of them."""
    z1 = x @ p["W1"].T + p["b1"] + shifts["z1"]
    a1 = sigmoid(z1) + shifts["a1"]
    z2 = a1 @ p["W2"].T + p["b2"] + shifts["z2"]
    a2 = sigmoid(z2) + shifts["a2"]
    z3 = a2 @ p["W3"].T + p["b3"] + shifts["z3"]
    y = sigmoid(z3) + shifts["y"]
    return {"z1": z1, "a1": a1, "z2": z2, "a2": a2, "z3": z3, "y": y}


def half_squared_error(p, x=X, target=TARGET, shifts=SHIFTS):
    y = network(p, x, shifts)["y"]
    return 0.5 * np.sum((y - target) ** 2)


def binary_cross_entropy(p, x=X, target=TARGET, shifts=SHIFTS):
    y = network(p, x, shifts)["y"]
    return -np.sum(target * np.log(y) + (1 - target) * np.log(1 - y))


def softmax_cross_entropy(p, x=X, target=TARGET, shifts=SHIFTS):
    z = network(p, x, shifts)["z3"]
    return -np.sum(target * (z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))))


LOSSES = {
    "HSE": half_squared_error,
    "BCE": binary_cross_entropy,
    "SCE": softmax_cross_entropy,
}

FORWARD = [
    # value, at x = (1, -1), at x = (0, 0)
    ("z1", (4, -2), (1, 0)),
    ("a1", (0.98201379, 0.119202922), (0.731058579, 0.5)),
    ("z2", (1.844824658, -2.083230502), (0.962117157, -1.962117157)),
    ("a2", (0.863518313, 0.110737444), (0.723545495, 0.123238105)),
    ("z3", (0.479817494, 1.579431463), (0.04739838, 1.769406926)),
    ("y", (0.617704778, 0.829123984), (0.511847377, 0.854383901)),
]
SLOPES = [
    # layer, sigmoid'(z) at x = (1, -1), at x = (0, 0)
    (1, (0.017662706, 0.104993585), (0.196611933, 0.25)),
    (2, (0.117854436, 0.098474662), (0.200027412, 0.108050475)),
    (3, (0.236145585, 0.141677403), (0.24985964, 0.124412051)),
]
SLIDE = [("a1", (0.98, 0.12)), ("a2", (0.86, 0.11)), ("y", (0.62, 0.83))]

LOSS = {"HSE": 0.416798109, "BCE": 2.248561681, "SCE": 1.387045715}
BACKWARD = [
    # loss, value, the gradient of the loss at it
    ("HSE", "y", (-0.382295222, 0.829123984)),
    ("HSE", "z3", (-0.090277329, 0.117468133)),
    ("HSE", "a2", (-0.38830012, 0.560149861)),
    ("HSE", "z2", (-0.045762892, 0.055160568)),
    ("HSE", "a1", (-0.20184692, -0.009397677)),
    ("HSE", "z1", (-0.003565163, -0.000986696)),
    ("BCE", "y", (-1.618896334, 5.852196372)),
    ("BCE", "z3", (-0.382295222, 0.829123984)),
    ("BCE", "a2", (-1.976009651, 3.698791159)),
    ("BCE", "z2", (-0.232881504, 0.364237211)),
    ("BCE", "a1", (-1.194237428, -0.131355707)),
    ("BCE", "z1", (-0.021093465, -0.013791507)),
    ("SCE", "z3", (-0.750187768, 0.750187768)),
    ("SCE", "a2", (-3.000751072, 3.75093884)),
    ("SCE", "z2", (-0.353651826, 0.369372436)),
    ("SCE", "a1", (-1.446048524, -0.01572061)),
    ("SCE", "z1", (-0.02554113, -0.001650563)),
]
INPUT = [
    # loss, its gradient at x
    ("HSE", (-0.002578467, 0.00614363)),
    ("BCE", (-0.007301958, 0.028395423)),
    ("SCE", (-0.023890567, 0.049431697)),
]
WEIGHTS = [
    # loss, weight, the gradient of the loss with respect to it
    ("HSE", "W1", [[-0.003565163, 0.003565163], [-0.000986696, 0.000986696]]),
    ("HSE", "W2", [[-0.044939791, -0.00545507], [0.054168439, 0.006575301]]),
    ("HSE", "W3", [[-0.077956127, -0.009997081], [0.101435884, 0.013008121]]),
    ("BCE", "W1", [[-0.021093465, 0.021093465], [-0.013791507, 0.013791507]]),
    ("BCE", "W2", [[-0.228692848, -0.027760156], [0.357685964, 0.04341814]]),
    ("BCE", "W3", [[-0.330118925, -0.042334396], [0.715963744, 0.091815071]]),
    ("SCE", "W1", [[-0.02554113, 0.02554113], [-0.001650563, 0.001650563]]),
    ("SCE", "W2", [[-0.34729097, -0.042156331], [0.362728826, 0.044030274]]),
    ("SCE", "W3", [[-0.647800876, -0.083073876], [0.647800876, 0.083073876]]),
]
NORM = {"HSE": 0.220882518, "BCE": 1.355398245, "SCE": 1.580515021}
STEPS = (0, 1, 2, 3, 10, 100)
DESCENT = {
    # the loss after so many steps of gradient descent with learning rate 0.1
    "HSE": (0.416798109, 0.411917681, 0.407029811, 0.402131992, 0.367394509, 0.060631782),
    "BCE": (2.248561681, 2.068768388, 1.904077482, 1.753543529, 1.023825853, 0.106610862),
    "SCE": (1.387045715, 1.148824674, 0.954441425, 0.798635135, 0.309828402, 0.025975246),
}

# Small graphs: a neuron gate by gate, an expression with forks, a circuit.

NEURON_WIRES = ("w0x0", "w1x1", "products", "z", "negated", "exponential", "one_more", "f")
NEURON_WEIGHTS = np.array([2.0, -3.0, -3.0])
NEURON_INPUTS = np.array([-1.0, -2.0])


def neuron(w, x, shifts=None):
    """Return every wire of `1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))`."""
    s = shifts or dict.fromkeys(NEURON_WIRES, 0.0)
    first = w[0] * x[0] + s["w0x0"]
    second = w[1] * x[1] + s["w1x1"]
    products = first + second + s["products"]
    z = products + w[2] + s["z"]
    negated = -z + s["negated"]
    exponential = np.exp(negated) + s["exponential"]
    one_more = exponential + 1 + s["one_more"]
    f = 1 / one_more + s["f"]
    return dict(
        zip(
            NEURON_WIRES,
            (first, second, products, z, negated, exponential, one_more, f),
            strict=True,
        )
    )


NEURON = [
    # wire, value, gradient of f at it
    ("w0x0", -2, 0.196611933241),
    ("w1x1", 6, 0.196611933241),
    ("products", 4, 0.196611933241),
    ("z", 1, 0.196611933241),
    ("negated", -1, -0.196611933241),
    ("exponential", 0.367879441171, -0.534446645389),
    ("one_more", 1.367879441171, -0.534446645389),
    ("f", 0.73105857863, 1),
]

FORKS_WIRES = (
    "sigmoid_y",
    "numerator",
    "sigmoid_x",
    "sum",
    "square",
    "denominator",
    "inverse",
    "f",
)


def forks(x, y, shifts=None):
    """Return every wire of `(x + sigmoid(y)) / (sigmoid(x) + (x + y)²)`."""
    s = shifts or dict.fromkeys(FORKS_WIRES, 0.0)
    sigmoid_y = sigmoid(y) + s["sigmoid_y"]
    numerator = x + sigmoid_y + s["numerator"]
    sigmoid_x = sigmoid(x) + s["sigmoid_x"]
    total = x + y + s["sum"]
    square = total**2 + s["square"]
    denominator = sigmoid_x + square + s["denominator"]
    inverse = 1 / denominator + s["inverse"]
    f = numerator * inverse + s["f"]
    wires = (sigmoid_y, numerator, sigmoid_x, total, square, denominator, inverse, f)
    return dict(zip(FORKS_WIRES, wires, strict=True))


FORKS = [
    # wire, value, gradient of f at it
    ("sigmoid_y", 0.017986209962, 0.51214444884),
    ("numerator", 3.017986209962, 0.51214444884),
    ("sigmoid_x", 0.952574126822, -0.791593447273),
    ("sum", -1, 1.583186894545),
    ("square", 1, -0.791593447273),
    ("denominator", 1.952574126822, -0.791593447273),
    ("inverse", 0.51214444884, 3.017986209962),
    ("f", 1.545644884107, 1),
]

CIRCUIT_WIRES = ("product", "maximum", "sum", "f")


def circuit(x, y, z, w, shifts=None):
    """Return every wire of `2 (x y + max(z, w))`."""
    s = shifts or dict.fromkeys(CIRCUIT_WIRES, 0.0)
    product = x * y + s["product"]
    maximum = np.maximum(z, w) + s["maximum"]
    total = product + maximum + s["sum"]
    f = 2 * total + s["f"]
    return dict(zip(CIRCUIT_WIRES, (product, maximum, total, f), strict=True))


CIRCUIT = [
    # wire, value, gradient of f at it
    ("product", -12, 2),
    ("maximum", 2, 2),
    ("sum", -10, 2),
    ("f", -20, 1),
]
