"""`migrate` of many saved VMs: which of them load there."""

from __future__ import annotations

from inspector.checks.fleet.loading import Toward, loading_of
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked
from tests.commands.running import assert_one_line_error, run

SAVED = ("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12", "builtin:neoverse-n2-linux-5.10")
THERE = "builtin:neoverse-n2-linux-6.12"


def test_each_gets_the_answer_that_it_gets_alone() -> None:
    many = run("migrate", *SAVED, THERE, "--json").json
    assert many["vms"] == 3
    told = {source: one for one in many["outcomes"] for source in one["sources"]}
    for source in SAVED:
        alone = run("migrate", source, THERE, "--json").json
        assert told[source]["verdict"] == alone["verdict"]
        stopped = {f["name"] for vcpu in alone["vcpus"] for f in vcpu["findings"] if f["kind"] == "refused"}
        assert stopped <= set(told[source]["fatal"])


def test_text_and_exit_code() -> None:
    done = run("migrate", *SAVED, THERE)
    assert done.code == 1 and done.out.startswith(f"Of 3 saved VMs, on {THERE}: 1 loads, 2 fail, 0 are uncertain.")
    assert "stopped by: " in done.out and "ID_AA64MMFR2_EL1" in done.out
    assert run("migrate", THERE, THERE, THERE).code == 0
    assert "| loads | 2 |" in run("migrate", THERE, THERE, THERE, "--markdown").out


def test_what_goes_with_one_only() -> None:
    for words in (("all-kernels",), (THERE, "--why"), (THERE, "--all")):
        assert_one_line_error(run("migrate", *SAVED, *words))


def test_processes_give_what_one_gives() -> None:
    asked = Asked(question="migrate", toward=Toward(destination=THERE))
    paths = [SAVED[1]] * 4
    one, many = (read_paths(paths, asked, jobs, chunk=2) for jobs in (1, 2))
    assert one == many and loading_of(one, THERE).exit_code == 0
