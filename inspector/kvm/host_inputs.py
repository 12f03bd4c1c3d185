"""What registers do not tell of a host, given by the user: `spectre-v2=unaffected,vgic=none,page-size=64k`.

The mitigation states are those of arch/arm64/kernel/proton-pack.c; levels are KVM's, as its firmware pseudo-registers
show them (KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1..3).
"""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.errors import PolicyError
from inspector.kvm.host import HostState

HOST_INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "spectre-v2": ("spectre_v2", {"unaffected": 2, "mitigated": 1, "vulnerable": 0}),
    "meltdown": ("meltdown_safe", {"unaffected": True, "affected": False}),
    "ssb": ("ssb", {"not-required": 3, "mitigated": 2, "unknown": 1, "not-available": 0}),
    "bhb": ("bhb", {"unaffected": 2, "mitigated": 1, "vulnerable": 0}),
    "vgic": ("vgic", {"v2": "v2", "v3": "v3", "v5": "v5", "v5-legacy": "v5-legacy", "none": "none"}),
    "page-size": ("page_size", {"4k": 4096, "16k": 16384, "64k": 65536}),
}
"""Name of each input, the field of HostState that it sets, and the words that it takes."""


def with_inputs(host: HostState, text: str) -> HostState:
    """`host` with the inputs that `text` gives, comma-separated NAME=WORD.

    Raises PolicyError for a name or a word that is none of HOST_INPUTS.
    """
    given: dict[str, Any] = {}
    for part in filter(None, (piece.strip().lower() for piece in text.split(","))):
        name, _, word = part.partition("=")
        if name not in HOST_INPUTS:
            raise PolicyError(f"no input of a host is called {name!r}", "--host", f"one of: {', '.join(HOST_INPUTS)}")
        field, words = HOST_INPUTS[name]
        if word not in words:
            raise PolicyError(f"{name} cannot be {word!r}", "--host", f"one of: {', '.join(words)}")
        given[field] = words[word]
    return msgspec.structs.replace(host, **given)
