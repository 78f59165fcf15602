"""What other libraries raise on damaged input. It loads nothing, so that a decoding process can have it, too."""

from __future__ import annotations

import struct
import zlib

FOREIGN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What parsers and codecs raise (pydicom alone: eight classes on malformed files)."""
