"""Whose kernel a release string names, and what is known of that vendor's backports: one row for each.

The first row that fits wins, so the narrow ones come first (Oracle's `el9uek` before Red Hat's `el9`). Every pattern
was met in public reports or logs; tests/policies/test_release.py has the strings.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Basis = Literal["upstream", "stable", "series", "ubuntu", "rebased"]
"""upstream: an unchanged mainline or stable tree; stable: the point of the stable series is in the string, own patches
over it; series: the string may hide the point, which is some point of the series; ubuntu: numbered by Ubuntu's builds;
rebased: KVM is brought up to newer mainline releases within one kernel version."""


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's way to name kernels."""

    name: str
    """as it reads in "... is a kernel of NAME" """
    parts: tuple[str, ...]
    """texts of which each text that fits `pattern` holds one: most patterns need not be compiled to see that they do
    not fit"""
    pattern: str
    """what follows the number in the release string: a regular expression, compiled when it is asked"""
    basis: Basis
    backports: str
    """what is known of its changes to KVM on arm64, one sentence"""
    overlays: tuple[tuple[str, str], ...] = ()
    """(series, overlay) of what its kernels of a series may have from some point on"""
    signs: str = ""
    """a text in its version string where the release string is that of the kernel that it derives from"""

    def met(self, rest: str) -> bool:
        """Whether what follows the number in a release string is a name that this vendor gives."""
        return any(part in rest for part in self.parts) and re.search(self.pattern, rest) is not None

    @property
    def leaves_kvm_alone(self) -> bool:
        """True where its patches are known not to touch KVM on arm64, nor what it reads of the host."""
        return self.basis == "upstream" or self.backports in (_NONE, _READ, *_DISTRIBUTIONS)


def _row(
    name: str, parts: str, pattern: str, basis: Basis, backports: str, *overlays: tuple[str, str], signs: str = ""
) -> Vendor:  # fmt: skip
    return Vendor(
        name=name, parts=tuple(parts.split()), pattern=pattern, basis=basis, backports=backports, overlays=overlays,
        signs=signs,
    )  # fmt: skip


_OWN = "It adds patches of its own to the stable point; none that changes ID or cache registers is known here."
_MERGED = "It follows the stable series and adds patches of its own, which are not known here."
_UNKNOWN = "Which backports it carries is not known here."
_BOARD = "Board vendors seldom touch KVM, but what they backport is not known here."
_NONE = "It is built from the upstream tree without changes to KVM."
_READ = "It adds few patches to the stable point; all that were read touch neither KVM nor the CPU features of arm64."
"""Which files each patch in the history of these repositories up to August 2026 changes: siderolabs/pkgs (kernel/, at
28f5f23ccf05: none of arch/arm64), flatcar/scripts (sys-kernel/, at ab6d76d957b8: of arch/arm64 device trees, Makefile,
the EFI header, hyperv-tlfs.h, and room for a hash in head.S), archlinuxarm/PKGBUILDs (core/linux-aarch64, at
d3c47e53aaf0: device trees and module-plts.c)."""
_BY_NAMES = "It adds few patches to the stable point, of which only the names were read; none tells of KVM on arm64."
"""alpinelinux/aports (main/linux-lts, 47 patches in the index of public repositories as of November 2026)"""
_DISTRIBUTIONS = (
    "Kali takes Debian's packaging and follows newer stable points; its patches do not touch KVM's registers.",
    "Debian follows the stable series; its patches do not touch KVM's registers.",
)

_UBUNTU_OWN_ABI = (
    "aws|aws-64k|azure|azure-fde|azure-nvidia|gcp|gcp-64k|gke|gkeop|ibm|oracle|oracle-64k|oem|kvm|raspi|raspi-realtime|"
    "realtime|nvidia|nvidia-64k|nvidia-lowlatency|nvidia-tegra|nvidia-tegra-igx|nvidia-tegra-rt|bluefield|"
    "xilinx|xilinx-zynqmp|qcom|laptop|lowlatency-hwe|starfive|mtk|snapdragon|raspi2|riscv|fips|aws-fips|azure-fips|gcp-fips|intel|intel-iotg|intel-iot-realtime|ibm-gt"
)

REALTIME = r"^-1\d{3}-realtime(?![\w])"
"""Ubuntu's real-time kernels: the one flavour that keeps a stable point, as in 6.8.1-1015-realtime."""

_UBUNTU = rf"^-\d+(~[\w.]+)?-(generic|generic-64k|generic-lpae|lowlatency|lowlatency-64k|{_UBUNTU_OWN_ABI})(?![\w])"

