"""Evidence: what a recognised line says about the cause of a failure, and how much it can carry."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.checks.explain.result import ExplainedRegister

Step = Literal[
    "start", "machine", "vCPU init", "register list", "register value", "device state", "RAM", "channel", "host",
    "guest", "test", "load",
]  # fmt: skip
"""Where in the life of a VM the line belongs."""

DECISIVE, TELLING, GENERIC, REMARK = 3, 2, 1, 0
"""DECISIVE names a cause. TELLING narrows it down. GENERIC says only that something failed. REMARK names no failure."""


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """One cause that lines of the text are evidence for."""

    key: str
    program: str
    """who printed it: `qemu`, `libvirt`, `host`, `guest`, `selftest` ..."""
    step: Step
    weight: int
    headline: str
    says: tuple[str, ...] = ()
    """what follows, most certain first"""
    do: tuple[str, ...] = ()
    """what to do, best first"""
    registers: tuple[ExplainedRegister, ...] = ()
    text: str = ""
    """the line as it stood"""
    at: int = 0
    """its place in the text, for ordering"""
    bring: tuple[str, ...] = ()
