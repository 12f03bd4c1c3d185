"""Kernel patches that are pasted where an error is expected: what they name, and how their effect is found out.

What a patch does to guests and saved VMs is not read from its text: C says it in too many ways. What is said is which
files and registers its changes name, whether it is a commit that the kernels' rules here are known from, and what
answers the question. Loaded where a text has a patch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.checks.explain.result import ExplainedRegister, Explanation
from inspector.checks.explain.text import Pasted
from inspector.numbers import count_of, few_of
from inspector.policies.commits import known_patches, known_rules
from inspector.registers import catalog
from inspector.registers.scanning import scan
from inspector.sources.patch_text import Patch

_TITLE = re.compile(r"^Subject: (?:\w{2,3}: ?)?(?:\[[^\]]{0,80}\] ?)?(?P<title>\S.{8,200})$")
_COMMIT = re.compile(r"\b(?:commit|From) ([0-9a-f]{12,40})\b", re.IGNORECASE)
_RULES_FROM = (
    "arch/arm64/kvm/", "arch/arm64/kernel/cpufeature.c", "arch/arm64/kernel/proton-pack.c",
    "arch/arm64/kernel/pi/idreg-override.c", "arch/arm64/kernel/idreg-override.c", "arch/arm64/tools/sysreg",
    "include/kvm/", "virt/kvm/arm/",
)  # fmt: skip
"""Where the rules that are known here were read: files, or folders with `/` at their end"""
_SHOWN = 6
_BY_KERNELS = (
    "build the kernel without it and with it, and run `vcpu-inspector review lab:BEFORE lab:AFTER` (folders of kernel"
    " trees or Images): both are asked for every value"
)
_BY_POLICY = (
    'or write what it does as a policy of a few lines (`extends = "6.12"` and its rules, README, Kernels) and run'
    " `vcpu-inspector review 6.12 FILE.toml`"
)


ABOUT_ONE = Explanation(
    recognised=False,
    headline="a mail about a patch: no line of it is an error text that is known here, and no register is named",
    bring=("the patch itself: `explain` says which registers its changes name", "or the log that the mail is about"),
)


def about_patch(patch: Patch, pasted: Pasted) -> Explanation:
    """The answer for a text with a patch and without any error that is known."""
    named = _named(patch)
    names = list(dict.fromkeys(name.partition(".")[0] for name in named))
    registers = tuple(_register(name) for name in names)
    headline = f"a patch to {patch.words}, and no error text: its effect is not read from it"
    if names:
        headline += f"; its changes name {few_of(names, _SHOWN)}"
    said = [f"{count_of(len(patch.changes), 'line')} put in or taken out in {few_of(patch.paths, _SHOWN)}"]
    said += _sides(named)
    if not any(path.startswith(_RULES_FROM) for path in patch.paths):
        said.append(
            "no rule of KVM that is known here stands in these files, which does not show that it has no effect on"
            " saved VMs"
        )
    if patch.cut:
        said.append("the text ends within the patch: what comes behind that is not known")
    steps = [*_known(pasted, said), _BY_KERNELS, _BY_POLICY]
    return Explanation(
        recognised=True, headline=headline, registers=registers, conclusions=tuple(said), next_steps=tuple(steps)
    )


def beside_a_log(patch: Patch | None) -> str:
    """What is said of a text that holds messages of programs and a patch, or is a mail about one."""
    if patch is None:
        return "the text is a mail about a patch: the messages in it may be examples, and not of one run"
    return (
        f"a patch to {patch.words} stands in the text: what its changes hold is not taken for a message, and what it"
        " does is not said; messages outside of it may be examples in its description"
    )


def _named(patch: Patch) -> dict[str, set[bool]]:
    """Registers and fields that changed lines name (`ID_AA64ISAR3_EL1.LSUI`, `MIDR_EL1`) -> whether lines that are put
    in (True), or taken out (False), name them."""
    found: dict[str, set[bool]] = {}
    for change in patch.changes:
        for one in scan(change.text):
            name = catalog.by_id(one.id).name
            found.setdefault(f"{name}.{one.field.name}" if one.field else name, set()).add(change.added)
    return found


def _sides(named: Mapping[str, set[bool]]) -> list[str]:
    """What only the lines that are put in name, and what only those that are taken out: a line that moves is both."""
    told = (("put in", "taken out", {True}), ("taken out", "put in", {False}))
    return [
        f"lines {one} name, and lines {other} do not: {few_of(names, _SHOWN)}"
        for one, other, alone in told
        if (names := [name for name, sides in named.items() if sides == alone])
    ]


def _register(name: str) -> ExplainedRegister:
    register = catalog.find(name).register
    return ExplainedRegister(id=register.id, name=register.name, title=register.title, kind="envelope")


def _known(pasted: Pasted, said: list[str]) -> list[str]:
    """What is known of the commits that the text names, added to `said`; gives what to run."""
    commits = {found[1][:12].lower() for line in pasted.lines for found in _COMMIT.finditer(line)}
    titles = {found["title"].casefold() for line in pasted.lines if (found := _TITLE.match(line))}
    steps = []
    for commit, rule, reference in known_rules(commits):
        said.append(f"the text names commit {commit}, from which a rule is known here: {rule} ({reference})")
    for name, merged, before in known_patches(commits, titles):
        said.append(f"by its commit or title it is the patch {name}, or another version of it; Linux {merged} has it")
        steps.append(f"`vcpu-inspector review {before} {before}+{name}` says what that patch does to saved VMs")
    return steps
