"""The text of the guest's init: the wire's and the agent's, as one file."""

from __future__ import annotations

from pathlib import Path

from inspector.standalone import without_imports

_HERE = Path(__file__).resolve().parent


def agent_program() -> str:
    """wire.py and agent.py with nothing to import from this package."""
    wire = (_HERE / "wire.py").read_text(encoding="utf-8")
    return "\n\n".join([wire, without_imports(_HERE / "agent.py")])
