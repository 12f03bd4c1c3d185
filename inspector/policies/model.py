"""What a kernel does to registers, as data: a policy is an ordered list of rules of a closed set of kinds.

A rule is one statement that a kernel engineer can check against the tree: which register, which field, what happens,
why, and where in the kernel that is written. Policies come from TOML (loader.py); the engine compiles them into
integers (rulebook.py) and never looks at the texts while it answers.

Registers are named as the kernel names them (`ID_AA64MMFR2_EL1`), fields as `REGISTER.FIELD`. A field that is not in
the register's feature table carries its place: `ID_AA64PFR1_EL1.NMI[39:36]`.

Annotations are what they say here, not texts: msgspec would compile each of the two hundred when the first policy is
read, which took longer than reading it.
"""

from typing import Literal, get_args

import msgspec

Evidence = Literal["recorded", "source", "user"]
"""recorded: checked against answers of that very release; source: read in code or patches; user: somebody's own
file."""

Condition = Literal[
    "sve", "ptrauth", "pmu", "mte", "el2", "e2h0", "imp-id", "psci", "vm-gic", "host-vgic3", "host-aarch32",
    "host-mte-async-unknown", "host-no-mte-async", "host-doublelock-none", "host-ras-v1p1", "host-vgic5-legacy",
    "vm-tcr2", "vm-s1pie", "vm-s1poe",
    "vm-fpmr", "vm-sctlr2", "vm-fgt", "vm-fgt2", "vm-nv2", "vm-nv3", "host-gic5", "host-poe",
    "host-cntvoff-broken",
]  # fmt: skip
"""What a rule may depend on: vCPU features and capabilities of the VM, facts of the host (`host-`), fields of the VM's
own ID registers (`vm-`). `unless` lists the conditions under which a rule does not apply, `when` those it needs."""

FIELD_CONDITIONS: tuple[Condition, ...] = (
    "vm-tcr2", "vm-s1pie", "vm-s1poe", "vm-fpmr", "vm-sctlr2", "vm-fgt", "vm-fgt2", "vm-nv2", "vm-nv3",
)  # fmt: skip
"""Conditions on fields of the VM's own ID registers. Only which registers there are depends on them; while the fields
themselves are worked out they have no value yet."""

CONDITION_WORDS: dict[str, str] = {
    "sve": "SVE", "ptrauth": "pointer authentication", "pmu": "a vPMU", "mte": "memory tagging enabled", "el2": "EL2",
    "e2h0": "HAS_EL2_E2H0", "imp-id": "writable implementation ids", "psci": "PSCI", "vm-gic": "a vGICv3",
    "host-vgic3": "a GICv3 host", "host-aarch32": "AArch32 on the host",
    "host-mte-async-unknown": "a host whose MTE_frac is 15",
    "host-no-mte-async": "a host that is known to have no asynchronous tag checks",
    "host-doublelock-none": "a host without double lock",
    "host-ras-v1p1": "RASv1p1 on the host", "host-vgic5-legacy": "a GICv5 host in legacy mode",
    "host-gic5": "a GICv5 host", "host-poe": "permission overlays built into the host's kernel",
    "vm-tcr2": "TCR2 in the VM", "vm-s1pie": "S1PIE in the VM", "vm-s1poe": "S1POE in the VM",
    "vm-fpmr": "FPMR in the VM", "host-cntvoff-broken": "a host whose CNTVOFF_EL2 is broken",
    "vm-sctlr2": "SCTLR2 in the VM", "vm-fgt": "fine-grained traps in the VM", "vm-fgt2": "FGT2 in the VM",
    "vm-nv2": "NV2 in the VM", "vm-nv3": "NV3 in the VM",
}  # fmt: skip
"""Each condition as a report words it, after "with" or "without"."""


