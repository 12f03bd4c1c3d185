"""A fault of this program's own, one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from inspector import leaving
from inspector.errors import DEBUG, EXIT_BAD, MORE_MEMORY, NO_MEMORY, one_line, short_line
from inspector.version import __version__

PACKAGE = Path(__file__).parent
_SIGNALS = leaving.__file__
"""raises wherever the program stands"""


def report_fault(error: Exception) -> int:
    """Print what to report to standard error, behind the traceback where the user asked for it; the exit code."""
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error)
    print(f"vcpu-inspector: {fault_line(error)}", file=sys.stderr)
    return EXIT_BAD


def fault_line(error: BaseException) -> str:
    """What to report: the error, where in this program it came from, and the versions that matter."""
    if isinstance(error, MemoryError):
        return f"{NO_MEMORY}; {MORE_MEMORY}"
    if isinstance(error, ModuleNotFoundError) and _of_others(error.name or ""):
        return (
            f"{one_line(error.name or '')}: this Python ({one_line(sys.executable)}) has no such package; "
            "run the program where it was installed, or install it here: pip install ., as README's Quick start does"
        )
    told = short_line(f"{type(error).__name__}: {error}", 200)
    # Such as a guest that may stand still.
    told = one_line("; ".join([told, *getattr(error, "__notes__", ())]))
    versions = f"{__version__}, Textual {_version_of('textual')}, Python {platform.python_version()}"
    return (
        f"internal error: {told} (at {_place(error)}; {versions}); please report this line and what led to it; "
        f"--debug or {DEBUG}=1 shows the traceback"
    )


def _of_others(module: str) -> bool:
    """Whether a module is neither Python's own nor this program's: the program runs where it was not installed."""
    package = module.partition(".")[0]
    return bool(package) and package not in sys.stdlib_module_names and package != PACKAGE.name


def stuck_line(error: BaseException) -> str:
    """What to report of screens that did not answer: where the program stood when `error` was raised in it."""
    return f"the screens did not answer (at {_place(error)}); please report this line and what led to it"


def _version_of(package: str) -> str:
    """Which one is installed; where none is, that may be the fault itself."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _place(error: BaseException) -> str:
    """`app/dialogs/open.py:99`: the last line of ours on the way to the error, else the last of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if Path(one.filename).is_relative_to(PACKAGE) and one.filename != _SIGNALS]
    if ours:
        return f"{Path(ours[-1].filename).relative_to(PACKAGE)}:{ours[-1].lineno}"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
