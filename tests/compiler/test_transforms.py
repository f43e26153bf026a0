"""Fourier transforms in compiled code are NumPy's to the last bit: sizes, norms, axes, layouts, dtypes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.loops.interpreter import interpret

fft = np.fft
NORMS = (None, "ortho", "forward")
LAYOUTS = (lambda x: x, lambda x: x.T[::-1])
SHAPES = ((1,), (7,), (8,), (3, 5), (2, 4, 6))
OF_ANY = {
    "fft": lambda x, norm: fft.fft(x, norm=norm),
    "fft of fewer or more": lambda x, norm: fft.fft(x, n=6, norm=norm),
    "ifft": lambda x, norm: fft.ifft(x, axis=0, norm=norm),
    "fftn": lambda x, norm: fft.fftn(x, norm=norm),
    "ifftn": lambda x, norm: fft.ifftn(x, norm=norm),
    "irfft of an even number": lambda x, norm: fft.irfft(x, n=4, norm=norm),
    "irfft of an odd number": lambda x, norm: fft.irfft(x, n=5, norm=norm),
}
OF_REAL = {
    "rfft": lambda x, norm: fft.rfft(x, axis=0, norm=norm),
    "rfftn": lambda x, norm: fft.rfftn(x, norm=norm),
    "ihfft": lambda x, norm: fft.ihfft(x, norm=norm),
}


@pytest.mark.parametrize("dtype", ["?", "i8", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("name", [*OF_ANY, *OF_REAL])
def test_results_are_numpy_s_to_the_bit(name, dtype, rng):
    is_complex = np.dtype(dtype).kind == "c"
    if is_complex and name in OF_REAL:
        return  # NumPy refuses them
    f = {**OF_ANY, **OF_REAL}[name]
    whole = [(drawn(rng, dtype, s), n, turned) for s in SHAPES for n in NORMS for turned in LAYOUTS]
    for cases in rows(whole, 6):

        def step(*arrays, cases=cases):
            pairs = zip(arrays, cases, strict=True)
            return tuple([f(turned(x), norm) for x, (_, norm, turned) in pairs])

        compiled = cr.compile(step)
        arrays = [x for x, _, _ in cases]
        for got, expected in zip(compiled(*arrays), step(*arrays), strict=True):
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)
        assert compiled._path().built.native.artifact.hosts == ()


def rows(items, n):
    return [items[i : i + n] for i in range(0, len(items), n)]


def drawn(rng, dtype, shape):
    x = rng.normal(size=shape) * 3
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def test_half_precision_is_left_to_numpy():
    x = np.arange(5, dtype=np.float16)
    step = cr.compile(lambda x: fft.fft(x))
    np.testing.assert_array_equal(step(x), fft.fft(x))


def test_slopes_through_transforms_are_native(rng):
    x = rng.normal(size=(3, 9))
    slope = cr.grad(lambda x: np.sum(np.abs(fft.irfft(fft.rfft(x) ** 2, n=9)) ** 2))
    compiled = cr.compile(slope)
    np.testing.assert_allclose(compiled(x), slope(x), rtol=1e-11, atol=1e-11)
    assert compiled._path().built.native.artifact.hosts == ()


def test_the_interpreter_agrees(rng):
    x = rng.normal(size=(3, 8))
    compiled = cr.compile(lambda x: fft.rfft(x, axis=0))
    expected = compiled(x)
    out = np.zeros_like(expected)
    program = compiled._path().built.native.translation.program
    assert interpret(program, [x.ravel(), out.reshape(-1)]) == 0
    np.testing.assert_array_equal(out, expected)
