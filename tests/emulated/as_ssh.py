"""Stands in for ssh: boots an emulated host and runs the standard input there (`python -m tests.emulated.as_ssh`)."""

from __future__ import annotations

import shlex
import sys

from tests.emulated.proof import run_job


def main() -> int:
    """`SERIES CPU` and then ssh's own arguments, of which the last is the remote command."""
    series, cpu, *rest = sys.argv[1:]
    python, isolated, dash, *argv = shlex.split(rest[-1])
    assert (python, isolated, dash) == ("python3", "-I", "-")
    answer = run_job(series, cpu, *argv, program=sys.stdin.read())
    sys.stdout.buffer.write(answer.out)
    sys.stderr.write(answer.err)
    return answer.code


if __name__ == "__main__":
    sys.exit(main())
