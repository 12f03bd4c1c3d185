"""zstd as the standard library has it from Python 3.14 on (PEP 784), and its backport before."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdDecompressor, ZstdError, ZstdFile
else:
    from backports.zstd import CompressionParameter, ZstdDecompressor, ZstdError, ZstdFile

__all__ = ["CompressionParameter", "ZstdDecompressor", "ZstdError", "ZstdFile"]
