"""Pages of HTML and Markdown, and scalars of YAML, as they are read. Loaded where a text has one of their signs."""

from __future__ import annotations

import html
import re

_DEEPEST = 3
"""Times that an entity is escaped."""
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_ATTRIBUTES = r"(?:\s[^<>]{0,400})?/?>"
_INLINE = re.compile(
    rf"</?(?:span|code|samp|kbd|tt|font|strong|em|mark|small|ins|del|wbr|a(?=\s)){_ATTRIBUTES}|(?<!\w)<[biu]>|</[abiu]>",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    rf"</?(?:br|p|div|pre|table|thead|tbody|tr|td|th|ul|ol|li|blockquote|details|summary|h[1-6]|hr){_ATTRIBUTES}",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\([_*<>|~#`\[\]])")
_MARKED = re.compile(r"^[ \t]*(?:[-*+] )?(`{1,3}|\*\*)(.+)\1[ \t]*$", re.MULTILINE)
_SCALAR = re.compile(r"^([ \t]*(?:- )?[\w.-]{1,60}:[ \t]+)'((?:[^']|'')*+)'[ \t]*$", re.MULTILINE)
_PRINTED = (("\\r\\n", "\n"), ("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'))
_LETTER = re.compile(r"\\u(?!00[01]|d[89a-f])([0-9a-f]{4})", re.IGNORECASE)
"""What is left of escapes where a record is cut, or is none of JSON"""


def read(text: str) -> str:
    """A page of HTML or Markdown, or a text of YAML, as it is read."""
    if "<" in text:
        text = _BLOCK.sub("\n", _INLINE.sub("", text))
    for _ in range(_DEEPEST):
        if "&" not in text or (plain := _ENTITY.sub(lambda found: html.unescape(found[0]), text)) == text:
            break
        text = plain
    if "::error" in text or "::warning" in text:  # a GitHub workflow's commands
        text = text.replace("%0A", "\n").replace("%25", "%")
    if "\\" in text:
        for escaped, plain in _PRINTED:
            text = text.replace(escaped, plain)
        text = _LETTER.sub(lambda found: chr(int(found[1], 16)), text)
        text = _ESCAPED.sub(r"\1", text)
    if ": '" in text:
        text = _SCALAR.sub(lambda found: found[1] + found[2].replace("''", "'"), text)
    return _MARKED.sub(r"\2", text) if "`" in text or "**" in text else text
