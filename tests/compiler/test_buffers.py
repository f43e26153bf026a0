"""The arena: temporaries whose lives meet lie apart, and each lies as low as it can."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import Buffer, Index, Load

LINE = 64


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12)), max_size=40))
def test_each_temporary_has_the_lowest_place_that_is_free(sizes_and_ages):
    """One begins at each statement; it is read again so many statements later."""
    buffers = [
        Buffer(f"b{i}", np.dtype("u1"), n, "temporary") for i, (n, _) in enumerate(sizes_and_ages)
    ]
    at = [[b] for b in buffers] + [[] for _ in range(13)]
    for i, (_, age) in enumerate(sizes_and_ages):
        at[i + age].append(buffers[i])
    body = [Load(0, b, Index(0)) for row in at for b in row]
    lives = {b: [i for i, s in enumerate(body) if s.buffer is b] for b in buffers}
    program = assigned(buffers, tuple(body), {})
    taken = {}
    for b in sorted(buffers, key=lambda b: lives[b][0]):
        alive = [p for other, p in taken.items() if lives[other][-1] >= lives[b][0]]
        size = -(-max(b.size, 1) // LINE) * LINE
        starts = sorted([0, *[end for _, end in alive]])
        free = [s for s in starts if all(end <= s or s + size <= start for start, end in alive)]
        taken[b] = free[0], free[0] + size
    assert program.offsets == {b: start for b, (start, _) in taken.items()}
    assert program.arena == max((end for _, end in taken.values()), default=0)