_DEBIAN_FLAVOUR = r"(cloud-|rt-)?arm64(-16k|-64k)?(?![\w-])"
_DEBIAN = rf"^[-~]?(rc\d+)?(-\d+|-0\.(deb|bpo)[\w.]*|-trunk|\.bpo\.[\w.]+)?-{_DEBIAN_FLAVOUR}"

VENDORS: tuple[Vendor, ...] = (
    _row(
        "Oracle (Unbreakable Enterprise Kernel)",
        ".el",
        r"\.el\d+uek",
        "series",
        "Oracle merges points of the stable series and hides which.",
    ),
    _row("BC-Linux", ".bclinux", r"\.bclinux", "series", _UNKNOWN),
    _row("ELRepo", ".elrepo", r"\.el\d+(_\d+)?\.elrepo", "upstream", _NONE),
    _row(
        "Amazon Linux",
        ".amzn",
        r"\.amzn\d+",
        "stable",
        "Amazon adds patches of its own to the stable point, which are not known here.",
    ),
    _row(
        "Red Hat (RHEL, CentOS, Rocky Linux, AlmaLinux)",
        ".el",
        r"\.el\d+",
        "rebased",
        "Red Hat brings KVM on arm64 up to a newer mainline release with each minor release.",
    ),
    _row(
        "openEuler",
        ".oe",
        r"\.oe\d+(sp\d+)?",
        "series",
        "Its 6.6 kernels hide MPAM from some point on and refuse the old value; other backports are not known here.",
        ("6.6", "hide-mpam"),
    ),
    _row("Anolis OS", ".an", r"\.an\d+", "stable", _MERGED),
    _row("Alibaba Cloud Linux", ".al .alios", r"\.al\d+|\.alios\d", "stable", _MERGED),
    _row(
        "TencentOS",
        ".tl .tlinux -tlinux -tke -19",
        r"\.tl\d|\.tlinux\d|-tlinux\d|-tke|^-19[-.]0\d{3}\.",
        "stable",
        _MERGED,
    ),
    _row("OpenCloudOS", ".oc .ocs", r"\.oc\d|\.ocs\d", "stable", _MERGED),
    _row("Kylin", ".ky kylin", r"\.ky\d+|[.-]kylin", "series", _UNKNOWN, signs=r"KYLINOS"),
    _row("Astra Linux", "astra", r"[-.]astra", "series", _UNKNOWN, signs=r"astra"),
    _row("UnionTech (UOS server)", ".uel", r"\.uelc?\d+", "series", _UNKNOWN),
    _row("EulerOS", ".eulerosv .euleros .hce", r"\.eulerosv\d|\.euleros|\.hce\d", "series", _UNKNOWN),
    _row("Azure Linux", ".azl", r"\.azl\d", "stable", _OWN),
    _row("CBL-Mariner", ".cm", r"\.cm\d", "stable", _OWN),
    _row("VMware Photon OS", ".ph", r"\.ph\d", "stable", _OWN),
    _row(
        "Microsoft (WSL1, which translates system calls and has no KVM)",
        "-Microsoft",
        r"^-\d+-Microsoft",
        "stable",
        _UNKNOWN,
    ),
    _row("Microsoft (WSL2)", "-microsoft-", r"-microsoft-(standard|WSL)(?!-Mariner)", "stable", _OWN),
    _row(
        "Asahi Linux",
        "asahi",
        r"[.-]asahi",
        "stable",
        "It adds support for Apple's hardware, its PMU among it; which changes to KVM there are is not known here.",
    ),
    _row("Fedora", ".fc .eln", r"\.fc\d+|\.eln\d+", "stable", _OWN),
    _row(
        "OpenMandriva or Mageia",
        "omv mga desktop server",
        r"\.(omv\d|mga\d)|-(desktop|server)-\d+(omv|mga)",
        "stable",
        _OWN,
    ),
    _row("Ubuntu (mainline builds)", "generic lowlatency", r"-\d{6}(rc\d+)?-(generic|lowlatency)", "upstream", _NONE),
    _row(
        "Ubuntu",
        _UBUNTU_OWN_ABI.replace("|", " ") + " generic lowlatency",
        _UBUNTU,
        "ubuntu",
        "Ubuntu merges stable points and fixes of its own into one kernel version.",
    ),
    _row(
        "Ubuntu",
        "-realtime",
        REALTIME,
        "ubuntu",
        "Ubuntu merges stable points and fixes of its own into one kernel version.",
    ),
    _row(
        "Android (generic kernel image)",
        "-android -android-",
        r"-android\d+-|-android-",
        "stable",
        "Google and the device's vendor add patches to the stable point, pKVM among them; kernels of 6.1 and 6.6 know "
        "arm64.no32bit_el0 from some point on.",
        ("6.1", "no-32bit-el0"),
        ("6.6", "no-32bit-el0"),
    ),
    _row("NVIDIA (Tegra)", "tegra -l4t", r"-(rt-)?tegra|-l4t", "stable", _BOARD),
    _row(
        "Raspberry Pi",
        "+rpt -v -rpi-v -rpi-2712 -v8 -2712 -raspberrypi",
        r"\+rpt|-v[78]l?(-16k)?\+|-rpi-v\d|-rpi-2712|-v8(-16k)?(?![\w])|-2712(?![\w])|-raspberrypi",
        "stable",
        _OWN,
    ),
    _row("postmarketOS", "-postmarketos", r"-postmarketos", "stable", _BOARD),
    _row("Linaro", "-linaro -qcomlt", r"-linaro|-qcomlt", "stable", _BOARD),
    _row("CIX", "cix", r"[-.]cix(?![\w])", "stable", _BOARD),
    _row("a community build for CIX's boards", "sky1", r"[-.]sky1(?![\w])", "stable", _BOARD),
    _row(
        "Armbian",
        "current edge legacy vendor bleedingedge collabora",
        r"-(current|edge|legacy|vendor|bleedingedge|collabora)-[a-z0-9]",
        "stable",
        _BOARD,
    ),
    _row(
        "Rockchip or a vendor of boards with its chips",
        "-rockchip -rk",
        r"-rockchip|-rk\d{4}|-\d+-rk\d+",
        "stable",
        _BOARD,
    ),
    _row(
        "Amlogic, Allwinner or another board vendor",
        "amlogic meson64 sunxi64 sun odroid khadas orangepi xunlong ophub flippy",
        r"-(amlogic|meson64|sunxi64|sun\d+iw\d+|odroid|khadas|orangepi|xunlong|ophub|flippy)",
        "stable",
        _BOARD,
    ),
    _row(
        "NXP",
        "-lts-next -imx -lsdk +g _",
        r"-lts-next|-imx|-lsdk|-\d+\.\d+\.\d+\+g[0-9a-f]+|_\d+\.\d+\.\d+_\d+\.\d+\.\d+",
        "stable",
        _BOARD,
    ),
    _row("PREEMPT_RT", "-rt", r"^-rt\d+$", "upstream", _NONE),
    _row("Xilinx", "-xilinx", r"-xilinx", "stable", _BOARD),
    _row("Texas Instruments", "-ti", r"-ti(-|$)", "stable", _BOARD),
    _row(
        "Qualcomm or another builder for its chips",
        "-perf -qgki -qcom -sdm -sm",
        r"-perf|-qgki|-qcom|-sdm\d+|-sm\d{4}",
        "stable",
        _BOARD,
    ),
    _row("Phytium", "phytium", r"[-.]phytium", "stable", _BOARD),
    _row("Toradex", "-torizon +git.", r"-torizon|^-\d{1,6}\.\d{1,6}\.\d{1,6}\S{0,60}\+git\.", "stable", _BOARD),
    _row("Yocto Project", "-yocto- -poky -fslc", r"-yocto-|-poky|-fslc", "stable", _BOARD),
    _row("the Civil Infrastructure Platform", "-cip", r"-cip\d+", "stable", _MERGED),
    _row("LinuxKit (Docker Desktop)", "-linuxkit", r"-linuxkit", "stable", _OWN),
    _row("OrbStack", "-orbstack", r"-orbstack", "stable", _OWN),
    _row("Flatcar", "-flatcar", r"-flatcar", "stable", _READ),
    _row("Talos", "-talos", r"-talos", "stable", _READ),
    _row("Bottlerocket", "-bottlerocket", r"-bottlerocket", "stable", _OWN),
    _row("Fedora CoreOS or Container Linux", "-coreos", r"-coreos", "stable", _OWN),
    _row("ChromeOS", "-cros -chromeos", r"-cros|-chromeos", "stable", _MERGED),
    _row(
        "Proxmox", "-pve", r"-pve", "series", "Its kernels are made from Ubuntu's; the arm64 ones are ports by others."
    ),
    _row(
        "SUSE or openSUSE",
        "default 64kb rt azure preempt kvmsmall vanilla longterm -default",
        r"-(lp)?\d[\w.]*-(default|64kb|rt|azure|preempt|kvmsmall|vanilla|longterm)(?![\w-])|^-default$",
        "series",
        "SUSE backports fixes and features to KVM without a new version number.",
    ),
    _row("Manjaro", "-MANJARO", r"-MANJARO", "stable", _OWN),
    _row("Arch Linux ARM", "-aarch64-ARCH", r"-aarch64-ARCH", "stable", _READ),
    _row("Arch Linux ARM", "-ARCH -rpi-ARCH -rpi-16k", r"-ARCH|-rpi-ARCH|-\d+-rpi-16k", "stable", _OWN),
    _row("Arch Linux", "-arch", r"-arch\d+-\d+", "stable", _OWN),
    _row("Void Linux", "_", r"^_\d+$", "stable", _OWN),
    _row("Alpine or Arch Linux", "virt lts", r"-\d+-(virt|lts)(?![\w-])", "stable", _BY_NAMES),
    _row(
        "Alpine or Arch Linux",
        "rpi edge stable elm gru openstack",
        r"-\d+-(rpi\d?|edge|stable|elm|gru|openstack)(?![\w-])",
        "stable",
        _OWN,
    ),
    _row("Gentoo", "-gentoo", r"-gentoo", "stable", _OWN),
    _row(
        "Kali Linux",
        "kali",
        r"[+-]kali\d",
        "stable",
        _DISTRIBUTIONS[0],
    ),
    _row(
        "Debian",
        "+deb +bpo .deb .bpo. arm64",
        rf"\+deb\d+|\+bpo|\.deb\d+|\.bpo\.|{_DEBIAN}",
        "stable",
        _DISTRIBUTIONS[1],
    ),
    _row("deepin or UOS", "-desktop", r"-(arm64|aarch64|amd64)-desktop", "stable", _OWN),
    _row("XanMod or Liquorix", "-xanmod -liquorix -zen", r"-xanmod|-liquorix|-zen\d", "stable", _OWN),
    _row("Home Assistant OS", "-haos", r"-haos", "stable", _BOARD),
    _row("OpenWrt", "-openwrt", r"-openwrt", "stable", _BOARD),
    _row(
        "LibreELEC or another embedded distribution", "libreelec buildroot", r"-(libreelec|buildroot)", "stable", _BOARD
    ),
    _row("Azure (community build)", "-azure", r"-azure", "stable", _UNKNOWN),
)

