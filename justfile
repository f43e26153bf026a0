# The project's commands. Activate an environment first, or keep it in .venv.

venv := justfile_directory() / ".venv"
export PATH := venv / "bin:" + venv / "Scripts:" + env("PATH")

# list the commands
default:
    @just --list

# everything that must hold before a commit, except the tests
check:
    ruff check
    ruff format --check
    mypy
    lint-imports --no-logo

# format, and mend what can be mended by a program
fix:
    ruff check --fix
    ruff format

# run the tests; arguments go to pytest, for example: just test -k tanh
test *arguments:
    pytest {{ arguments }}

# write the pages that are made from the code, and build all into site/; a broken link is an error
docs:
    python tools/gen_docs.py
    python tools/gen_supported.py
    python tools/gen_lecture.py
    mkdocs build --strict

# measure one file of benchmarks/, for example: just bench eager --help
bench subject="eager" *arguments:
    python benchmarks/{{ subject }}.py {{ arguments }}

# run the README's commands, the checks and the tests in fresh clones of HEAD
clone-ci:
    bash .ci/run