class RuleBase(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"
):
    """What every rule carries besides its kind."""

    name: str = ""
    """unique in a policy; a later file replaces a rule by giving one of the same name"""
    reason: str = ""
    """one sentence, our own words"""
    reference: str = ""
    """kernel file and function, commit, release"""
    release: str = ""
    """the policy file that brought the rule; filled in by the loader"""
    since: str = ""
    """the first point of a stable series that has the rule, e.g. `6.6.67`; see dates.py"""
    after: str = ""
    """a point of the series that surely lacks it, where the first that has it is not known"""
    by: str = ""
    """a point of the series that surely has it"""
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()


class Know(RuleBase, frozen=True, kw_only=True, tag="know"):
    """Fields that the kernel's feature table knows: any other field of the register reads as zero.

    `fields`: `NAME[msb:lsb] SAFE` with SAFE one of `lower`, `higher`, `higher-or-zero`, `exact N`; then `signed` if
    the field is compared as a signed number; then `visible` if EL0 of the host may see it, else `hidden-as N` where
    EL0 reads N instead of 0. A field given again replaces its older entry. `build`: EL0 may see the fields where the
    kernel was built with this; `visible` then says how the recorded kernels were built.
    """

    register: str
    fields: tuple[str, ...]
    build: Literal["sme", "gcs"] | None = None


class Hide(RuleBase, frozen=True, kw_only=True, tag="hide"):
    """Fields that KVM shows as zero."""

    fields: tuple[str, ...]


class Cap(RuleBase, frozen=True, kw_only=True, tag="cap"):
    """Fields that KVM shows as `limit` where the host has more."""

    fields: tuple[str, ...]
    limit: int


class Force(RuleBase, frozen=True, kw_only=True, tag="force"):
    """Fields that KVM shows as `value` whatever the host has."""

    fields: tuple[str, ...]
    value: int


class Floor(RuleBase, frozen=True, kw_only=True, tag="floor"):
    """Fields that KVM shows as `least` where the host has less."""

    fields: tuple[str, ...]
    least: int


class Raz(RuleBase, frozen=True, kw_only=True, tag="raz"):
    """Registers that read as zero. `writes`: `zero` accepts only zero, `ignore` accepts and drops anything."""

    registers: tuple[str, ...]
    writes: Literal["zero", "ignore"] = "zero"


class Writable(RuleBase, frozen=True, kw_only=True, tag="writable"):
    """What userspace may change, added to or taken from what the rules before it say, as far as the table knows it.

    Each entry is a whole register (`ID_PFR0_EL1`), a field of the feature table (`ID_AA64PFR1_EL1.BT`), or bits by
    their place (`ID_AA64ISAR0_EL1.RES0[3:0]`) where the kernel's mask covers what the table does not know.
    KVM_ARM_GET_REG_WRITABLE_MASKS reports the same bits, uncut. A rule with conditions narrows what is judged, not
    what is reported.
    """

    fields: tuple[str, ...] = ()
    """what becomes writable"""
    fixed: tuple[str, ...] = ()
    """what is not writable, taken away after `fields` are added"""


class Reported(RuleBase, frozen=True, kw_only=True, tag="reported"):
    """What KVM_ARM_GET_REG_WRITABLE_MASKS reports besides the `writable` bits: registers with a rule of their own."""

    fields: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class Tolerate(RuleBase, frozen=True, kw_only=True, tag="tolerate"):
    """Fields whose written value is taken as zero when it equals the host's: accepted and ignored."""

    fields: tuple[str, ...]


class Keep(RuleBase, frozen=True, kw_only=True, tag="keep"):
    """Hidden fields that read back as the host's value once userspace has written it."""

    fields: tuple[str, ...]


class Refuse(RuleBase, frozen=True, kw_only=True, tag="refuse"):
    """Field values refused with EINVAL before anything else is looked at."""

    fields: tuple[str, ...]
    below: int = 0
    """refuse every (unsigned) value below this one"""
    values: tuple[int, ...] = ()
    """refuse these values"""
    only_limit_or: tuple[int, ...] | None = None
    """refuse every value but the one that KVM offers and these"""


