"""Cache: the cache hierarchy of host and vCPU."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, NUMBERS, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "cache",
    "Cache",
    6,
    "what caches it has",
    screen="inspector.app.modes.cache.screen:Cache",
    shared=(MODEL, KERNELS, VCPU, WRITES, NUMBERS, REPORTS),
    keys=(
        Key("cache.sides", "c", "sides", "Host/vCPU", "Host, vCPU, or both beside each other", footer=2),
        Key("cache.next", "right,down,j,l", "cache(1)", "Next cache", "Next cache"),
        Key("cache.previous", "left,up,k,h", "cache(-1)", "Previous cache", "Previous cache"),
        Key("cache.register", "enter", "register", "Register", "This cache's register in Browse", footer=3),
    ),
)