SAYS_NO_DEBIAN = re.compile(r"-(rt-|cloud-)?arm64(-16k)?")
"""The end of a release that Debian wrote until 6.12.31, and that anybody may write."""

GIT_TREE = r"\+$|\+g[0-9a-f]{7,}|-\d+-g[0-9a-f]{7,}|-g[0-9a-f]{7,}$|-dirty$|-next-\d{8}"
"""What a kernel built from a git tree puts behind the point: commits after it, changes, or linux-next."""

AS_BUILT = re.compile(
    r"^$|rc\d+$|[-+.](arm64|amd64|aarch64|generic|lowlatency|lpae|16k|64k|elrepo|x86_64|rt\d+"
    r"|(deb|kali)\d+(\+\d+)?|bpo(\.\d+)?)$"
)
"""How release strings of Debian, Kali, Ubuntu and of builds of the upstream tree end. Another end is somebody's own
build under that name."""

OTHER_MACHINE = re.compile(r"x86_64|amd64|i[3-6]86|ppc64|s390x|riscv|loongarch|armv7|armhf|armmp|-v7l?\+|x64v\d", re.I)
"""In a release: a kernel of another architecture. KVM on arm64 is what is modelled."""

OTHER_MACHINE_WORD = re.compile(
    r"(?<!\S)(x86_64|i[3-6]86|ppc64(le)?|s390x|riscv(32|64)|loongarch(32|64)|armv[5-8]l|mips(64)?)(?!\S)"
)
"""The same as a word of what `uname -a` prints behind the release."""


