"""Write `snapshots/` from recordings: `python -m tests.sources.make_snapshots FOLDER-OF-RECORDINGS SECOND-FOLDER`.

Each shipped dump is the vCPU that QEMU creates (configuration `qemu`) on one CPU model and one kernel, with what the
recording knows of the host. `vcpu-inspector convert RECORDING --vcpu qemu -o FILE` writes the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from inspector.registers.ids import CLIDR_EL1, CTR_EL0, ID_AA64MMFR2_EL1
from inspector.shipped import folder
from inspector.sources import load
from inspector.sources.dump import Dump, Host, Provenance, renumbered, select_vcpus
from inspector.sources.formats import dump_json
from inspector.untrusted import Untrusted

CPUS = ("neoverse-n2", "max", "cortex-a72")
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
OTHERS = {
    f"{cpu}-linux-{kernel}": f"{file}-{cpu}"
    for cpu in ("neoverse-n2", "cortex-a72")
    for kernel, file in (("5.15", "ubuntu-5.15.0-204"), ("6.6", "linux-6.6.87"))
}
"""Shipped dumps of kernels that lie in the second folder of recordings -> recording."""
CONFIGURATION = "qemu"
DATE = "2026-11-22"
"""The day the shipped dumps were made; kept, so that making them again changes nothing else."""


def snapshot(recording: Path) -> bytes:
    """The text of the shipped dump made from one recording."""
    dump: Dump = renumbered(select_vcpus(load(str(recording)), [CONFIGURATION]))
    # The recorder's console and random seed say nothing of the host.
    plain = msgspec.structs.replace(dump, provenance=dump.provenance.told(cmdline=""))
    return dump_json.write(plain, DATE)


CIX = Dump(
    provenance=Provenance(
        source="kernel log",
        tool=Untrusted("a kernel module that reads the cache registers at EL1"),
        host=Untrusted("CIX CD8180"),
        date=Untrusted(DATE),
    ),
    vcpus=(),
    host=Host(
        values={CLIDR_EL1: 0x1482000023, CTR_EL0: 0x49444C004, ID_AA64MMFR2_EL1: 0x1221011110101011},
        ccsidr={0: 0xFF0000001A, 1: 0xFF0000001A, 2: 0x3FF0000003A, 4: 0x3FFF0000005A},
    ),
    notes=(
        "hardware with FEAT_CCIDX: CPU 1 reads CCSIDR_EL1 so, CPU 2 the other registers; nothing else of it is known",
    ),
)
"""A machine with FEAT_CCIDX, by the lines that such a module left in its kernel log."""


def sources(recordings: Path, others: Path) -> dict[str, Path]:
    """Name of each shipped dump -> the recording that it is made from."""
    own = {f"{cpu}-linux-{kernel}": f"linux-{kernel}-{cpu}" for cpu in CPUS for kernel in KERNELS}
    return {
        **{name: recordings / f"{file}.jsonl.xz" for name, file in own.items()},
        **{name: others / f"{file}.jsonl.xz" for name, file in OTHERS.items()},
    }


def main(recordings: Path, others: Path) -> None:
    """Write every shipped dump."""
    (folder("snapshots") / "cix-cd8180-host.json").write_bytes(dump_json.write(CIX))
    for name, recording in sources(recordings, others).items():
        target = folder("snapshots") / f"{name}.json"
        target.write_bytes(snapshot(recording))
        print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