class Replace(RuleBase, frozen=True, kw_only=True, tag="replace"):
    """A written field value that is taken as another one."""

    fields: tuple[str, ...]
    written: int
    taken: int


class List(RuleBase, frozen=True, kw_only=True, tag="list"):
    """Registers that KVM_GET_REG_LIST lists, `NAME=S3_0_C1_C0_0` (ranges: `S2_0_C0_C0-15_4`) or a core/SVE id."""

    registers: tuple[str, ...]
    place: Literal["sorted", "timers", "invariants"] = "sorted"
    """where in the kernel's list: with the others in table order, or in one of the two groups that older kernels put
    first"""


class Default(RuleBase, frozen=True, kw_only=True, tag="default"):
    """Reset values of listed registers that are not feature IDs; those without such a rule start at zero.

    `value`: a hexadecimal number, `poison` (KVM never initialises it) or `varies` (cannot be derived: a running
    counter).
    """

    registers: tuple[str, ...]
    value: str


class Has(RuleBase, frozen=True, kw_only=True, tag="has"):
    """Something that a kernel has, or does, at all: one word of BEHAVIOURS. A kernel without such a rule does not."""

    behaviour: str


KvmMode = Literal["default", "protected", "protected-untagged", "nested", "none"]
"""enum kvm_mode of arch/arm64/include/asm/kvm_host.h; none: KVM is switched off; protected-untagged: no guest has
memory tags then."""
PROTECTED: frozenset[KvmMode] = frozenset(("protected", "protected-untagged"))


class Boot(RuleBase, frozen=True, kw_only=True, tag="boot"):
    """A word of the host's command line and what it does before KVM looks at the host.

    `fields`: `REGISTER.FIELD=VALUE`, where the value is safe for the field; `?` for one that is not known. `off`: the
    mitigations that it switches off. `mode`: of KVM; the last word that names one counts.
    """

    option: str
    fields: tuple[str, ...] = ()
    off: tuple[Literal["bhb", "spectre-v2", "ssb"], ...] = ()
    mode: KvmMode | None = None


class Overridable(RuleBase, frozen=True, kw_only=True, tag="overridable"):
    """Fields that `id_aa64....field=N` on the host's command line may set.

    `numbers`: what N may be, from this rule on: anything that kstrtou64() takes, cut to the field, or one hexadecimal
    digit.
    """

    fields: tuple[str, ...]
    numbers: Literal["whole", "digit"] | None = None


class Special(RuleBase, frozen=True, kw_only=True, tag="special"):
    """A behaviour that data cannot say: a named engine function, in one of its variants."""

    function: str
    variant: str


Rule = (
    Know | Hide | Cap | Force | Floor | Raz | Writable | Reported | Tolerate | Keep | Refuse | Replace | List |
    Default | Boot | Overridable | Has | Special
)  # fmt: skip
"""The closed set of rule kinds; the TOML key `kind` says which."""

KINDS: tuple[type[RuleBase], ...] = (
    Know, Hide, Cap, Force, Floor, Raz, Writable, Reported, Tolerate, Keep, Refuse, Replace, List, Default,
    Boot, Overridable, Has, Special,
)  # fmt: skip

Behaviour = Literal[
    "mte", "el2", "writable-masks", "pmu-needs-gic", "width-of-initialised-only", "feature-ids-kept",
    "first-run-dependencies", "ssbs-erratum", "nested-granules", "psci-1.0", "psci-1.1", "psci-1.3",
    "hypercall-bitmaps", "hypercall-bitmaps-2", "clidr-reset-by-cpu-on", "clidr-tag-types",
    "pmu-strict", "event-counter-reads", "timer-controls-stored",
    "aarch32-narrows-all",
]  # fmt: skip

