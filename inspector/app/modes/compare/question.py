"""The question that the Compare screen asks, and its answer: what stands left, what right, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from inspector.app.modes.compare.exposure import exposure_nodes
from inspector.app.modes.compare.lines import Node, told
from inspector.app.modes.compare.sides import Side, side_name
from inspector.app.shell.view import source_name
from inspector.app.widgets.ink import WRITTEN
from inspector.checks.machine.machine import Machine, machine
from inspector.checks.machine.question import KernelQuestion, ask, own_question
from inspector.checks.machine.source_kernel import describe_policy
from inspector.policies.loader import place_of
from inspector.policies.points import policy_names

if TYPE_CHECKING:
    from inspector.app.modes.compare.dumps import Contrast
    from inspector.app.shell.view import View
    from inspector.sources.dump import Vcpu

Form = Literal["kernel", "kernels", "pair", "groups"]
"""Host against what a kernel exposes; two kernels on one host; two dumps; groups of equal dumps."""


class Picture(NamedTuple):
    """What the screen shows."""

    form: Form
    titles: tuple[str, ...]
    """of the columns"""
    names: tuple[tuple[str, str], ...]
    """(word, what stands there) for each side"""
    nodes: tuple[Node, ...] = ()
    """what differs; of a kernel's work also what does not"""
    notes: tuple[tuple[str, str], ...] = ()
    """(word, sentence) of what has to be known besides"""
    answer: Machine | None = None
    before: Machine | None = None
    """of two kernels the left one's"""
    contrast: Contrast | None = None
    brief: str = ""
    """the sides in few words, for a narrow header"""
    withheld: bool = False
    """the values of registers that hold secrets of a guest are left out"""

    def told(self) -> Picture:
        """The same without the guests' secrets; what differs, and how many, was found from all values."""
        return self._replace(nodes=told(self.nodes), withheld=True)

    def everything(self) -> tuple[Node, ...]:
        """What differs, then what is equal."""
        if self.contrast is None:
            return self.nodes
        from inspector.app.modes.compare.dumps import equal_nodes

        equal = equal_nodes(self.contrast)
        return (*self.nodes, *(told(equal) if self.withheld else equal))

    @property
    def equal(self) -> int:
        """How many registers differ in nothing."""
        if self.contrast is not None:
            return self.contrast.answer.equal
        return sum(not one.differs for one in self.nodes)


def kernel_picture(
    view: View,
    question: KernelQuestion | None,
    known: Machine | None,
    saved: Vcpu | None = None,
    read: View | None = None,
) -> Picture:
    """The host behind a view (or `saved`, its vCPU as it was saved) against what a kernel exposes, with the writes.

    `question` None asks the kernel under which the dump was made; `known` is its answer where there is one already.
    `read`: the view without simulated writes, where there are any.
    Raises InspectorError when the dump says nothing of a machine, or KVM would not create such a vCPU there.
    """
    read = read or view
    asked = question or first_question(read)
    answer = known or machine(read.dump, asked, vcpu=read.one_vcpu)
    kernel = describe_policy(answer.question.policy)
    setup = answer.setup
    own = "" if question else _why_this_kernel(view)
    several = f", one of {len(answer.question.candidates)} that it may be," if answer.others else ""
    features = f"what {kernel}{own}{several} would expose; vCPU: {setup.describe()}; vGIC {setup.gic}"
    features += f"; {WRITTEN} with the simulated writes" if view.written else ""
    short = source_name(view.source)
    left_name = (
        answer.label.replace(f"({view.source})", f"({short})") if saved is None else f"{view.title} as saved ({short})"
    )
    notes = tuple(
        ("Note", note.replace(f"{view.source} names", f"{short} names")) for note in dict.fromkeys(answer.notes)
    )
    return Picture(
        form="kernel",
        titles=("host" if saved is None else "saved", "exposed"),
        names=(("left", left_name), ("right", features)),
        nodes=tuple(
            exposure_nodes(answer, saved.values if saved else None, saved.withheld if saved else (), view.written)
        ),
        notes=notes,
        answer=answer,
        brief=f"{'host' if saved is None else 'saved'} ◂▸ {kernel}",
    )


