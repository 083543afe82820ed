"""A file from somebody else is read whole only if it is a file, and no larger than it may be.

A pipe would keep an audit waiting for ever, a device would fill the memory.
"""

from pathlib import Path

MIB = 1 << 20


def refuse_irregular(path: Path) -> None:
    """Refuse what is there but is neither a file nor a folder.

    Raises
    ------
    OSError
        It is a pipe, a socket or a device.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(0, "it is a pipe, a socket or a device, not a file")


def read(path: Path, most: int) -> bytes:
    """Read a file of at most ``most`` bytes.

    Raises
    ------
    OSError
        There is no such file, it is larger, or it is no file.
    """
    refuse_irregular(path)
    if path.is_file() and (size := path.stat().st_size) > most:
        raise OSError(0, f"it has {size:,} bytes; at most {most:,} are read")
    return path.read_bytes()