BEHAVIOURS: dict[Behaviour, str] = {
    "mte": "memory tagging",
    "el2": "EL2",
    "writable-masks": "KVM_ARM_GET_REG_WRITABLE_MASKS",
    "pmu-needs-gic": "KVM_RUN",
    "width-of-initialised-only": "KVM_ARM_VCPU_INIT",
    "feature-ids-kept": "KVM_ARM_VCPU_INIT",
    "first-run-dependencies": "ID_AA64MMFR3_EL1",
    "ssbs-erratum": "ID_AA64PFR1_EL1 at EL0 of the host",
    "nested-granules": "ID_AA64MMFR0_EL1 of a vCPU with EL2",
    "psci-1.0": "PSCI_VERSION",
    "psci-1.1": "PSCI_VERSION",
    "psci-1.3": "PSCI_VERSION",
    "hypercall-bitmaps": "hypercall bitmaps",
    "hypercall-bitmaps-2": "hypercall bitmaps",
    "clidr-reset-by-cpu-on": "CLIDR_EL1",
    "clidr-tag-types": "CLIDR_EL1",
    "pmu-strict": "KVM_ARM_VCPU_INIT",
    "event-counter-reads": "PMEVCNTR0-30_EL0",
    "timer-controls-stored": "CNTV_CTL_EL0, CNTP_CTL_EL0",
    "aarch32-narrows-all": "X15-30",
}
"""What a `has` rule may name, and what a report puts it under."""

HOST_ONLY: frozenset[Behaviour] = frozenset(("ssbs-erratum",))
"""Behaviours of BEHAVIOURS that programs of the host see, and no guest."""

IdRegisters = Literal["compare", "stored"]
CacheRegisters = Literal["raw", "fabricated"]
Ctr = Literal["invariant", "stored"]
ImplementationIds = Literal["invariant", "writable"]
SpeculationFields = Literal["csv2", "csv2-csv3", "raised"]
PmuVersion = Literal["v8.1-always", "v8.4", "v8.5-mirrored", "v8.5", "v8.5-or-emulated"]
MitigationLevels = Literal[
    "no-bhb", "unknown-bhb-safe", "unknown-bhb-safe-by-bc", "unknown-bhb-affected", "vm-ssbs-unknown-bhb-safe",
    "vm-ssbs",
]  # fmt: skip
GicFields = Literal["host", "forced", "cleared-without-vgic3", "cleared-without-irqchip", "assigned-at-first-run"]
Pmcr = Literal["reset-pattern", "reset-pattern-cleared", "number-only", "counters"]
GuestCaches = Literal["hardware", "trapped", "trapped-unless-evt"]
PmuPairs = Literal["plain", "set-and-clear", "masked"]
PmuReset = Literal["poison", "masked", "masked-by-version"]


class EngineFunction(msgspec.Struct, frozen=True):
    """What a `special` rule may name."""

    variants: tuple[str, ...]
    """the first is that of a kernel without such a rule"""
    subject: str
    """the registers that it is about, as a list of changes names them"""
    fields: str = ""
    """the fields of these, where it is not about whole registers"""


SPECIALS: dict[str, EngineFunction] = {
    "id-registers": EngineFunction(get_args(IdRegisters), "ID registers"),
    "cache-registers": EngineFunction(get_args(CacheRegisters), "CLIDR_EL1, CCSIDR_EL1"),
    "ctr": EngineFunction(get_args(Ctr), "CTR_EL0"),
    "implementation-ids": EngineFunction(get_args(ImplementationIds), "MIDR_EL1, REVIDR_EL1, AIDR_EL1"),
    "speculation-fields": EngineFunction(get_args(SpeculationFields), "ID_AA64PFR0_EL1", "CSV2, CSV3"),
    "pmu-version": EngineFunction(get_args(PmuVersion), "ID_AA64DFR0_EL1, ID_DFR0_EL1", "PMUVer, PerfMon"),
    "mitigation-levels": EngineFunction(get_args(MitigationLevels), "SMCCC_ARCH_WORKAROUND_1..3"),
    "gic-fields": EngineFunction(get_args(GicFields), "ID_AA64PFR0_EL1, ID_PFR1_EL1", "GIC"),
    "pmcr": EngineFunction(get_args(Pmcr), "PMCR_EL0"),
    "guest-caches": EngineFunction(get_args(GuestCaches), "CTR_EL0, CLIDR_EL1, CCSIDR_EL1 in the guest"),
    "pmu-pairs": EngineFunction(get_args(PmuPairs), "PMCNTEN, PMINTEN, PMOVS"),
    "pmu-reset": EngineFunction(get_args(PmuReset), "PMU registers"),
}
"""Engine functions: at most a dozen, since each is code.

TOML cannot say them, because: id-registers, ctr, implementation-ids and cache-registers choose who judges a write and
where the value is kept; speculation-fields and mitigation-levels follow from what the kernel concluded about the CPU;
pmu-version and pmu-reset follow from the PMU's version and number of counters together; gic-fields depend on when a
vGIC is created; pmcr, pmu-pairs and guest-caches are the behaviour of a register over time.
"""


class PolicyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One TOML file as written."""

    title: str = ""
    series: str = ""
    """of a patch: the series that it belongs to, by its title"""
    label: str = ""
    """of a patch: which part or form of that series it is, in few words"""
    merged: str = ""
    """of a patch: the release that has it, `6.3`; empty where none has it in this form"""
    commit: str = ""
    """of a merged patch: the commit"""
    extends: str = ""
    evidence: Evidence = "user"
    recorded: tuple[str, ...] = ()
    """exact releases whose recordings agree with this policy"""
    recordings: tuple[str, ...] = ()
    """SHA-256 of the unpacked content of each recording that agrees with it, of these releases or near ones"""
    remove: tuple[str, ...] = ()
    """names of inherited rules that this release dropped"""
    notes: tuple[str, ...] = ()
    rule: tuple[Rule, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel's rules, resolved: base releases first, patches last."""

    name: str
    """what was asked for: `6.12`, `6.12.74`, `6.2+mask-ccidx`, the stem of a user's file"""
    point: str
    """the release whose file was used, e.g. `6.12.107` for `6.12`, or `ubuntu-6.8.0-151`"""
    title: str
    evidence: Evidence
    recorded: tuple[str, ...] = ()
    version: tuple[int, int, int] = (0, 0, 0)
    patches: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    chain: tuple[str, ...] = ()
    """policy files that were read, oldest first"""
    notes: tuple[str, ...] = ()
    possible: bool = False
    """with everything that may have come by that point, where the date of something is not known exactly"""
    stands_for: str = ""
    """the release without policy for which this one is asked, `7.5.1`: nothing that it answers is certain"""
    page_size: int | None = None
    """of the kernel that was named, in bytes; None where its name does not tell"""

    @property
    def does(self) -> tuple[tuple[Rule, ...], str, int | None]:
        """All that the engine looks at: policies that are the same in it answer alike, whatever their names."""
        return self.rules, self.stands_for, self.page_size

    @property
    def label(self) -> str:
        """The name, apart from that of the same point without what may have come by then."""
        return f"{self.name} with what may have come by then" if self.possible else self.name

    def rule(self, name: str) -> Rule:
        """The rule of that name; KeyError when the policy has none."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)


def conditions_of(rule: Rule) -> str:
    """When a rule applies, in words: `with SVE, without a vPMU`; empty for always."""
    words = [f"with {CONDITION_WORDS[w]}" for w in rule.when] + [f"without {CONDITION_WORDS[w]}" for w in rule.unless]
    return ", ".join(words)


def kind_of(rule: Rule) -> str:
    """The TOML word for a rule's kind."""
    return str(type(rule).__struct_config__.tag)


def usual_reason(rule: Rule) -> str:
    """The reason of a rule that states none: what its kind says by itself; empty where that says nothing."""
    if isinstance(rule, Know):
        return f"The fields of {rule.register} that the feature table knows; all others read as zero."
    return ""
