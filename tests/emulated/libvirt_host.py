"""libvirt's own daemon, from Debian's packages, in a mount namespace: nothing of it is installed or left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulated.fetch import cache
from tests.emulated.proof import HOW, fetched

_MOUNTS = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/etc" "$1/etc.work" "$1/var" "$1/var.work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/etc.work" /etc
mount -t overlay overlay -o "lowerdir=/var,upperdir=$1/var,workdir=$1/var.work" /var
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o "lowerdir=$2:/usr" /usr
mkdir -p /etc/libvirt /var/lib/libvirt/qemu
printf '%s\\n' 'user = "root"' 'group = "root"' 'dynamic_ownership = 0' 'security_driver = "none"' 'namespaces = []' \
    'cgroup_controllers = []' 'stdio_handler = "file"' "save_image_format = \\"$3\\"" >/etc/libvirt/qemu.conf
printf '%s\\n' 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
exec libvirtd
"""


class Libvirt:
    """One libvirtd; `virsh` talks to it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def virsh(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command of virsh where the daemon is."""
        inside = ["nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt", "virsh", "-q", "-c", "qemu:///system"]
        return subprocess.run([*inside, *words], capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def libvirt(folder: Path, image_format: str) -> Iterator[Libvirt]:
    """Start libvirtd, which saves images in `image_format`; `folder` is empty and stays so.

    Skips the calling test where that is not possible.
    """
    fetched()
    tools = cache() / "tools/usr"
    if not (tools / "sbin/libvirtd").exists():
        pytest.skip(f"{HOW} (libvirt)")
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("libvirtd needs root and a mount namespace")
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNTS, "sh"]
    with subprocess.Popen(
        [*command, str(folder), str(tools), image_format], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            host = Libvirt(process)
            end = time.monotonic() + 120
            while host.virsh("uri").returncode:
                if process.poll() is not None:
                    assert process.stderr is not None
                    pytest.skip(f"libvirtd does not run here: {process.stderr.read()[-300:].decode()}")
                assert time.monotonic() < end, "libvirtd did not start"
                time.sleep(0.2)
            yield host
        finally:
            process.kill()


def domain(guest: Path, serial: Path, cpu: str) -> str:
    """The XML of a domain with the counting guest, on an emulated `cpu` (QEMU's own words)."""
    loader = f"loader,file={guest},addr=0x40200000,cpu-num=0,force-raw=on"
    arguments = "".join(f"<qemu:arg value='{word}'/>" for word in ("-device", loader, "-cpu", cpu))
    return f"""<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>counting</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='aarch64' machine='virt'>hvm</type></os><features><gic version='3'/></features>
<cpu mode='custom' match='exact' check='none'><model fallback='allow'>cortex-a57</model></cpu>
<devices><emulator>/usr/bin/qemu-system-aarch64</emulator>
<serial type='file'><source path='{serial}' append='on'/></serial>
<controller type='usb' model='none'/><memballoon model='none'/></devices>
<qemu:commandline>{arguments}</qemu:commandline></domain>
"""
