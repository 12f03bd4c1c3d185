"""Dumps that travel: in our own format, without the time at which they were made, so that equal ones are equal."""

from __future__ import annotations

import io
from functools import lru_cache

import msgspec

from inspector.sources.dump import Dump
from inspector.sources.formats import dump_json
from inspector.sources.opening import Content

_TIMELESS = "1970-01-01"


def written(dump: Dump) -> bytes:
    """The dump as bytes. What it was converted from is left out: the format that it has now is kept instead."""
    given = dump.provenance.told(origin="", origin_format="")
    return dump_json.write(msgspec.structs.replace(dump, provenance=given), _TIMELESS)


@lru_cache(maxsize=256)
def read_back(data: bytes, source: str = "a part") -> Dump:
    """The dump again, as if it was read from `source` in the format that it had. Raises SourceError."""
    with Content(source, io.BytesIO(data), seekable=False) as content:
        dump = dump_json.load(content)
    given = dump.provenance
    return msgspec.structs.replace(
        dump, provenance=given.told(format=given.origin_format.raw, origin="", origin_format="")
    )
