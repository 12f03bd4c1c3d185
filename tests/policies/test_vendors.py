"""Release strings as real machines print them (bug reports, logs, documentation): whose, which point, how sure.

What a kernel of a vendor answers changes as policies are added; what its string means does not. So the last column
names a class: `upstream` (answered as the stable point itself), `vendor` (own patches over it, or any point of the
series), `interval` (several releases), `outside` (no policy for the series).
"""

from __future__ import annotations

import re
from itertools import islice
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

from inspector.errors import PolicyError
from inspector.policies.release import choose
from inspector.policies.release_string import parse_release
from inspector.policies.vendors import REBASES, VENDORS, Vendor
from tests.pattern_forms import forms

RED_HAT = "Red Hat (RHEL, CentOS, Rocky Linux, AlmaLinux)"
ORACLE = "Oracle (Unbreakable Enterprise Kernel)"
ROCKCHIP = "Rockchip or a vendor of boards with its chips"
GIT = "built from a git tree"

REAL = """
6.12 | | | upstream
6.12.74 | | 6.12.74 | upstream
6.1.112 | | 6.1.112 | upstream
6.19-rc2 | | 6.19.0 | upstream
6.19.0-rc2 | | 6.19.0 | upstream
6.1.0+ | GIT | 6.1.0 | interval
6.1.100+ | GIT | 6.1.100 | vendor
6.6.56+ | GIT | 6.6.56 | vendor
6.12.0-rc3-00123-gabcdef012345 | GIT | 6.12.0 | interval
5.15.148-20574-g1234abcd12 | GIT | 5.15.148 | vendor
6.12.0-next-20241122 | GIT | 6.12.0 | interval
6.6.14-rt21 | PREEMPT_RT | 6.6.14 | upstream
6.12.57+deb13-cloud-arm64 #1 SMP Debian 6.12.57-1 (2025-11-05) aarch64 GNU/Linux | Debian | 6.12.57 | upstream
6.12.74+deb13+1-cloud-arm64 #1 SMP Debian 6.12.74-2 (2026-03-01) | Debian | 6.12.74 | upstream
6.12.94+deb13-cloud-arm64 #1 SMP Debian 6.12.94-1 (2026-06-20) aarch64 GNU/Linux | Debian | 6.12.94 | upstream
6.1.0-29-cloud-arm64 #1 SMP Debian 6.1.123-1 (2025-01-02) aarch64 GNU/Linux | Debian | 6.1.123 | upstream
6.1.0-26-cloud-arm64 #1 SMP Debian 6.1.112-1 (2024-09-30) aarch64 GNU/Linux | Debian | 6.1.112 | upstream
5.10.0-19-cloud-arm64 #1 SMP Debian 5.10.149-2 (2022-10-21) aarch64 GNU/Linux | Debian | 5.10.149 | upstream
Linux server 6.1.0-28-arm64 #1 SMP Debian 6.1.119-1 (2024-11-22) aarch64 GNU/Linux | Debian | 6.1.119 | upstream
6.1.0-21-cloud-arm64 #1 SMP Debian aarch64 | Debian | hidden | upstream
6.1.0-28-rt-arm64 | Debian | hidden | upstream
6.1.0-0.deb11.21-arm64 | Debian | hidden | upstream
6.12.9+bpo-arm64 | Debian | 6.12.9 | upstream
6.12.30-arm64 | Debian | 6.12.30 | upstream
6.12.57-arm64 | unknown | 6.12.57 | vendor
6.17.8-cloud-arm64 | unknown | 6.17.8 | vendor
6.12.43+deb13-arm64-16k | Debian | 6.12.43 | upstream
6.8.11-arm64 #1 SMP Kali 6.8.11-1kali2 (2024-05-30) | Kali Linux | 6.8.11 | upstream
5.15.0-91-lowlatency | Ubuntu | hidden | vendor
5.15.0-119-generic #129-Ubuntu SMP Fri Aug 2 19:25:20 UTC 2024 | Ubuntu | hidden | vendor
6.8.0-48-generic #48~22.04.1-Ubuntu SMP PREEMPT_DYNAMIC | Ubuntu | hidden | vendor
Ubuntu 6.8.0-48.48~22.04.1-generic 6.8.12 | Ubuntu | | vendor
Linux 6pi 6.1.21-v8+ #1642 SMP PREEMPT | Raspberry Pi | 6.1.21 | vendor
Linux 6.1.112 aarch64 | | | upstream
6.8.0-51-generic-64k | Ubuntu | hidden | vendor
6.14.0-37-generic | Ubuntu | hidden | vendor
5.15.0-1053-raspi #56-Ubuntu SMP PREEMPT Mon Apr 15 18:50:10 UTC 2024 | Ubuntu | hidden | vendor
5.15.0-1026-raspi #28-Ubuntu SMP PREEMPT Fri Mar 10 14:28:52 UTC 2023 | Ubuntu | hidden | vendor
7.0.0-1015-raspi #15-Ubuntu SMP PREEMPT_DYNAMIC aarch64 | Ubuntu | hidden | vendor
5.4.0-1045-raspi #49-Ubuntu SMP PREEMPT Wed Sep 29 17:49:16 UTC 2021 | Ubuntu | hidden | outside
6.8.0-1018-aws | Ubuntu | hidden | vendor
6.8.0-1021-azure | Ubuntu | hidden | vendor
6.8.0-1015-gcp | Ubuntu | hidden | vendor
6.8.0-1010-oracle | Ubuntu | hidden | vendor
6.8.0-1013-nvidia-64k #14-Ubuntu SMP PREEMPT_DYNAMIC Tue Aug 20 21:56:18 UTC 2024 | Ubuntu | hidden | vendor
6.8.0-1013-nvidia-64k #14lambdaguest1 SMP PREEMPT_DYNAMIC Sat Sep 14 00:46:47 UTC 2024 | Ubuntu | hidden | vendor
6.14.0-1008-nvidia-64k #8-Ubuntu | Ubuntu | hidden | vendor
5.15.0-1053-nvidia-tegra | Ubuntu | hidden | vendor
5.15.0-1042-bluefield | Ubuntu | hidden | vendor
6.5.0-1004-laptop | Ubuntu | hidden | vendor
6.6.10-060610-generic | Ubuntu (mainline builds) | 6.6.10 | upstream
5.14.0-570.28.1.el9_6.aarch64 #1 SMP PREEMPT_DYNAMIC Thu Jul 24 07:50:10 EDT 2025 | RED_HAT | hidden | interval
5.14.0-570.73.1.el9_6.aarch64+64k | RED_HAT | hidden | interval
5.14.0-583.el9.aarch64+64k | RED_HAT | hidden | interval
5.14.0-427.13.1.el9_4.aarch64 | RED_HAT | hidden | interval
5.14.0-284.30.1.el9_2.aarch64+64k | RED_HAT | hidden | interval
5.14.0-70.13.1.el9_0.aarch64 | RED_HAT | hidden | interval
5.14.0-503.11.1.el9_5.aarch64+rt | RED_HAT | hidden | interval
4.18.0-348.2.1.el8_5.aarch64 #1 SMP Tue Nov 16 14:41:36 UTC 2021 | RED_HAT | hidden | interval
4.18.0-553.el8_10.aarch64 | RED_HAT | hidden | interval
4.18.0-193.28.1.el7.aarch64 #1 SMP Wed Oct 21 16:25:35 UTC 2020 | RED_HAT | hidden | outside
4.14.0-115.el7a.0.1.aarch64 #1 SMP Sun Nov 25 20:54:21 UTC 2018 | RED_HAT | hidden | outside
6.12.0-55.13.1.el10_0.aarch64 #1 SMP PREEMPT_DYNAMIC Mon May 19 07:29:57 UTC 2025 | RED_HAT | hidden | interval
6.12.0-39.el10.aarch64+64k | RED_HAT | hidden | interval
6.12.0-211.16.1.el10_2.0.1.aarch64 #1 SMP PREEMPT_DYNAMIC Sun May 24 13:38:45 UTC 2026 | RED_HAT | hidden | interval
6.12.0-211.4.el10nv.aarch64+64k | RED_HAT | hidden | interval
6.6.10-1.el9.elrepo.aarch64 | ELRepo | 6.6.10 | upstream
5.4.17-2136.305.5.3.el8uek.aarch64 #2 SMP Thu Mar 17 11:08:12 PDT 2022 | ORACLE | 5.4.17 | outside
5.15.0-308.179.6.3.el9uek.aarch64 | ORACLE | hidden | vendor
6.12.0-204.92.4.2.el9uek.aarch64 #2 SMP Thu Jul 2 08:13:04 PDT 2026 | ORACLE | hidden | vendor
6.12.0-101.33.4.3.el10uek.aarch64 | ORACLE | hidden | vendor
5.10.179-166.674.amzn2.aarch64 #1 SMP Mon May 8 16:54:34 UTC 2023 | Amazon Linux | 5.10.179 | vendor
5.4.91-41.139.amzn2.aarch64 #1 SMP Tue Jan 19 20:10:58 UTC 2021 | Amazon Linux | 5.4.91 | outside
6.1.103-109.184.amzn2023.aarch64 #1 | Amazon Linux | 6.1.103 | vendor
6.12.40-63.114.amzn2023.aarch64 | Amazon Linux | 6.12.40 | vendor
6.4.0-150600.23.22-default | SUSE or openSUSE | hidden | vendor
5.14.21-150500.55.49-64kb | SUSE or openSUSE | 5.14.21 | vendor
5.3.18-lp152.75-default | SUSE or openSUSE | 5.3.18 | outside
6.12.0-160000.5-default | SUSE or openSUSE | hidden | vendor
6.11.3-1-default | SUSE or openSUSE | 6.11.3 | vendor
5.17.5-300.fc36.aarch64 #1 SMP Thu Apr 28 15:22:08 UTC 2022 | Fedora | 5.17.5 | vendor
6.11.4-301.fc41.aarch64 | Fedora | 6.11.4 | vendor
6.15.0-0.rc3.20250423gitbc3372351d0c.30.eln147.aarch64+64k | Fedora | 6.15.0 | vendor
5.10.0-216.0.0.115.oe2203sp4.aarch64 | openEuler | hidden | vendor
5.10.0-153.12.0.92.oe2203sp3.aarch64 | openEuler | hidden | vendor
6.6.0-72.0.0.76.oe2403sp1.aarch64 | openEuler | hidden | interval
4.19.90-2003.4.0.0036.oe1.aarch64 | openEuler | 4.19.90 | outside
4.19.36-vhulk1907.1.0.h619.eulerosv2r8.aarch64 #1 SMP Mon Jul 22 00:00:00 UTC 2019 | EulerOS | 4.19.36 | outside
5.10.134-13.1.an8.aarch64 #1 | Anolis OS | 5.10.134 | vendor
5.10.134-16.3.an8.aarch64 #1 SMP Tue Mar 26 18:49:57 CST 2024 | Anolis OS | 5.10.134 | vendor
6.6.25-2.an23.aarch64 | Anolis OS | 6.6.25 | vendor
5.10.134-16.3.al8.aarch64 | Alibaba Cloud Linux | 5.10.134 | vendor
6.6.47-12.tl4.aarch64 | TencentOS | 6.6.47 | vendor
4.19.90-24.4.v2101.ky10.aarch64 | Kylin | 4.19.90 | outside
6.6.104.2-4.azl3 #1 | Azure Linux | 6.6.104 | vendor
6.6.137.mshv1-1.azl3 #1 SMP Tue May 19 17:02:13 UTC 2026 | Azure Linux | 6.6.137 | vendor
5.15.182.1-1.cm2 | CBL-Mariner | 5.15.182 | vendor
5.15.153.1-microsoft-standard-WSL2 | Microsoft (WSL2) | 5.15.153 | vendor
Linux version 6.6.87.2-microsoft-standard-WSL2 (root@439a258ad544) | Microsoft (WSL2) | 6.6.87 | vendor
6.6.31+rpt-rpi-2712 #1 SMP PREEMPT Debian 1:6.6.31-1+rpt1 (2024-05-29) aarch64 | Raspberry Pi | 6.6.31 | vendor
6.12.47+rpt-rpi-2712 #1 SMP PREEMPT Debian 1:6.12.47-1+rpt1 (2025-09-16) aarch64 | Raspberry Pi | 6.12.47 | vendor
6.18.34+rpt-rpi-2712 #1 SMP PREEMPT Debian 1:6.18.34-1+rpt1 (2026-06-09) | Raspberry Pi | 6.18.34 | vendor
6.12.34+rpt-rpi-v8 | Raspberry Pi | 6.12.34 | vendor
6.1.21-v8+ | Raspberry Pi | 6.1.21 | vendor
6.12.25-v8-16k+ | Raspberry Pi | 6.12.25 | vendor
6.1.43-rockchip-rk3588 #1.0.8 | ROCKCHIP | 6.1.43 | vendor
6.1.99-rockchip-rk3588 #1.2.2 SMP Thu Jun 26 14:42:53 CST 2025 aarch64 GNU/Linux | ROCKCHIP | 6.1.99 | vendor
5.10.110-37-rockchip | ROCKCHIP | 5.10.110 | vendor
6.1.84-8-rk2410 | ROCKCHIP | 6.1.84 | vendor
6.1.0-1025-rockchip | ROCKCHIP | hidden | vendor
6.1.115-vendor-rk35xx #1 SMP Thu Feb 12 18:35:01 UTC 2026 | Armbian | 6.1.115 | vendor
6.8.1-edge-rockchip-rk3588 #5 SMP PREEMPT Fri Mar 15 18:19:29 UTC 2024 | Armbian | 6.8.1 | vendor
6.18.38-current-rockchip64 #1 | Armbian | 6.18.38 | vendor
6.6.50-android15-8-g8adecb593e9b-ab12525588 | Android (generic kernel image) | 6.6.50 | vendor
6.6.87-android15-8-gc2569c3b141c-ab13768703-4k | Android (generic kernel image) | 6.6.87 | vendor
6.6.98-android15-8-pe17667d-abogkiS938BXXS9CZE1-4k | Android (generic kernel image) | 6.6.98 | vendor
5.10.104-tegra | NVIDIA (Tegra) | 5.10.104 | vendor
5.15.148-tegra #1 SMP PREEMPT Thu Sep 18 15:08:33 PDT 2025 aarch64 | NVIDIA (Tegra) | 5.15.148 | vendor
6.8.12-tegra #1 SMP PREEMPT Tue Dec 30 15:40:41 PST 2025 aarch64 | NVIDIA (Tegra) | 6.8.12 | vendor
4.9.337-tegra #1 SMP PREEMPT Thu Jun 8 21:19:14 PDT 2023 | NVIDIA (Tegra) | 4.9.337 | outside
6.14.8-400.asahi.fc42.aarch64+16k | Asahi Linux | 6.14.8 | vendor
6.6.3-asahi-3-1-edge-ARCH | Asahi Linux | 6.6.3 | vendor
5.15.166-yocto-standard #1 | Yocto Project | 5.15.166 | vendor
6.12.53-yocto-standard #1 | Yocto Project | 6.12.53 | vendor
5.15.71-2.2.0+g3313732e9984 | NXP | 5.15.71 | vendor
6.6.36-lts-next-gd23d64eea511 | NXP | 6.6.36 | vendor
6.6.44-ti-01478-g541c20281af7 | Texas Instruments | 6.6.44 | vendor
6.1.38-xilinx-v2023.2 | Xilinx | 6.1.38 | vendor
5.15.81-flatcar #1 SMP Tue Dec 6 22:42:27 -00 2022 | Flatcar | 5.15.81 | vendor
6.12.62-talos #1 SMP Mon Dec 15 12:22:39 UTC 2025 | Talos | 6.12.62 | vendor
6.8.12-8-pve-arm64 | Proxmox | 6.8.12 | vendor
6.12.10-1-aarch64-ARCH | Arch Linux ARM | 6.12.10 | vendor
6.6.58-0-virt | Alpine or Arch Linux | 6.6.58 | vendor
6.12.13-0-lts | Alpine or Arch Linux | 6.12.13 | vendor
6.6.51-gentoo-dist | Gentoo | 6.6.51 | vendor
6.6.25-arm64-desktop-hwe | deepin or UOS | 6.6.25 | vendor
6.6.10-x64v3-xanmod1 | XanMod or Liquorix | 6.6.10 | vendor
6.11.5-hardened1 | unknown | 6.11.5 | vendor
6.8.4-rt11-raspi #1 SMP PREEMPT_RT Mon May 5 16:51:52 UTC 2025 | unknown | 6.8.4 | vendor
6.6.6.6 | unknown | 6.6.6 | vendor
5.10.0-136.12.0.86.oe2203sp1.aarch64 | openEuler | hidden | vendor
5.10.0-200.0.0.58.79.oe2203.bclinux.aarch64 | BC-Linux | hidden | vendor
4.19.0-240.23.11.el8_2.bclinux.aarch64 | BC-Linux | hidden | outside
5.10.0-8-generic #15~v10pro-KYLINOS SMP aarch64 | Kylin | hidden | vendor
5.4.18-110-generic #99-KYLINOS SMP Tue Sep 12 2023 aarch64 aarch64 aarch64 GNU/Linux | Kylin | 5.4.18 | outside
5.15.0-204-generic #1~v10pro-KYLINOS SMP | Kylin | hidden | vendor
5.10.0-46.uelc20.aarch64 | UnionTech (UOS server) | hidden | vendor
5.4.119-19-0009.11 | TencentOS | 5.4.119 | outside
4.14.355-275.570.amzn2.aarch64 | Amazon Linux | 4.14.355 | outside
6.1.52-1.el7.3.aarch64 | unknown | 6.1.52 | vendor
5.10.194-2.el7.nutanix.20230721.aarch64 | unknown | 5.10.194 | vendor
6.12.47-20250916.v8.1.el10 | unknown | 6.12.47 | vendor
6.12.0-55.9.1.el10_0.aarch64+64k | RED_HAT | hidden | interval
6.11.0-0.rc5.22.el10.aarch64 | RED_HAT | hidden | interval
6.8.0-1009-nvidia-lowlatency-64k | Ubuntu | hidden | vendor
6.8.1-1015-realtime | Ubuntu | 6.8.1 | vendor
6.8.0-1006-intel | Ubuntu | hidden | vendor
6.1.0-rpi7-rpi-v8 | Raspberry Pi | hidden | vendor
6.1.0-rpi7-rpi-v8 #1 SMP PREEMPT Debian 1:6.1.63-1+rpt1 (2023-11-24) aarch64 | Raspberry Pi | 6.1.63 | vendor
4.4.0-19041-Microsoft | Microsoft (WSL1, which translates system calls and has no KVM) | hidden | outside
6.6.36.3-microsoft-standard-WSL2+ | Microsoft (WSL2) | 6.6.36 | vendor
6.1.44-cix-build-generic | CIX | 6.1.44 | vendor
6.6.89-2-cix | CIX | 6.6.89 | vendor
6.19.6-sky1.r1 | a community build for CIX's boards | 6.19.6 | vendor
7.0.12-linuxkit #1 SMP PREEMPT Wed Aug 12 20:18:49 UTC 2026 aarch64 | LinuxKit (Docker Desktop) | 7.0.12 | vendor
6.15.11-orbstack-00539-g9885ebd8e3f4 | OrbStack | 6.15.11 | vendor
6.12.1-0-postmarketos-qcom-sdm845 | postmarketOS | 6.12.1 | vendor
5.15.148-7.0.0+git.c10a8dd1d5b2 | Toradex | 5.15.148 | vendor
6.1.22+g66e442bc7fdc | GIT | 6.1.22 | vendor
4.19.65-cip8 | the Civil Infrastructure Platform | 4.19.65 | outside
6.17.7-arch1-1 | Arch Linux | 6.17.7 | vendor
6.12.43-haos-raspi | Home Assistant OS | 6.12.43 | vendor
6.6.6-hardened-arm64 | unknown | 6.6.6 | vendor
5.10.66-android12-9-00041-gfa9c9074531e-ab7914766 | Android (generic kernel image) | 5.10.66 | vendor
6.14.2-401.asahi.fc42 | Asahi Linux | 6.14.2 | vendor
"""

ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in REAL.strip().splitlines()]
NAMES = {"RED_HAT": RED_HAT, "ORACLE": ORACLE, "GIT": GIT, "ROCKCHIP": ROCKCHIP}
CLASSES = {
    "upstream": {"exact", "same-as-recorded", "between", "source", "newer"},
    "vendor": {"vendor", "between", "interval", "newer", "exact", "same-as-recorded", "source"},
    "interval": {"interval"},
    "outside": {"outside"},
}


