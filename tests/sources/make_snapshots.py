"""Write `snapshots/` from recordings: `python -m tests.sources.make_snapshots FOLDER-OF-RECORDINGS`.

Each shipped dump is the vCPU that QEMU creates (configuration `qemu`) on one CPU model and one kernel, with what the
recording knows of the host. `vcpu-inspector convert RECORDING --vcpu qemu -o FILE` writes the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from inspector.shipped import folder
from inspector.sources import load
from inspector.sources.dump import Dump, renumbered, select_vcpus
from inspector.sources.formats import dump_json

CPUS = ("neoverse-n2", "max", "cortex-a72")
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
CONFIGURATION = "qemu"
DATE = "2026-11-22"
"""The day the shipped dumps were made; kept, so that making them again changes nothing else."""


def snapshot(recording: Path) -> bytes:
    """The text of the shipped dump made from one recording."""
    dump: Dump = renumbered(select_vcpus(load(str(recording)), [CONFIGURATION]))
    # The recorder's console and random seed say nothing of the host.
    plain = msgspec.structs.replace(dump, provenance=msgspec.structs.replace(dump.provenance, cmdline=""))
    return dump_json.write(plain, DATE)


def main(recordings: Path) -> None:
    """Write every shipped dump."""
    for cpu in CPUS:
        for kernel in KERNELS:
            target = folder("snapshots") / f"{cpu}-linux-{kernel}.json"
            target.write_bytes(snapshot(recordings / f"linux-{kernel}-{cpu}.jsonl.xz"))
            print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
