"""What was tried on the vCPUs of the session: one history for each VM, and what the dumps are with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from inspector.app.shell.view import Rewritten, View
from inspector.errors import InspectorError
from inspector.registers.bits import ALL, ones
from inspector.registers.encoding import size_of
from inspector.registers.secrets import is_secret
from inspector.sources.dump import Constraint, Dump, Vcpu

if TYPE_CHECKING:
    # Nothing of the model is loaded before something is written.
    from inspector.checks.machine.machine import Machine
    from inspector.checks.machine.question import KernelQuestion
    from inspector.checks.writing.bench import Bench, Changed
    from inspector.checks.writing.history import History


Changes = Mapping[int, Rewritten]
"""By register id."""


class Where(Protocol):
    """Where the user is."""

    @property
    def source(self) -> int:
        """Which of the loaded dumps."""

    @property
    def view(self) -> int:
        """Which of its views."""


class Looks(Protocol):
    """What this needs of the session."""

    loaded: list[Dump]
    question: KernelQuestion | None
    secrets: bool

    @property
    def place(self) -> Where:
        """Where the user is."""

    def read_views(self, index: int) -> tuple[View, ...]:
        """The vCPUs of a loaded dump as they were read."""


class Vm(NamedTuple):
    """Which VM of the session: a source, and the view where each of its vCPUs is a VM of its own."""

    source: str
    view: int = -1


class Asked(NamedTuple):
    """Under which kernel, on which values a history was answered."""

    dump: Dump
    question: KernelQuestion | None
    machine: Machine | None


class Prepared(NamedTuple):
    """What answers for a VM, made beside the screen, and of what it was made."""

    dump: Dump
    question: KernelQuestion | None
    vcpus: list[Vcpu]
    machine: Machine
    bench: Bench


class Tried:
    """The histories of a session. A history outlives another kernel and another reading: its steps are asked anew."""

    def __init__(self, session: Looks) -> None:
        self._session = session
        self._histories: dict[Vm, History] = {}
        self._asked: dict[Vm, Asked] = {}
        self._dumps: dict[int, tuple[Dump, list[Mapping[int, Changed]], Dump]] = {}
        self._prepared: Prepared | None = None

    def _vm_of(self, index: int, view: int) -> tuple[Vm, int]:
        """The VM behind a view, and the number of the view's vCPU in it."""
        dump, views = self._session.loaded[index], self._session.read_views(index)
        source = dump.provenance.source
        if dump.one_vm and views[view].one_vcpu is not None:
            own = [at for at, one in enumerate(views) if one.one_vcpu is not None]
            return Vm(source), own.index(view)
        return Vm(source, view), 0

    @property
    def any(self) -> bool:
        """Whether anything was tried in this session."""
        return bool(self._histories)

    def history(self) -> History:
        """The history of the VM on screen, answered by the kernel that is asked now.

        Raises InspectorError when there is no machine to ask about.
        """
        from inspector.checks.writing.history import History

        place = self._session.place
        vm, _ = self._vm_of(place.source, place.view)
        if vm not in self._histories:
            self._ask(vm, History())
        self._catch_up(vm, place.source)
        return self._histories[vm]

    def kernel(self) -> str:
        """The kernel that answers for the VM on screen: the one that is asked now, else the one it was saved under.

        Raises InspectorError when there is none.
        """
        if self._session.question is not None:
            return self._session.question.title
        from inspector.checks.machine.own_vcpu import plain_kernel
        from inspector.policies.points import kernel_title

        place = self._session.place
        dump, vcpus = self._vcpus_of(self._vm_of(place.source, place.view)[0])
        if name := plain_kernel(dump):
            return kernel_title(name)
        from inspector.checks.machine.question import own_question

        return own_question(dump, vcpus[0] if vcpus else None).title

    def prepared(self) -> Callable[[], Prepared]:
        """What `history` would work out, to be done beside the screen. Raises InspectorError when there is none."""
        place, question = self._session.place, self._session.question
        dump, vcpus = self._vcpus_of(self._vm_of(place.source, place.view)[0])
        return lambda: Prepared(dump, question, vcpus, *_answering(dump, question, vcpus))

    def take(self, prepared: Prepared) -> None:
        """What was made beside the screen; `history` goes on with it where it still answers what is asked."""
        self._prepared = prepared

    def _answered(self, dump: Dump, question: KernelQuestion | None, vcpus: list[Vcpu]) -> tuple[Machine, Bench]:
        made, self._prepared = self._prepared, None
        if made is not None and made.dump is dump and made.question is question and made.vcpus == vcpus:
            return made.machine, made.bench
        return _answering(dump, question, vcpus)

    def machine(self) -> Machine:
        """The machine that answers. Raises InspectorError when there is none."""
        history, place = self.history(), self._session.place
        machine = self._asked[self._vm_of(place.source, place.view)[0]].machine
        if machine is None:
            raise InspectorError(history.problem)
        return machine

    @property
    def present(self) -> History | None:
        """The same where something was tried on it; else None."""
        found = self.last
        return found if found is not None and found.entries else None

    @property
    def last(self) -> History | None:
        """The history of the VM on screen, also where everything was taken back; None before the first write."""
        place = self._session.place
        vm = self._vm_of(place.source, place.view)[0] if self._histories and self._session.loaded else None
        if vm is None or vm not in self._histories:
            return None
        self._catch_up(vm, place.source)
        return self._histories[vm]

    @property
    def number(self) -> int:
        """Number of the vCPU on screen in its VM."""
        place = self._session.place
        return self._vm_of(place.source, place.view)[1] if self._session.loaded else 0

    def count(self) -> int:
        """How many simulated writes were tried on the VM on screen."""
        return self.present.writes if self.present is not None else 0

    def _ask(self, vm: Vm, history: History) -> None:
        """Put a history to the machine behind its VM, as it is on screen."""
        (dump, vcpus), question = self._vcpus_of(vm), self._session.question
        found: Machine | None = None
        try:
            found, bench = self._answered(dump, question, vcpus)
            history.ask_of(bench)
        except InspectorError as error:
            if not history.steps:
                raise
            history.ask_of(None, str(error))
        self._histories[vm], self._asked[vm] = history, Asked(dump, question, found)

    def _vcpus_of(self, vm: Vm) -> tuple[Dump, list[Vcpu]]:
        """The dump of a VM, and its vCPUs. Values that are withheld on screen are not read from the dump either."""
        session = self._session
        index = next(at for at, one in enumerate(session.loaded) if one.provenance.source == vm.source)
        views = session.read_views(index)
        chosen = views if vm.view < 0 else views[vm.view : vm.view + 1]
        return views[0].dump, [one.one_vcpu for one in chosen if one.one_vcpu is not None]

    def _catch_up(self, vm: Vm, index: int) -> None:
        """Ask the steps again where another kernel was chosen, or other values were read."""
        asked, session = self._asked[vm], self._session
        if asked.dump is not session.read_views(index)[0].dump or asked.question is not session.question:
            self._ask(vm, self._histories[vm])

    def changes(self, index: int, view: int) -> Changes:
        """What the writes changed of a vCPU; values of secret registers only where they are shown."""
        if not self._histories:
            return {}
        vm, number = self._vm_of(index, view)
        history = self._histories.get(vm)
        if history is None or not history.entries:
            return {}
        self._catch_up(vm, index)
        secrets = self._session.secrets
        return {
            i: Rewritten(*one, history.changed_by(i)) for i, one in history.changes(number).items()
            if secrets or not is_secret(i)
        }  # fmt: skip

    def written(self, index: int) -> Dump:
        """A loaded dump with what was written to its vCPUs."""
        dump = self._session.loaded[index]
        if not self._histories:
            return dump
        views = self._session.read_views(index)
        changes: list[Mapping[int, Changed]] = []
        for place in range(len(dump.vcpus)):
            vm, number = self._vm_of(index, place)
            history = self._histories.get(vm) if views[place].one_vcpu is not None else None
            if history is not None and history.entries:
                self._catch_up(vm, index)
            changes.append(history.changes(number) if history is not None else {})
        if not any(changes):
            return dump
        held = self._dumps.get(index)
        if held is None or held[0] is not dump or held[1] != changes:
            vcpus = tuple(_changed(vcpu, told) for vcpu, told in zip(dump.vcpus, changes, strict=True))
            held = self._dumps[index] = (dump, changes, msgspec.structs.replace(dump, vcpus=vcpus))
        return held[2]

    def writes_to(self, source: str) -> int:
        """How many simulated writes were tried on the VMs of a source."""
        return sum(history.writes for vm, history in self._histories.items() if vm.source == source)


def _answering(dump: Dump, question: KernelQuestion | None, vcpus: Sequence[Vcpu]) -> tuple[Machine, Bench]:
    """The machine behind a dump, and its VM. Raises InspectorError when there is none."""
    from inspector.checks.machine.machine import machine
    from inspector.checks.writing.bench import bench_of

    found = machine(dump, question, vcpu=vcpus[0] if vcpus else None)
    return found, bench_of(found, [one.values for one in vcpus])


def _changed(vcpu: Vcpu, changes: Mapping[int, Changed]) -> Vcpu:
    """A saved vCPU with the registers of its own that were changed; what is not known of one is a constraint."""
    values, parts = dict(vcpu.values), dict(vcpu.constraints)
    for reg_id, one in changes.items():
        if reg_id not in values and reg_id not in parts:
            continue
        bits = ones(size_of(reg_id) * 8)
        if one.after.known & bits == bits:
            values[reg_id] = one.after.value
            parts.pop(reg_id, None)
        else:
            values.pop(reg_id, None)
            parts[reg_id] = Constraint(one.after.known & bits & ALL, one.after.value & one.after.known)
    return msgspec.structs.replace(vcpu, values=values, constraints=parts)
