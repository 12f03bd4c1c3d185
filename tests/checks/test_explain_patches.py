"""Kernel patches given to `explain`: what they name, nothing about what they do, and how that is found out."""

from __future__ import annotations

from inspector.checks.explain.explain import explain
from tests.sources.material import SHOWN

FOREIGN_PATCH = """\
diff --git a/drivers/net/veth.c b/drivers/net/veth.c
--- a/drivers/net/veth.c
+++ b/drivers/net/veth.c
@@ -10,2 +10,3 @@ static int veth_open(struct net_device *dev)
 \tint err;
+\tpr_err("failed to set register");
 \treturn 0;
"""
SELFTEST = """\
Subject: [PATCH 4/9] KVM: selftests: One more case

diff --git a/tools/testing/selftests/kvm/arm64/case.c b/tools/testing/selftests/kvm/arm64/case.c
--- a/tools/testing/selftests/kvm/arm64/case.c
+++ b/tools/testing/selftests/kvm/arm64/case.c
@@ -1,1 +1,4 @@
 \tint fd;
+\t/* kvmtool says: KVM_ARM_VCPU_INIT failed: Invalid argument */
+\t/* error while loading state for instance 0x0 of device 'cpu' */
+\t/* qemu-system-x86_64: the same */
"""


def test_a_patch_is_no_failure_and_its_effect_is_not_claimed() -> None:
    answer = explain(SHOWN)
    assert answer.recognised
    assert not answer.fails
    assert "a patch to arch/arm64/kvm/sys_regs.c, and no error text: its effect is not read from it" in answer.headline
    said = "; ".join(answer.conclusions)
    assert "5 lines put in or taken out" in said
    assert "lines put in name, and lines taken out do not: ID_AA64ISAR3_EL1.LSUI" in said
    assert any("review lab:BEFORE lab:AFTER" in step for step in answer.next_steps)


def test_registers_of_the_context_are_not_named() -> None:
    assert [register.name for register in explain(SHOWN).registers] == ["ID_AA64ISAR3_EL1", "SCTLR_EL1"]


def test_a_patch_that_is_taken_back_says_what_goes() -> None:
    lines = SHOWN.splitlines()
    back = "\n".join({"+": "-", "-": "+"}[x[0]] + x[1:] if x[:2] in ("+\t", "-\t") else x for x in lines)
    back = back.replace("+3249,3", "+3249,2").replace("-3249,2", "-3249,3")
    said = "; ".join(explain(back).conclusions)
    assert "lines taken out name, and lines put in do not: ID_AA64ISAR3_EL1.LSUI" in said


def test_what_a_patch_prints_is_no_message() -> None:
    answer = explain(SELFTEST)
    assert answer.headline.startswith("a patch to tools/testing/selftests/kvm/arm64/case.c")
    assert not answer.messages
    assert "which does not show that it has no effect" in "; ".join(answer.conclusions)


def test_a_patch_to_something_else_is_said_to_be_that() -> None:
    answer = explain(FOREIGN_PATCH)
    assert answer.headline.startswith("a patch to drivers/net/veth.c, and no error text")
    assert not answer.registers


def test_messages_beside_a_patch_are_explained_and_the_patch_is_named() -> None:
    log = "qemu-system-aarch64: Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 100 (is 0)\n"
    answer = explain(f"{SHOWN}\n{log}")
    assert [register.name for register in answer.registers][:1] == ["ID_AA64MMFR2_EL1"]
    assert answer.conclusions[0].startswith("a patch to arch/arm64/kvm/sys_regs.c stands in the text")


def test_a_commit_from_which_a_rule_is_known_is_named() -> None:
    posted = SHOWN.replace("From 1234567890abcdef1234567890abcdef12345678", "From bf48040cd9b0" + 28 * "0")
    answer = explain(posted)
    said = "; ".join(answer.conclusions)
    assert "the text names commit bf48040cd9b0, from which a rule is known here: mask CCIDX" in said
    assert "`vcpu-inspector review 6.2 6.2+mask-ccidx`" in answer.next_steps[0]


def test_the_patch_of_the_demo_is_known_by_its_title() -> None:
    answer = explain(SHOWN.replace("Show one more field", "Mask FEAT_CCIDX"))
    assert "by its commit or title it is the patch mask-ccidx, or another version of it; Linux 6.3 has it" in "; ".join(
        answer.conclusions
    )


def test_a_mail_about_a_patch_is_no_failure() -> None:
    answer = explain("Subject: Re: [PATCH v3 0/4] KVM: arm64: Cleanups\n\n> this fails on x86_64 hosts\n\nIt cannot.\n")
    assert not answer.recognised
    assert answer.headline.startswith("a mail about a patch")
