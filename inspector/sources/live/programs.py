"""The texts that run on other machines' own Python: collector and recorder, each as one file."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TAIL = '\n\nif __name__ == "__main__":\n'
_BORROWED = "# Left out where the collector's text stands in front of this one."
_KEPT = "# Here begins what is kept."


def collector_program() -> str:
    """collector.py as it lies in the package."""
    return (_HERE / "collector.py").read_text(encoding="utf-8")


def recorder_program() -> str:
    """The recorder with the definitions that it imports put in front of it."""
    collector, tail, _ = collector_program().rpartition(_TAIL)
    if not tail:
        raise AssertionError("collector.py no longer ends with its call of main")
    return "\n\n".join([collector, *(_without_imports(name) for name in ("questions.py", "recorder.py"))])


def _without_imports(name: str) -> str:
    """The text of a file without what stands between the two marks: its imports from the files before it."""
    head, borrowed, rest = (_HERE / name).read_text(encoding="utf-8").partition(_BORROWED)
    _, kept, body = rest.partition(_KEPT)
    if not (borrowed and kept):
        raise AssertionError(f"{name} no longer marks what it borrows")
    return head + body
