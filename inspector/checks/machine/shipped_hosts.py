"""The hosts whose raw registers ship with the program, by CPU model."""

from __future__ import annotations

from collections.abc import Sequence

from inspector import sources
from inspector.errors import InspectorError
from inspector.sources.dump import Dump


def hosts() -> dict[str, Dump]:
    """CPU model -> the newest shipped dump that has raw registers of such a host."""
    found: dict[str, Dump] = {}
    for name in sources.shipped_names():
        dump = sources.load(f"builtin:{name}")
        if dump.host and dump.vcpus:
            found[dump.provenance.host.raw.split(" ")[0] or name] = dump
    return found


def chosen_hosts(names: Sequence[str]) -> dict[str, Dump]:
    """The shipped hosts of these CPU models, all for none. Raises InspectorError for a model that is not shipped."""
    found = hosts()
    for name in names:
        if name not in found:
            raise InspectorError(f"no host of {name!r} is shipped", "--cpu", f"one of: {', '.join(found)}")
    return {name: found[name] for name in names} if names else found