class Rebase(msgspec.Struct, frozen=True, kw_only=True):
    """Between which mainline releases KVM on arm64 of one Red Hat minor release lies."""

    minor: str
    build: int
    """the first build of the minor release: 427 of 5.14.0-427.el9_4"""
    oldest: tuple[int, int, int]
    newest: tuple[int, int, int]
    likely: tuple[int, int, int]
    """the release that its last known rebase went to; of the interval the first to be asked"""
    source: str
    """what the two ends rest on"""


def _rebase(
    minor: str, build: int, oldest: tuple[int, int], newest: tuple[int, int], likely: tuple[int, int], source: str
) -> Rebase:
    return Rebase(
        minor=minor,
        build=build,
        oldest=(*oldest, 0),
        newest=(*newest, 0),
        likely=(*likely, 0),
        source=source,
    )


_MR = "centos-stream-9 merge request"
_GA = "what mainline had when that minor release came out"
_OLD = "the kernel that it is named after; no later rebase of it could be read"

RED_HAT_SERIES: dict[str, tuple[tuple[int, int], ...]] = {
    "el6": ((2, 6),),
    "el7": ((3, 10), (4, 14), (4, 18)),
    "el8": ((4, 18),),
    "el9": ((5, 11), (5, 12), (5, 13), (5, 14)),
    "el10": ((6, 8), (6, 9), (6, 10), (6, 11), (6, 12)),
}
"""The kernel versions of Red Hat's releases, those of CentOS Stream before a release among them. A package for one of
them with another kernel (6.1.52-1.el7) is somebody else's."""

