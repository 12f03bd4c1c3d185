"""A recording replayed on the model: the same VMs and vCPUs are made, the same questions asked, in the same order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from inspector.errors import SourceError
from inspector.kvm.cpus import lengths_of_model
from inspector.kvm.creation import run_errno, vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.guest import fresh_guest
from inspector.kvm.host import HostState, Vgic, from_raw, vgic_of
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.inference.el0 import el0_values
from inspector.kvm.inference.fresh import FreshExposure
from inspector.kvm.vm import Vm, writable_masks
from inspector.policies import model
from inspector.policies.loader import combine
from inspector.policies.model import Policy
from inspector.policies.release import Choice, choose
from inspector.policies.release_string import page_size_of
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import is_demux, size_of
from inspector.registers.ids import CTR_EL0, DCZID_EL0

Line = dict[str, Any]
_CCIDX_MODE = re.compile(r"\bccidx_mode=([0-9])")
_PATCHES = {"0": (), "1": ("mask-ccidx",), "2": ("mask-ccidx-tolerant",), "3": ("mask-ccidx-keep",)}
"""What the experimental kernel's switch does; that build has the SSBS erratum option off."""


_RESTORING = ("same", "field", "ran")
"""Phases in which the recorder keeps what a register held before."""


class Told(NamedTuple):
    """What recorded answers tell of a host that its registers do not."""

    vgic: Vgic | None = None
    sme: bool | None = None
    """its kernel was built with SME"""

    def on(self, host: HostState) -> HostState:
        """The host with what the recording shows of it."""
        known = host.vgic_known or self.vgic is not None
        return msgspec.structs.replace(host, vgic=self.vgic or host.vgic, vgic_known=known, sme=self.sme)


NOTHING_TOLD = Told()


