"""A log is explained the same in whatever it travels: each wrapping is made by what others make it with."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from inspector.checks.explain import mails
from inspector.checks.explain.explain import explain
from inspector.checks.explain.wrappings import unwrapped

REFUSED = (
    "qemu-system-aarch64: Could not set register system register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011"
    " (is 1221011112001011)\n"
    "qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'\n"
    "qemu-system-aarch64: Failed to put registers after init: Invalid argument\n"
)
LENGTHS = (
    "qemu-kvm: Invalid value 269 expecting positive value <= 248\n"
    "qemu-kvm: Failed to load cpu:cpreg_vmstate_array_len\n"
)
NO_BLOCK = (
    'qemu-system-aarch64: Unknown ramblock "0000:00:02.0/vga.vram", cannot accept migration\n'
    "qemu-system-aarch64: error while loading state for instance 0x0 of device 'ram'\n"
)
NAMED_LAST = "can't migrate VM which uses local devices: hostpci0, usb0\n"
CHANNEL = "error: operation failed: job 'migration out' failed: Channel error\n"
TEXTS = (REFUSED, LENGTHS, NO_BLOCK, NAMED_LAST, CHANNEL)

MAIL = "From: a@b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "


def _lines(make: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "\n".join(make(line) for line in text.splitlines())


def _csv(rows: list[list[str]]) -> str:
    made = io.StringIO()
    csv.writer(made).writerows(rows)
    return made.getvalue()


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "docker": _lines(lambda line: json.dumps({"log": f"{line}\n", "stream": "stderr"})),
    "cluster in an export": lambda text: _csv(
        [["@timestamp", "@message"], ["2026-11-26", json.dumps({"log": json.dumps({"msg": text}), "stream": "e"})]]
    ),
    "cut record": lambda text: json.dumps({"log": text, "pid": 12})[9:],
    "journald's bytes": _lines(lambda line: json.dumps({"MESSAGE": list(f"\x1b[31m{line}\x1b[0m".encode()), "P": "1"})),
    "logfmt": _lines(lambda line: f"level=error msg={json.dumps(line)} pid=12"),
    "Loki": lambda text: json.dumps([["1764158407", line] for line in text.splitlines()], indent=2),
    "CSV": lambda text: _csv([["time", "line"], *(["12:00", line] for line in text.splitlines())]),
    "CSV, newest first": lambda text: _csv(
        [[f"2026-11-26 12:00:0{9 - at}", line] for at, line in enumerate(reversed([*text.splitlines(), "a", "b"]))]
    ),
    "YAML": lambda text: "".join(f"message: '{line.replace(chr(39), chr(39) * 2)}'\n" for line in text.splitlines()),
    "mail, quoted-printable": lambda text: f"{MAIL}quoted-printable\n\n{quopri.encodestring(text.encode()).decode()}",
    "mail, base64": lambda text: f"{MAIL}base64\n\n{base64.encodebytes(text.encode()).decode()}\n--b--\n",
    "body": lambda text: quopri.encodestring(f"Grüße, <= ¼:\n{text}".encode()).decode(),
    "blanks of a mail": lambda text: text.replace("=", "=3D").replace(" ", "=20"),
    "address": lambda text: f"https://ci.example.org/console?q={quote(text, safe='')}&page=2",
    "address, twice": lambda text: f"https://ci.example.org/console?q={quote(quote(text, safe=''))}",
    "percent signs": quote,
    "form": quote_plus,
    "printed letters": lambda text: text.replace("'", "\\u0027").replace("<", "\\u003C").replace(":", "\\u003a"),
    "print0": lambda text: "".join(f"{line}\0" for line in text.splitlines()),
    "HTML": lambda text: f"<p>{'<br/>'.join(html.escape(html.escape(line)) for line in text.splitlines())}</p>",
    "spans": _lines(lambda line: f'<span class="l">{html.escape(line).replace("_", "_<wbr>")}</span>'),
    "Markdown": _lines(lambda line: "- " + line.replace("_", "\\_").replace("<", "\\<")),
    "code": _lines(lambda line: f"- `{line}`"),
    "table": _lines(lambda line: f"| {line} |"),
    "numbered": lambda text: "\n".join(f"{at + 101:6}  {line}" for at, line in enumerate(text.splitlines())),
    "pieces": _lines(
        lambda line: f"2026-11-26T12:00:07Z stderr P {line[:40]}\n2026-11-26T12:00:07Z stderr F {line[40:]}"
    ),
    "frame": _lines(lambda line: "\n".join(f"│{line[at : at + 60]:<60}│" for at in range(0, len(line), 60))),
    "placed": lambda text: "".join(f"\x1b[{at + 1};1H{line}" for at, line in enumerate(text.splitlines())),
    "columns": lambda text: text.replace(" ", "\x1b[C"),
    "struck twice": lambda text: "".join(f"{c}\b{c}" if c.isalnum() else c for c in text),
    "full width": lambda text: text.replace(":", "：").replace("(", "（").replace(" ", "\u3000"),
    "right to left": _lines(lambda line: f"\u202b{line}\u202c"),
    "Kubernetes": _lines(lambda line: f"E1126 12:00:07.123456    1234 migration.go:123] {line}"),
    "Android": _lines(lambda line: f"11-26 12:00:07.123  1234  1240 E qemu    : {line}"),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_what_a_log_travels_in_does_not_matter(wrapping: str, text: str) -> None:
    plain, wrapped = explain(text), explain(WRAPPINGS[wrapping](text))
    assert wrapped.headline == plain.headline
    assert wrapped.registers == plain.registers
    assert wrapped.counts == plain.counts


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "QEMU: the 'host' CPU type can only be used with KVM or HVF",
        "Failed to restore the state of the vcpu: Failed to set multiprocessor state: Invalid argument (os error 22)",
        "Failed to set CLIDR_EL1 to 0xc3000123 on vCPU 0, skipping override: Invalid argument (os error 22)",
    ],
)
def test_capitals_do_not_matter(text: str) -> None:
    plain, shouted = explain(text), explain(text.upper())
    assert shouted.headline.casefold() == plain.headline.casefold()
    assert [(r.id, r.kind, r.error) for r in shouted.registers] == [(r.id, r.kind, r.error) for r in plain.registers]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 45 + " Invalid value 269 expecting <=\n248",
        "-netdev tap,mtu=20\nvcpus=40 mem=30",
        'Unknown ramblock "0000:00:02.0/vga.vram", cannot accept migration, as the destination has none of that name',
        "?a=1&register=0x603000000013c020&copy=5",
        "Option<a> is < 3 and > 4",
        "1221011112001011 (is 1\n1221011112101011 (is 2",
        "2026-11-26 12:00:08 destination failed\n2026-11-26 12:00:07 source failed",
        "kvm: '' is no name, '' neither",
        'printf("%-20s %20s %08x%20d", name, text, value, number); // 100%',
        "a=20,b=20 c=3D;d=20",
        "C++ %50 a+b+c%d 5%20",
        "/srv/a%20b/disk.img",
    ],
)
def test_a_text_without_a_wrapping_stays_as_it_is(text: str) -> None:
    assert unwrapped(text) == text


def test_headers_without_a_body_are_looked_behind_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each looked for its body to the end of the text, which took quadratic time."""
    looked: list[int] = []

    class Body:
        def search(self, text: str, at: int) -> None:
            looked.append(at)

    monkeypatch.setattr(mails, "_BODY", Body())
    unwrapped("content-transfer-encoding: base64\n" * 9)
    assert len(looked) == 1


