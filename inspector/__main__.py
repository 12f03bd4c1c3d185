"""The program's first lines, of `vcpu-inspector` and of `python -m inspector`."""

import _signal  # type: ignore[import-not-found]  # `signal` costs more than all else that `--version` imports

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    # Python's own handler would print a traceback until `leaving` takes the signal. Nothing has to be put right before.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from inspector.cli import start

if __name__ == "__main__":
    start()