def kernels_picture(
    view: View, other: KernelQuestion, question: KernelQuestion | None, known: Machine | None, read: View, swapped: bool
) -> Picture:
    """What one kernel shows a fresh vCPU of the machine behind a view against what another shows it: the older one
    left, or right where they are `swapped`.

    Where `other` names no features of the vCPU and nothing of the host, they are those of `question`. Raises
    InspectorError as `kernel_picture`.
    """
    from inspector.app.modes.compare.kernels import kernel_nodes

    asked = known or machine(read.dump, question or first_question(read), vcpu=read.one_vcpu)
    same = replace(other, setup=other.setup or asked.question.setup, host=other.host or asked.question.host)
    sides = sorted((machine(read.dump, same, vcpu=read.one_vcpu), asked), key=_age, reverse=swapped)
    before, after = sides
    nodes, notes = kernel_nodes(before, after)
    told = dict.fromkeys(note for one in sides for note in one.notes)
    labels = [one.policy.label for one in sides]
    setup = [f"vCPU: {one.setup.describe()}; vGIC {one.setup.gic}" for one in sides]
    host = source_name(view.source)
    own = ", the dump's own kernel," if question is None and view.dump.provenance.kernel else ""
    shows = [f"what {_kernel(one)}{own if one is asked else ''} shows" for one in sides]
    return Picture(
        form="kernels",
        titles=("left", "right") if labels[0] == labels[1] else (labels[0], labels[1]),
        names=(
            ("left", shows[0] + (f"; {setup[0]}" if setup[0] != setup[1] else "")),
            ("right", f"{shows[1]}; {setup[1]}, on the host of {host}"),
        ),
        nodes=tuple(nodes),
        notes=(*notes, *(("Note", note.replace(f"{view.source} names", f"{host} names")) for note in told)),
        answer=after,
        before=before,
        brief=f"{labels[0]} ◂▸ {labels[1]}",
    )


def _age(one: Machine) -> tuple[int, int]:
    """Older kernels first, patched ones behind the same without."""
    return place_of(one.policy), len(one.policy.patches)


def _kernel(one: Machine) -> str:
    several = f", one of {len(one.question.candidates)} that it may be," if one.others else ""
    return describe_policy(one.policy) + several


def _why_this_kernel(view: View) -> str:
    """In a few words, why a kernel is asked that nobody chose."""
    if view.dump.provenance.kernel:
        return ", the dump's own kernel"
    return ", nearest to the dump's list" if _says_kernel(view) else ", the newest known"


def _says_kernel(view: View) -> bool:
    """False for a bare machine: a saved vCPU's register list betrays its kernel."""
    return bool(view.dump.provenance.kernel) or any(one.kind == "vcpu" for one in view.dump.vcpus)


def first_question(view: View) -> KernelQuestion:
    """What is asked before anything was chosen: the dump's own kernel, of a bare machine the newest known one.

    Raises InspectorError when the dump says nothing of a machine.
    """
    if _says_kernel(view):
        return own_question(view.dump, view.one_vcpu)

    return ask(policy_names()[-1])


def dumps_picture(sides: Sequence[Side]) -> Picture:
    """Two sides, or the groups of many. Raises InspectorError when one of them has no register."""
    from inspector.app.modes.compare.dumps import contrast

    found = contrast(sides)
    if len(sides) == 2:
        names = tuple((word, _about(side)) for word, side in zip(("left", "right"), sides, strict=True))
        brief = " ◂▸ ".join(side_name(side) for side in sides)
        return Picture("pair", ("left", "right"), names, found.nodes, found.told, contrast=found, brief=brief)
    columns = found.columns
    names = tuple(
        (one.name, f"{one.title}{f', Linux {one.subjects[0].kernel}' if one.subjects[0].kernel else ''}")
        for one in columns
    )
    groups = f"{len(sides)} dumps in {len(columns) + found.answer.hidden_columns} groups"
    titles = tuple(one.name for one in columns)
    return Picture("groups", titles, names, found.nodes, found.told, contrast=found, brief=groups)


def _about(side: Side) -> str:
    given = side.dump.provenance
    return side_name(side) + (f", Linux {given.kernel}" if given.kernel else "")


def report(picture: Picture) -> str:
    """The whole comparison in Markdown."""
    if picture.contrast is not None:
        from inspector.checks.compare.withheld import told as told_comparison
        from inspector.reports.compare import comparison_markdown

        answer = picture.contrast.answer
        return comparison_markdown(told_comparison(answer) if picture.withheld else answer)
    if picture.answer is None:
        return ""
    if picture.before is not None:
        from inspector.app.modes.compare.kernels import kernels_markdown

        return kernels_markdown(picture.before, picture.answer, picture.nodes)
    from inspector.reports.exposure import exposure_markdown

    return exposure_markdown(picture.answer.exposures, picture.answer.label)
