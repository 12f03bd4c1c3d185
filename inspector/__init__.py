"""Read, compare and predict arm64 KVM vCPU registers.

Functions: load, decode, summary, features, kernel, machine, expose, try_write, migrate, fix, compare, explain, verify.
The types that they return are here too. Nothing is loaded before a name is used.
"""

from __future__ import annotations

from inspector.version import __version__

TYPE_CHECKING = False  # typing's own constant would load typing, which `--version` does not need
if TYPE_CHECKING:  # the names are loaded on demand, so that `--version` stays light; type checkers read them here
    from inspector.library import (
        Agreement,
        Choice,
        Comparison,
        Dump,
        Explanation,
        FeatureState,
        FixResult,
        InspectorError,
        Machine,
        MigrationReport,
        Reading,
        RegisterExposure,
        Summary,
        Verdict,
        compare,
        decode,
        explain,
        expose,
        features,
        fix,
        kernel,
        load,
        machine,
        migrate,
        summary,
        try_write,
        verify,
    )

__all__ = [
    "Agreement",
    "Choice",
    "Comparison",
    "Dump",
    "Explanation",
    "FeatureState",
    "FixResult",
    "InspectorError",
    "Machine",
    "MigrationReport",
    "Reading",
    "RegisterExposure",
    "Summary",
    "Verdict",
    "__version__",
    "compare",
    "decode",
    "explain",
    "expose",
    "features",
    "fix",
    "kernel",
    "load",
    "machine",
    "migrate",
    "summary",
    "try_write",
    "verify",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("inspector.library"), name)


def __dir__() -> list[str]:
    return __all__