def test_a_register_and_its_error_stay_together_in_a_record() -> None:
    record = {"msg": "the vCPU's state was not restored: failed to set register", "reg": "0x603000000013c020"}
    answer = explain(json.dumps({**record, "error": "Invalid argument (os error 22)"}))
    assert [(r.name, r.kind, r.error) for r in answer.registers] == [("ID_AA64PFR0_EL1", "refused", "EINVAL")]


def test_an_errno_that_a_mail_program_broke_is_whole() -> None:
    assert "(Permission denied)" in explain("Could not access KVM kernel module: Permission\ndenied").headline


def test_an_encoding_that_is_broken_over_two_lines_names_its_register() -> None:
    (register,) = explain("unhandled op0=3, op1=0, crn=0, crm=6,\nop2=2").registers
    assert register.name == "ID_AA64ISAR2_EL1"


def test_zero_at_the_end_of_a_line_is_a_number_of_its_own() -> None:
    answer = explain("qemu-kvm: Unknown savevm section or instance 'pl061' 0\n12 lines follow")
    assert "pl061 (instance 0)," in answer.headline


def test_a_word_at_the_end_of_a_line_is_no_number_that_goes_on() -> None:
    line = "error: operation failed: Host CPU model does not match required CPU vendor ARM or(and) model Neoverse-N1"
    assert "ARM Neoverse-N1 is asked for" in explain(f"{line}\nbeef").headline


@pytest.mark.parametrize(
    "text",
    [
        "Fehler: Vorgang gescheitert: Job 'Migration aus' gescheitert: Kanalfehler",
        "erreur : opération échouée",
        "错误：操作失败: 迁移失败",
        "ошибка: не удалось восстановить домен",
        "Die Domain kann auf diesem Host nicht gestartet werden",
        "het domein is niet gestart",
    ],
)
def test_a_failure_in_another_language_is_one(text: str) -> None:
    answer = explain(text)
    assert "uncertain: no line of this text is known here" in answer.headline
    assert "LC_ALL=C" in answer.bring[0]


@pytest.mark.parametrize("text", ["the domain started", "5 µm → 3 ✓ “done” …"])
def test_a_text_in_english_is_none_in_another_language(text: str) -> None:
    assert "nothing here looks like an error" in explain(text).headline


def test_links_of_a_page_are_taken_off_and_types_of_a_program_stay() -> None:
    page = 'see <a href="https://example.org/1">qemu-system-aarch64: <b>Failed</b></a> of Vec<i>'
    assert unwrapped(page) == "see qemu-system-aarch64: Failed of Vec<i>"
