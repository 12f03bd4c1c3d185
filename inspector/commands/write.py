"""Ask whether KVM of a kernel would accept register writes on the host that SOURCE describes, and why not.

Writes are made one after another on one simulated vCPU. Nothing is sent to any machine unless --for-real is given, and
then only to a scratch vCPU that is thrown away.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_setup,
    add_style,
    chosen_setup,
    one_vcpu,
)
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, RegisterError, one_line

if TYPE_CHECKING:
    from inspector.kvm.vm import Vcpu


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    parser.add_argument("writes", metavar="REG=VALUE", nargs="+", help="REG=VALUE, or REG.FIELD=VALUE for one field")
    add_kernel(parser)
    add_setup(parser)
    add_host_inputs(parser)
    parser.add_argument("--vcpu", metavar="N", help="the vCPU that tells features and host (index or name)")
    parser.add_argument("--ran", action="store_true", help="the VM has already run")
    parser.add_argument("--for-real", action="store_true", help="also write to a scratch vCPU of a live source")
    add_style(parser, markdown=False)


def parse_write(text: str, vcpu: Vcpu) -> tuple[int, int]:
    """`REG=VALUE` or `REG.FIELD=VALUE` as (register id, whole value); a field is set in the register's present value.

    Raises RegisterError for a word that is no write, a register that is not known, or a value that does not fit.
    """
    from inspector.registers import catalog
    from inspector.registers.reading import parse_assignments, parse_value

    name, equals, value = text.rpartition("=")
    if not equals or not name.strip() or not value.strip():
        raise RegisterError("is no write", text, "give REG=VALUE or REG.FIELD=VALUE")
    if re.fullmatch(r"0x[0-9a-f]{16}", name.strip().lower()):
        # Any id may be asked about: KVM has an answer to those that name nothing, too.
        register = catalog.by_id(int(name, 16))
        return register.id, parse_value(register, value.strip())
    found = catalog.find(name.strip())
    if found.field is None:
        return found.register.id, parse_value(found.register, value.strip())
    present = vcpu.get(found.register.id)[1] or 0
    return found.register.id, parse_assignments(found.register, present, f"{found.field.name}={value.strip()}")


def run(options: argparse.Namespace) -> int:
    """Print a verdict per write; 1 when any is refused."""
    from inspector import sources
    from inspector.checks.machine.known_host import known_host
    from inspector.kvm.host_inputs import with_inputs
    from inspector.kvm.vm import Vm
    from inspector.policies.release import choose
    from inspector.reports import exposure as report
    from inspector.reports.json import dumps

    if options.for_real:
        from inspector.commands.live import write_for_real

        return write_for_real(options)
    dump = sources.load(options.source, options.declared)
    kernel = options.kernel or dump.provenance.kernel
    if not kernel:
        raise InspectorError("does not say its kernel", options.source, "name it with --kernel")
    choice = choose(kernel, "" if options.kernel else dump.provenance.kernel_version, said_by_file=not options.kernel)
    policy = choice.policy
    known = known_host(dump, one_vcpu(dump, options.vcpu) if options.vcpu is not None else None)
    vm = Vm(with_inputs(known.host, options.host), policy, chosen_setup(options, known.setup))
    if vm.init_errno:
        import errno

        name = errno.errorcode.get(vm.init_errno, str(vm.init_errno))
        raise InspectorError(
            f"KVM of Linux {policy.name} refuses to create such a vCPU here ({name})",
            f"features {vm.setup.describe()}",
            "choose others with --features",
        )
    if options.ran:
        vm.run(0)
    verdicts = []
    for text in options.writes:
        reg_id, value = parse_write(text, vm.vcpu(0))
        verdicts.append(vm.vcpu(0).set(reg_id, value))
    if options.json:
        print(dumps({"kernel": policy.name, "writes": [report.verdict_json(verdict) for verdict in verdicts]}))
    else:
        print("\n\n".join("\n".join(report.verdict_lines(verdict)) for verdict in verdicts))
    talk = dict.fromkeys(text for text in (choice.text, *known.notes) if text)
    if talk:
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if any(verdict.errno for verdict in verdicts) else EXIT_YES
