"""The text of the guest's init: the wire's and the agent's, as one file."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_BORROWED = "# Left out where the texts stand in front of this one."
_KEPT = "# Here begins what is kept."


def agent_program() -> str:
    """wire.py and agent.py with nothing to import from this package."""
    wire = (_HERE / "wire.py").read_text(encoding="utf-8")
    head, borrowed, rest = (_HERE / "agent.py").read_text(encoding="utf-8").partition(_BORROWED)
    _, kept, body = rest.partition(_KEPT)
    if not (borrowed and kept):
        raise AssertionError("agent.py no longer marks what it borrows")
    return f"{wire}\n\n{head}{body}"