REBASES: dict[str, tuple[Rebase, ...]] = {
    "el8": (
        _rebase("8.0", 80, (4, 18), (5, 1), (5, 1), f"{_OLD}; {_GA} (May 2019)"),
        _rebase("8.1", 147, (4, 18), (5, 3), (5, 3), f"{_OLD}; {_GA} (November 2019)"),
        _rebase("8.2", 193, (4, 18), (5, 6), (5, 6), f"{_OLD}; {_GA} (April 2020)"),
        _rebase("8.3", 240, (4, 18), (5, 10), (5, 10), f"{_OLD}; {_GA} (November 2020)"),
        _rebase("8.4", 305, (4, 18), (5, 12), (5, 10), f"{_OLD}; {_GA} (May 2021)"),
        _rebase("8.5", 348, (4, 18), (5, 15), (5, 10), f"{_OLD}; {_GA} (November 2021)"),
        _rebase("8.6", 372, (4, 18), (5, 18), (5, 10), f"{_OLD}; {_GA} (May 2022)"),
        _rebase("8.7", 425, (4, 18), (6, 1), (5, 10), f"{_OLD}; {_GA} (November 2022)"),
        _rebase("8.8", 477, (4, 18), (6, 3), (5, 10), f"{_OLD}; {_GA} (May 2023)"),
        _rebase("8.9", 513, (4, 18), (6, 6), (5, 10), f"{_OLD}; {_GA} (November 2023)"),
        _rebase("8.10", 553, (4, 18), (6, 9), (5, 10), f"{_OLD}; {_GA} (May 2024)"),
    ),
    "el9": (
        _rebase("9.0", 70, (5, 14), (5, 18), (5, 15), f"{_MR} 362, to v5.15; {_GA} (May 2022)"),
        _rebase("9.1", 162, (5, 17), (6, 1), (5, 18), f"{_MR} 807, to v5.18; {_GA} (November 2022)"),
        _rebase("9.2", 284, (5, 18), (6, 3), (6, 1), f"after {_MR} 807 (v5.18), before 2256 (towards v6.3)"),
        _rebase(
            "9.3",
            362,
            (6, 2),
            (6, 6),
            (6, 4),
            f"{_MR}s 2256 and 2571, to v6.4 with fixes of v6.5; {_GA} (November 2023)",
        ),
        _rebase(
            "9.4", 427, (6, 5), (6, 9), (6, 6), f"{_MR}s 3111 and 3341, to v6.6 with fixes of v6.7; {_GA} (April 2024)"
        ),
        _rebase("9.5", 503, (6, 8), (6, 12), (6, 10), f"{_MR}s 4055 and 4542, to v6.10; {_GA} (November 2024)"),
        _rebase("9.6", 570, (6, 10), (6, 15), (6, 11), f"{_MR} 5430, to v6.11 in a first round; {_GA} (May 2025)"),
        _rebase("9.7", 611, (6, 10), (6, 18), (6, 11), f"after {_MR} 5430 (v6.11); {_GA} (November 2025)"),
    ),
    "el10": (
        _rebase("10.0", 55, (6, 12), (6, 15), (6, 12), f"the kernel that it is named after; {_GA} (May 2025)"),
        _rebase("10.1", 124, (6, 12), (6, 18), (6, 12), f"the kernel that it is named after; {_GA} (November 2025)"),
        _rebase("10.2", 211, (6, 12), (7, 1), (6, 12), f"the kernel that it is named after; {_GA} (May 2026)"),
    ),
}
"""Red Hat's minor releases by build number; a build between two of them has at most what the later one has, and from
the last on anything up to the newest release. A rebase leaves parts out and other parts of the kernel stay behind, so
each interval is a release or more wider than what its sources name."""
