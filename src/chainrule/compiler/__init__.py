"""The compiler: a Python step becomes one native function.

`compiled` is what the user calls, and `build` leads: `capture` runs the step on types, which gives a graph; `passes`
make it smaller; `lowering` turns it into loops, by a plan (`planning`) or by finding Python's loops again (`rolling`);
`loops` says what those are; `emission` writes LLVM; `machine_code` makes functions in memory of it, and `entry` what
stands between Python's arguments and them.
"""