def test_the_table_is_long_and_knows_every_vendor() -> None:
    assert len(ROWS) >= 80
    assert len({text for text, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("text", "vendor", "point", "sure"), ROWS)
def test_a_real_release_string(text: str, vendor: str, point: str, sure: str) -> None:
    choice = choose(text)
    assert choice.vendor == NAMES.get(vendor, vendor)
    assert choice.certainty in CLASSES[sure]
    if sure == "vendor" and not choice.policy.point.startswith("ubuntu-"):
        assert choice.certainty in {"vendor", "between", "interval"}
    if point:
        words = text.split()
        at = words[2] if words[0] == "Linux" else words[0]
        read = parse_release(at, " ".join(words[1:]))
        assert (".".join(map(str, read.point)) if read.exact_point else "hidden") == point


@pytest.mark.parametrize("text", [text for text, *_ in ROWS])
def test_what_is_said_of_it_reads_well(text: str) -> None:
    choice = choose(text)
    told = choice.text
    assert told.isprintable()
    assert len(told) < 900
    assert not re.search(r"\b(a a|a an|a vendor kernels|the the)\b|\.\.|  |stands? in|unknown patch", told)
    assert not told or told.endswith((".", ")"))
    assert "exact" not in choice.certainty or choice.policy.evidence == "recorded"
    for one in choice.candidates:
        assert one.rules
    assert not choice.candidates or choice.policy in choice.candidates or choice.certainty == "outside"


def test_red_hats_intervals() -> None:
    def span(release: str) -> tuple[str, str]:
        candidates = choose(release).candidates
        return candidates[0].point, candidates[-1].point

    assert span("5.14.0-427.13.1.el9_4.aarch64") == ("6.5.0", "6.9.0")
    assert span("5.14.0-480.el9.aarch64") == ("6.5.0", "6.12.0")
    assert span("5.14.0-503.11.1.el9_5.aarch64") == ("6.8.0", "6.12.0")
    assert span("5.14.0-30.el9.aarch64")[0] == "5.14.0"
    assert span("4.18.0-553.el8_10.aarch64")[0] == "5.10.0"
    assert choose("5.14.0-9999.el9.aarch64").candidates[-1].version[2] == 0
    assert choose("5.14.0-427.13.1.el9_4.aarch64").policy.point == "6.6.0"
    for family in REBASES.values():
        builds = [row.build for row in family]
        assert builds == sorted(builds)
        assert all(row.oldest <= row.likely <= row.newest or row.likely == (5, 10, 0) for row in family)
        assert [row.newest for row in family] == sorted(row.newest for row in family)


def test_the_doubts_of_an_interval_name_rules_of_both_ends() -> None:
    choice = choose("5.14.0-427.13.1.el9_4.aarch64")
    assert choice.uncertain
    assert all(doubt.lower != doubt.upper or doubt.text for doubt in choice.uncertain)
    assert "recording" in choice.explanation


@pytest.mark.parametrize("vendor", [pytest.param(row, id=row.pattern) for row in VENDORS])
def test_every_text_that_a_pattern_takes_has_what_it_is_looked_for_by(vendor: Vendor) -> None:
    pattern = vendor.pattern
    texts = [text for text in islice(forms(parser.parse(pattern)), 500) if re.search(pattern, text)]
    assert texts
    assert [text for text in texts if not vendor.met(text)] == []
    assert vendor.parts and all(vendor.parts), "else it is compiled for every release"


def test_no_pattern_takes_a_plain_point() -> None:
    assert [row.name for row in VENDORS if re.search(row.pattern, "")] == []


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "6", "6.", ".6", "v6.6", "linux-6.6", "v", "linux", "Linux", "Linux host", "banana", "6.6.6.6.6",
        "6.6foo!", "6,6", "-6.6", "6.6.\x1b[31m", "6.6.87\x00", "\x1b[2J6.6.87", "6.6.87-" + "a" * 5000, "9" * 5000,
        "6.99999999999", "6.6+", "6.6+nope", "6.2+mask-ccidy", "6.1.176+mask-ccdix", "+mask-ccidx", "٦.٦",
        "6.6 .87x\n\n\t\x07", "8.1", "4.19",
    ],
)  # fmt: skip
def test_what_is_no_kernel_gets_one_short_line(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        choose(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_hint_for_tags_and_directories() -> None:
    for text, hint in (("v6.6", "6.6.0 for the release"), ("linux-6.6", "6.6.0 for"), ("V6.6.87", "write 6.6.87")):
        with pytest.raises(PolicyError, match=re.escape(hint)):
            choose(text)


def test_a_policys_name_with_a_patch_still_works() -> None:
    assert choose("6.2+mask-ccidx").policy.patches == ("mask-ccidx",)
    assert choose("6.12.34+rpt-rpi-v8+mask-ccidx").policy.patches == ("mask-ccidx",)
    behind_a_vendor = choose("5.14.0-427.13.1.el9_4.aarch64+hide-mpam")
    assert all(policy.patches == ("hide-mpam",) for policy in behind_a_vendor.candidates)
    with pytest.raises(PolicyError, match="unknown patch"):
        choose("6.1.176+mask-ccdix")


DEBIANS = (
    "Linux version 6.1.0-28-arm64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld (GNU "
)
DEBIANS += "Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"
SELF_BUILT = (
    "Linux version 7.1.3+ (me@board) (gcc (Debian 15.3.0-1) 15.3.0, GNU ld (GNU Binutils for Debian) 2.46) #1 SMP"
)
ON_UBUNTU = "Linux version 6.12.57 (me@box) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0) #1 SMP PREEMPT Fri Jul 10 2026"


def test_the_compiler_in_proc_version_is_no_vendor() -> None:
    assert (choose(DEBIANS).vendor, choose(DEBIANS).policy.name) == ("Debian", "6.1.119")
    assert choose(SELF_BUILT).vendor == GIT
    assert choose(SELF_BUILT).certainty == "vendor"
    assert choose(ON_UBUNTU).vendor == ""


def test_the_time_of_a_log_line_does_not_matter() -> None:
    assert choose(f"[    0.000000] {DEBIANS}") == choose(DEBIANS)


@pytest.mark.parametrize(
    "text",
    [
        "6.12.57+deb13-arm64+", "6.12.57+deb13-arm64-dirty", "6.12.57+deb13-arm64-custom", "6.12.57-rt5-custom",
        "6.12.57-1.el9.elrepo.aarch64-custom", "6.12.57-061257-generic-custom", "6.8.0-151-generic+",
        "6.8.0-151-generic-custom", "6.12.57+rpt-rpi-v8", "6.12.57-local", "6.12.57+",
    ],
)  # fmt: skip
def test_a_kernel_with_changes_over_a_recorded_one_is_not_taken_for_it(text: str) -> None:
    choice = choose(text)
    assert choice.certainty == "vendor"
    assert "that very kernel" not in choice.text
    assert "was recorded; this build of it was not." in choice.text


@pytest.mark.parametrize("text", ["6.12.57+deb13-cloud-arm64", "6.8.0-151-generic", "6.8.0-151-generic-64k"])
def test_a_recorded_kernel_by_its_own_name_is_exact(text: str) -> None:
    assert choose(text).certainty == "exact"
