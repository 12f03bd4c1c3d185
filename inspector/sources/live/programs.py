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
    """The recorder with the collector's definitions in front of it instead of its import of them."""
    collector, tail, _ = collector_program().rpartition(_TAIL)
    recorder = (_HERE / "recorder.py").read_text(encoding="utf-8")
    head, borrowed, rest = recorder.partition(_BORROWED)
    _, kept, body = rest.partition(_KEPT)
    if not (tail and borrowed and kept):
        raise AssertionError("recorder.py and collector.py no longer join")
    return f"{collector}\n\n{head}{body}"
