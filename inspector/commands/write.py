"""Ask whether KVM of a kernel would accept register writes on the host that SOURCE describes, and why not.

Writes are made one after another on one simulated vCPU. Nothing is sent to any machine unless --for-real is given, and
then only to a scratch vCPU that is thrown away.
"""

from __future__ import annotations

import argparse
import re
import sys

from inspector import sources
from inspector.checks.machine.machine import ask, machine, own_question
from inspector.checks.writing.for_real import predict_writes
from inspector.commands.arguments import add_declared, add_host_inputs, add_kernel, add_setup, add_style, one_vcpu
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, RegisterError, one_line
from inspector.kvm.cores import hints
from inspector.kvm.vm import Vcpu
from inspector.kvm.words.explaining import explain_write
from inspector.registers import catalog
from inspector.registers.reading import parse_assignments, parse_value
from inspector.reports import exposure as report
from inspector.reports import for_real
from inspector.reports.json import dumps
from inspector.sources.live import forreal, is_live, open_live
from inspector.sources.live.source import LiveOptions


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
    present = vcpu.get_one_reg(found.register.id)[1] or 0
    return found.register.id, parse_assignments(found.register, present, f"{found.field.name}={value.strip()}")


def run(options: argparse.Namespace) -> int:
    """Print a verdict per write; 1 when any is refused."""
    if options.for_real:
        return write_for_real(options)
    dump = sources.load(options.source, options.declared)
    vcpu = one_vcpu(dump, options.vcpu) if options.vcpu is not None else None
    found = machine(dump, options.kernel, options.features, options.gic, options.host, vcpu, options.assume)
    vm = found.vm()
    if options.ran:
        vm.run(0)
    verdicts = []
    for text in options.writes:
        reg_id, value = parse_write(text, vm.vcpu(0))
        verdicts.append(explain_write(vm.vcpu(0), reg_id, value))
    if options.json:
        print(dumps({"kernel": found.policy.name, "writes": [report.verdict_json(verdict) for verdict in verdicts]}))
    else:
        print("\n\n".join("\n".join(report.verdict_lines(verdict)) for verdict in verdicts))
    talk = (*found.notes, *(() if options.assume else hints(found.host, (v.id for v in verdicts))))
    if talk:
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if any(verdict.errno for verdict in verdicts) else EXIT_YES


def write_for_real(options: argparse.Namespace) -> int:
    """`write live: --for-real`: predicted and actual answers side by side; 1 when they differ or any is refused.

    The prediction starts from the fresh vCPU's own values, read before the first write.
    """
    if not is_live(options.source):
        raise InspectorError("--for-real needs a live source", options.source, "live: or ssh://[user@]host[:port]")
    if options.ran:
        raise InspectorError("--ran has no meaning for a scratch vCPU", "--for-real", "leave one of them out")
    if not hasattr(open_live(options.source), "answer"):
        hint = "live: or ssh://[user@]host[:port]"
        raise InspectorError("has no scratch vCPU to write to", options.source, hint)
    live = LiveOptions(features=options.features or "qemu", gic=options.gic or "v3")
    dump = sources.load(options.source, options.declared)
    asked = ask(options.kernel, dump=dump) if options.kernel else own_question(dump)
    policy = asked.policy
    writes = [parse_write(text, predict_writes(dump, policy).vcpu(0)) for text in options.writes]
    fresh, actual = forreal.write_for_real(options.source, writes, live)
    vm = predict_writes(fresh, policy)
    pairs = [
        (explain_write(vm.vcpu(0), reg_id, value), done) for (reg_id, value), done in zip(writes, actual, strict=True)
    ]
    if options.json:
        print(dumps({"kernel": policy.name, "writes": [for_real.pair_json(*pair) for pair in pairs]}))
    else:
        print("\n\n".join("\n".join(for_real.pair_lines(*pair)) for pair in pairs))
    if asked.explanation:
        print(one_line(asked.explanation), file=sys.stderr)
    refused = any(done.errno for done in actual)
    return EXIT_NO if refused or not all(for_real.agree(*pair) for pair in pairs) else EXIT_YES
