"""Files that are read whole: plans, policies, records, models. Whoever wrote them may wish us ill.

Each is an ordinary file of a bounded size: a pipe would never end, and a device fill the memory.
"""

import errno
import re
import tomllib
from pathlib import Path
from typing import Any

WRITTEN_BYTES = 1_000_000
"""A plan or a policy is written by people; none is longer."""
RECORD_BYTES = 200_000_000
DEEPEST_KEY = 20
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART}\.[ \t]*+){{{DEEPEST_KEY}}}")


def content(path: Path, most: int) -> bytes:
    """Read an ordinary file of at most ``most`` bytes.

    Raises
    ------
    OSError
        It cannot be opened, is a pipe or a device, or is larger; ``strerror`` says which.
    """
    refuse_other_than_files(path)
    with path.open("rb") as file:
        read = file.read(most + 1)
    if len(read) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes")
    return read


def refuse_other_than_files(path: Path) -> None:
    """Refuse what is there and is neither a file nor a folder.

    Raises
    ------
    OSError
        It is a pipe, a socket or a device.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device. Save it as a file")


def written(path: Path) -> str:
    """Read a plan or a policy.

    Raises
    ------
    OSError
        As for ``content``.
    UnicodeDecodeError
        It is not UTF-8 text.
    """
    return content(path, WRITTEN_BYTES).decode("utf-8").replace("\r\n", "\n")


def toml(text: str) -> dict[str, Any]:
    """Read TOML in a time that grows with its length.

    The parser takes a time that grows with the square of the parts of a key: seconds for 16,000.

    Raises
    ------
    ValueError
        It is not TOML, or nested deeper than any plan or policy.
    """
    if _DEEP_KEY.search(text):
        raise ValueError(f"a key has more than {DEEPEST_KEY} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
