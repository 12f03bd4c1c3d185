"""The texts that run on other machines' own Python: collector and recorder, each as one file."""

from __future__ import annotations

from pathlib import Path

from inspector.standalone import without_imports

_HERE = Path(__file__).resolve().parent
_TAIL = '\n\nif __name__ == "__main__":\n'


def collector_program() -> str:
    """collector.py as it lies in the package."""
    return (_HERE / "collector.py").read_text(encoding="utf-8")


def recorder_program() -> str:
    """The recorder with the definitions that it imports put in front of it."""
    collector, tail, _ = collector_program().rpartition(_TAIL)
    if not tail:
        raise AssertionError("collector.py no longer ends with its call of main")
    return "\n\n".join([collector, *(without_imports(_HERE / name) for name in ("questions.py", "recorder.py"))])
