"""Message families: one entry both prints a line as a program does and recognises it in a log.

A `template` is the line as printed, with tokens such as {reg} for what varies. `patterns` are further forms, as regular
expressions with the same tokens: other versions' wording, other decorations. White space in both does not matter,
because they are searched in text without any.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import msgspec

Kind = Literal[
    "refused",
    "only_in_source",
    "missing_in_source",
    "lengths",
    "load_failed",
    "put_failed",
    "create_failed",
    "boot_failed",
    "variation",
    "unhandled",
    "test",
    "unreadable",
    "format",
    "envelope",
    "noise",
]
"""refused: a register write failed. only_in_source, missing_in_source: the register lists differ. lengths: the
source lists more registers. load_failed, put_failed, boot_failed: a register was refused but is not named.
create_failed: no vCPU was made, and no register written.
variation: two CPUs disagree. unhandled: KVM has no handler for a register that a guest accessed. test: named by a
test program. unreadable: a register could not be read. format: the file's format version is not the program's.
envelope: wraps another message. noise: harmless."""

_REG = (
    r"(?:(?:systemregister)?op0:(?P<op0>\d{1,2})op1:(?P<op1>\d{1,2})crn:(?P<crn>\d{1,2})crm:(?P<crm>\d{1,2})op2:(?P<op2>\d)"
    r"|systemregister0x(?P<packed>[13]013[0-9a-f]{4}|(?:200)?[ef][0-9a-f]{4})"
    r"|demuxedreg(?:0x)?(?P<demux>[0-9a-f]{16})"
    r"|corereg(?:0x)?(?P<core>[0-9a-f]{16})"
    r"|fwfeatreg(?P<bitmap>\d{1,6})"
    r"|fwreg(?P<fw>\d{1,6})"
    r"|SVE(?P<vls>VLS)"
    r"|SVEzregn:(?P<zreg>\d{1,6})slice:(?P<zslice>\d{1,6})"
    r"|SVEpregn:(?P<preg>\d{1,6})slice:(?P<pslice>\d{1,6})"
    r"|SVEffrslice:(?P<fslice>\d{1,6})"
    r"|(?:register)?(?:0x)?(?P<raw>[0-9a-f]{16})(?![0-9a-f]))"
)
_ERR = (
    r"(?P<err>Invalidargument|Operationnotpermitted|Deviceorresourcebusy|Nosuchfileordirectory|Execformaterror"
    r"|Badaddress|Input/outputerror|Argumentlisttoolong|Permissiondenied|Unknownerror\d+|E[A-Z]{3,9})"
    r"(?:\(oserror(?P<oserror>\d{1,6})\))?"
)
_TOKENS = {
    "reg": _REG,
    "err": _ERR,
    "errno": r"(?P<errno>\d{1,6})",
    "decimal": r"(?P<id>\d{19,20})",
    "id": r"(?P<id>\d{19,20}|0x[0-9a-f]{16})",
    "wanted": r"(?P<wanted>(?:0x)?[0-9a-f]{1,512})",
    "actual": r"(?P<actual>(?:0x)?[0-9a-f]{1,512})",
    "n": r"(?P<n>\d{1,6})",
    "m": r"(?P<m>\d{1,6})",
    "cpu": r"(?P<cpu>\d{1,6})",
    "hex": r"(?P<hex>0x[0-9a-f]{1,512})",
    "name": r"(?P<name>[A-Za-z]\w*?)",
    "called": r"(?P<called>[a-z][a-z0-9_.]{0,29}(?:\[\w{1,3}\])?)",
    "part": r"(?P<part>[XV]\d{1,2}|SPregister|PCregister|PStateregister|cacheinfo|hypervisorspecificdata)",
    "any": r".{0,80}?",
    "crosvm": (
        r"AArch64SysRegId(?:\{Op0:(?:Op0\()?(?P<op0>\d{1,2})\)?,Op1:(?:Op1\()?(?P<op1>\d{1,2})\)?,CRn:(?:CRn\()?(?P<crn>\d{1,2})\)?"
        r",CRm:(?:CRm\()?(?P<crm>\d{1,2})\)?,Op2:(?:Op2\()?(?P<op2>\d{1,2})\)?\}|\((?P<index>\d{1,6})\))"
    ),
}
OPEN_ENDED = frozenset(("n", "m", "wanted", "actual", "hex", "id", "bitmap", "fw", "errno", "oserror", "cpu"))
"""Groups that nothing but white space may end."""

_TOKEN = r"\{([a-z]+)\}"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message family."""

    key: str
    vmm: str
    """program that prints it: a VMM's family, or `guest`, `host`, `bsa`"""
    kind: Kind
    meaning: str
    """one sentence in plain words"""
    template: str = ""
    """the line as the program prints it; empty where only patterns recognise it"""
    patterns: tuple[str, ...] = ()
    versions: str = "all"
    """which versions print it in this form"""
    fatal: bool = True
    """False for a warning that stops nothing"""

    def printed(self, **tokens: str) -> str:
        """The line with its tokens filled in. Raises KeyError when a token of the template is not given."""
        return re.sub(_TOKEN, lambda found: tokens[found[1]], self.template)


def compiled(message: Message) -> tuple[re.Pattern[str], ...]:
    """The message's forms as patterns for text without white space, the template's own first."""
    return _compiled(message.template, message.patterns)


@cache
def _compiled(template: str, patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    forms = [_literal(template)] if template else []
    forms += [re.sub(_TOKEN, lambda found: _TOKENS[found[1]], pattern.replace(" ", "")) for pattern in patterns]
    return tuple(re.compile(form, re.IGNORECASE) for form in forms)


def _literal(template: str) -> str:
    """The template's own words taken literally, its tokens as patterns."""
    parts = re.split(_TOKEN, template.replace(" ", ""))
    return "".join(_TOKENS[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))