class Replay:
    """Follows a recording line by line; `answer` gives each line with the model's answers in place."""

    def __init__(
        self, where: str, kernel: str = "", inputs: str = "", *, policy: Policy | None = None, told: Told = NOTHING_TOLD
    ) -> None:
        """`kernel`: what to use instead of the kernel that the recording names; `policy`: the same, without a choice.
        `inputs`: of the host, as `--host` takes them. `told`: by the recorded answers."""
        self.where, self.inputs, self.told = where, inputs, told
        self.choice: Choice | None = choose(kernel) if kernel else None
        self.policy: Policy | None = self.choice.policy if self.choice else policy
        self.candidates: tuple[Policy, ...] = self.choice.candidates if self.choice else ()
        """every policy that the kernel may have, where there are several"""
        self.host: HostState | None = None
        self.raw: Line = {}
        self.capabilities: dict[str, int] = {}
        self.cmdline, self.page_size = "", 4096
        self.model = ""
        """`-cpu` of a machine of QEMU's"""
        self.setup = VcpuSetup()
        self.config = ""
        self.exposure: Exposure | None = None
        self.exposures: dict[VcpuSetup, Exposure] = {}
        self.listed: set[int] = set()
        self.guest_seen: set[int] = set()
        self.guest_open = False
        self.list_open = False
        self.given: dict[int, int] = {}
        self.vm: Vm | None = None
        self.ran: int | None = None
        self.held: tuple[int, int] = (-1, 0)
        self.ids: dict[str, int] = {}

    # -- what the file says of the machine ------------------------------------------------------------------------

    def number(self, line: Mapping[str, Any], key: str) -> int:
        """A hexadecimal number of a line; SourceError when it is missing or is none."""
        text = line.get(key)
        if not isinstance(text, str):
            raise SourceError(f"a {line.get('type')} line without {key}", self.where)
        try:
            return int(text, 16)
        except ValueError:
            raise SourceError(
                f"{key} {text!r} of a {line.get('type')} line is not a hexadecimal number", self.where
            ) from None

    def reg_id(self, line: Mapping[str, Any]) -> int:
        """The register id of a line."""
        text = line.get("id")
        known = self.ids.get(text) if isinstance(text, str) else None
        if known is None:
            known = self.number(line, "id")
            self.ids[line["id"]] = known
        return known

    def asked(self, line: Mapping[str, Any]) -> tuple[str, int, int]:
        """(phase, register id, value) of a set line: nearly all lines of a recording are such."""
        phase = line.get("phase", "")
        try:
            reg_id, value = self.ids[line["id"]], int(line["value"], 16)
        except (KeyError, TypeError, ValueError):
            reg_id, value = self.reg_id(line), self.number(line, "value")
        return phase if type(phase) is str else str(phase), reg_id, value

    def table(self, line: Mapping[str, Any], key: str, base: int = 16) -> dict[str, tuple[int, int]]:
        """An object of a line, number -> hexadecimal number: text of the key -> both; SourceError for other things."""
        table = line.get(key)
        if table is None:
            return {}
        try:
            return {str(k): (int(k, base), int(v, 16)) for k, v in table.items()}
        except (TypeError, ValueError, AttributeError):
            raise SourceError(
                f"{key} of a {line.get('type')} line holds something that is not a number", self.where
            ) from None

    def _numbers(self, line: Mapping[str, Any], key: str, base: int = 16) -> dict[int, int]:
        return dict(self.table(line, key, base).values())

    def _kernel(self, line: Line) -> None:
        """Choose the policy by what uname says, and by the switch of the experimental kernel."""
        self.cmdline = str(line.get("cmdline", ""))
        self.page_size = page_size_of(str(line.get("release", ""))) or 4096
        if self.policy is not None:
            return
        self.choice = choose(str(line.get("release", "")), str(line.get("version", "")), said_by_file=True)
        self.policy, self.candidates = self.choice.policy, self.choice.candidates
        if mode := _CCIDX_MODE.search(str(line.get("cmdline", ""))):
            patches = (*_PATCHES.get(mode[1], ()), "no-ssbs-erratum")
            self.policy = combine(self.policy, patches)
            self.candidates = tuple(combine(one, patches) for one in self.candidates)

    def _machine(self) -> HostState | None:
        """The host, once its lines were read; None when the recording has no host line."""
        if self.host is None and self.raw:
            ccsidr = self._numbers(self.raw, "ccsidr", 10)
            host = from_raw(self._numbers(self.raw, "regs"), ccsidr, self.capabilities or None)
            host = msgspec.structs.replace(
                host, cmdline=self.cmdline, vgic=vgic_of(host.values, host.known), page_size=self.page_size,
                vector_lengths=lengths_of_model(self.model),
            )  # fmt: skip
            self.host = with_inputs(self.told.on(host), self.inputs)
        return self.host

    def need_policy(self) -> Policy:
        """The policy; SourceError when the recording names no kernel."""
        if self.policy is None:
            raise SourceError("no kernel line before the first configuration", self.where, "name one with --kernel")
        return self.policy

    # -- configurations -------------------------------------------------------------------------------------------

    def _begin(self, line: Line) -> None:
        try:
            self.setup = VcpuSetup(
                features=int(line.get("features", 4)), gic="v3" if line.get("gicv3") else "none",
                mte=bool(line.get("mte")), writable_imp_id=bool(line.get("writable_imp_id")),
            )  # fmt: skip
        except (TypeError, ValueError):
            raise SourceError("a vcpu line whose features are not a number", self.where) from None
        self.config = str(line.get("config", ""))
        self.listed, self.guest_seen, self.guest_open, self.list_open, self.given = set(), set(), True, True, {}
        self.ran, self.held, self.vm = None, (-1, 0), None
        host, policy = self._machine(), self.need_policy()
        self.exposure = self.exposures.get(self.setup)
        if self.exposure is None and host is not None:
            self.exposure = self.exposures[self.setup] = expose(host, policy, self.setup)

    @property
    def init_errno(self) -> int:
        """The errno of creating the current configuration's vCPU."""
        exposure = self.exposure
        if exposure is None or isinstance(exposure, FreshExposure):
            nothing = HostState(values={}, known={}, capabilities=self.capabilities)
            nothing = with_inputs(self.told.on(nothing), self.inputs)
            exposure = expose(nothing, self.need_policy(), self.setup)
        return vcpu_init(exposure)

    def need_exposure(self) -> Exposure:
        """The current configuration's exposure; from its fresh vCPU's values where the recording has no host line."""
        if self.exposure is None:
            if not self.given:
                raise SourceError("neither a host line nor a fresh vCPU's registers before this line", self.where)
            self.exposure = FreshExposure(self.given, self.need_policy(), self.setup)
        return self.exposure

    def new_vm(self) -> Vm:
        """A VM of the current configuration with one vCPU, after KVM_RUN where that phase has begun."""
        exposure = self.need_exposure()
        vm = Vm(exposure.host, exposure.policy, self.setup, exposure=exposure)
        if self.ran is not None:
            vm.mark_ran(self.ran)
        self.vm = vm
        return vm

    def _second_vcpu(self) -> None:
        """Phase cross: two vCPUs, no GIC."""
        exposure = self.need_exposure()
        setup = VcpuSetup(
            features=self.setup.features, gic="none", mte=self.setup.mte, writable_imp_id=self.setup.writable_imp_id
        )
        if isinstance(exposure, FreshExposure):
            other: Exposure = FreshExposure(exposure.given, exposure.policy, setup)
        else:
            other = expose(exposure.bare, exposure.policy, setup)
        self.vm = Vm(other.bare, other.policy, setup, 2, exposure=other)

    # -- questions ------------------------------------------------------------------------------------------------

    def write(self, phase: str, reg_id: int, value: int) -> tuple[int, int]:
        """(errno, value read back) of one set line, with the write-back that the recorder did after it.

        A write-back that is refused makes the recorder begin anew in phase field; after KVM_RUN it goes on as it is.
        """
        vm = self.vm or self.new_vm()
        writer = vm.vcpus[0]
        reader = writer if phase != "cross" else vm.vcpus[-1]
        if self.held[0] != reg_id and phase in _RESTORING:
            self.held = (reg_id, writer.value(reg_id))
        errno = writer.set_one_reg(reg_id, value)
        after = reader.value(reg_id) if reader.initialised else 0
        if after != self.held[1] and phase in ("field", "ran"):
            refused = writer.set_one_reg(reg_id, self.held[1])
            if refused and phase == "field":
                self.new_vm()
        return errno, after

    def reads(self, reg_id: int) -> int:
        """What the current VM's first vCPU reads now."""
        return (self.vm or self.new_vm()).vcpus[0].value(reg_id)

    def odd(self, reg_id: int) -> tuple[int, int, int]:
        """(get errno, value, errno of writing zero) of an id outside the list."""
        vcpu = (self.vm or self.new_vm()).vcpus[0]
        errno, value = vcpu.get_one_reg(reg_id)
        return errno, value or 0, vcpu.set_one_reg(reg_id, 0)

    def hinges_on_host(self, reg_id: int, value: int) -> bool:
        """True when a write's answer depends on a host field that a fresh vCPU does not show."""
        exposure = self.need_exposure()
        if not exposure.hidden_host:
            return False
        hooks = exposure.book.of(reg_id).hooks
        told = exposure.inferred.get(reg_id, 0) if isinstance(exposure, FreshExposure) else 0
        hidden = sum(
            h.mask for h in hooks if isinstance(h.rule, model.Tolerate | model.Keep) and value & h.mask & ~told
        )
        vcpu = (self.vm or self.new_vm()).vcpus[0]
        return bool(hidden) and vcpu.would_accept(reg_id, value & ~hidden) == 0

    def guest_known(self, reg_id: int) -> bool:
        """True when the guest's view of a register follows from what is known."""
        exposure = self.need_exposure()
        if not exposure.hidden_host:
            return True
        hardware = {DCZID_EL0, CTR_EL0}
        if exposure.book.variant("guest-caches") == "hardware":
            return reg_id not in hardware and not is_demux(reg_id)
        return reg_id not in hardware

    def el0(self) -> dict[int, int]:
        """What EL0 of the host reads."""
        host = self._machine()
        return el0_values(host, self.need_policy()) if host is not None else {}

    # -- lines ----------------------------------------------------------------------------------------------------

    def answer(self, line: Line) -> Iterator[Line]:
        """The line with computed answers, after any lines that had to be produced before it."""
        kind = line["type"]
        if kind == "set":
            yield from self.before(kind)
            phase, reg_id = str(line.get("phase", "")), self.reg_id(line)
            if phase == "same" and "value" not in line:
                line["value"] = hex(self.reads(reg_id))
            errno, after = self.write(phase, reg_id, self.number(line, "value"))
            line["errno"], line["after"] = errno, hex(after)
            yield line
            return
        yield from self.before(kind)
        self.note(line)
        match kind:
            case "vcpu":
                line["init_errno"] = self.init_errno
            case "get":
                line |= self.get_answer(self.reg_id(line))
            case "guest":
                line["value"] = hex(fresh_guest(self.need_exposure()).get(self.reg_id(line), 0))
            case "odd":
                get_errno, value, set_errno = self.odd(self.reg_id(line))
                line["get_errno"], line["value"], line["set_zero_errno"] = get_errno, hex(value), set_errno
            case "writable_masks":
                errno, masks = writable_masks(self.need_exposure())
                line["errno"], line["masks"] = errno, {hex(k): hex(v) for k, v in masks.items()}
            case "el0" if self._machine() is not None:
                values = self.el0()
                asked = self.table(line, "regs") or {f"0x{reg_id:016x}": (reg_id, 0) for reg_id in values}
                line["regs"] = {text: hex(values.get(reg_id, 0)) for text, (reg_id, _) in asked.items()}
            case _:
                pass
        yield line

    def note(self, line: Line) -> None:
        """Take in a line that is no write: the machine's description, a new configuration, a new VM."""
        match line["type"]:
            case "recording" | "host":
                self._described(line)
            case "caps":
                self.capabilities = {k: v for k, v in line.items() if isinstance(v, int)}
                self.host = None
            case "kernel":
                self._kernel(line)
            case "vcpu":
                self._begin(line)
            case "get":
                self._note_get(line)
            case "guest":
                self.guest_seen.add(self.reg_id(line))
            case "fresh":
                self.held = (-1, 0)
                self.new_vm()
            case "second_vcpu":
                self._second_vcpu()
            case "run":
                self.ran, self.held = self._run_errno(line), (-1, 0)
                self.new_vm()
            case _:
                pass

    def _described(self, line: Line) -> None:
        """What the machine is: its model, then its registers."""
        if line["type"] == "recording":
            self.model = str(line.get("cpu", ""))
        else:
            self.raw = line

    def _note_get(self, line: Line) -> None:
        """A listed register; its value stands for the machine's where no host line describes that."""
        reg_id = self.reg_id(line)
        self.listed.add(reg_id)
        if self._machine() is None and "value" in line:
            self.given[reg_id] = self.number(line, "value") & (1 << 8 * min(size_of(reg_id), 8)) - 1

    def _run_errno(self, line: Line) -> int:
        """KVM_RUN is an event: its recorded errno stands; what the kernel would answer, where none is given."""
        recorded = line.get("errno")
        if recorded is None:
            return run_errno(self.need_exposure())
        if not isinstance(recorded, int):
            raise SourceError(f"errno {recorded!r} of a run line is not a number", self.where)
        return recorded

    def get_answer(self, reg_id: int) -> Line:
        """errno and value of a fresh vCPU's register; what cannot be derived is zero and says so."""
        if self._machine() is None:
            return {"errno": 0, "value": hex(self.given.get(reg_id, 0))}
        exposure = self.need_exposure()
        if reg_id not in exposure.listed_set:
            return {
                "errno": Vm(exposure.host, exposure.policy, self.setup, exposure=exposure)
                .vcpus[0]
                .get_one_reg(reg_id)[0],
                "value": "0x0",
            }
        answer: Line = {"errno": 0, "value": hex(exposure.values[reg_id] & ALL)}
        return answer | {"derivable": False} if reg_id in exposure.underivable else answer

    def before(self, kind: str) -> Iterator[Line]:
        """Lines that the recording lacks before a line of type `kind`."""
        if self.list_open and kind not in ("get", "file"):
            self.list_open = kind == "note"
            if self._machine() is None or self.init_errno:
                self.list_open = self.guest_open = False
            else:
                yield from self._missing_gets()
        if self.guest_open and kind not in ("get", "file", "note", "guest"):
            self.guest_open = False
            # A configuration that ends with its list was not run, as far as anybody can tell.
            if self.guest_seen or kind not in ("vcpu", ""):
                yield from self._missing_guests()

    def _missing_gets(self) -> Iterator[Line]:
        for reg_id in self.need_exposure().listed:
            if reg_id not in self.listed:
                self.listed.add(reg_id)
                yield {"type": "get", "id": f"0x{reg_id:016x}", **self.get_answer(reg_id)}

    def _missing_guests(self) -> Iterator[Line]:
        exposure = self.need_exposure()
        if self.runs_a_guest(exposure):
            for reg_id, value in fresh_guest(exposure).items():
                if reg_id not in self.guest_seen:
                    yield {"type": "guest", "id": f"0x{reg_id:016x}", "value": hex(value)}

    def runs_a_guest(self, exposure: Exposure) -> bool:
        """True when the recorder's (AArch64) guest can run in this configuration."""
        return not self.setup.has(Feature.EL1_32BIT) and run_errno(exposure) == 0

    def finish(self) -> Iterator[Line]:
        """Lines that the last configuration lacks."""
        yield from self.before("")
