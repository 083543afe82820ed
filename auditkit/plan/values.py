"""How values are spelled and compared, in a plan and in the data."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from auditkit.errors import listed

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+\.0+")
NUMBER = re.compile(
    "[ \t\r\n]*"
    r"[-+]?(?:(?:[0-9]{1,150}[0-9]{0,150}(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?:[0-9]{1,8}(?:\.[0-9]*)?|\.[0-9]+)[eE](?:\+?[0-2]?[0-9]{1,2}|-(?:[0-2]?[0-9]{1,2}|3[01][0-9]|32[0-3])))"
    "[ \t\r\n]*"
)
"""Text that is read as a number, the same on every engine, and never an infinite one.

Engines do not agree on what else is a blank (SQLite read 20 behind a no-break space as 0), and
PostgreSQL repeats nothing more than 255 times. It refuses what is too small for a float, which
others read as 0: nothing under 1e-323 is written with an exponent.
"""


def canonical(value: object) -> str:
    """Spell a value the one way values are compared: ``1.0`` as ``1``, ``True`` as ``true``.

    Text is normalised to Unicode NFC and otherwise left as it is: ``01`` and ``1`` stay two values.

    >>> canonical(1.0), canonical("1.0"), canonical(True), canonical("01"), canonical("yes")
    ('1', '1', 'true', '01', 'yes')
    >>> canonical(dt.datetime(2026, 11, 23)), canonical(Decimal("1.50"))
    ('2026-11-23', '1.5')
    >>> canonical(dt.datetime(2026, 11, 23, 9, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    '2026-11-23T08:00:00+00:00'
    """
    if isinstance(value, str):
        if value in ("True", "False"):
            return value.lower()
        if WHOLE_NUMBER.fullmatch(value):
            whole = value.split(".")[0].removeprefix("+")
            return "0" if whole == "-0" else whole  # a float spells it so too
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.UTC)  # engines hand one moment over in different zones
    if isinstance(value, dt.datetime) and value.time() == dt.time() and value.tzinfo is None:
        value = value.date()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return canonical(f"{value.normalize():f}")
    item = getattr(value, "item", None)  # a NumPy scalar
    return canonical(item()) if callable(item) else str(value)


FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
"""What shows nothing though Unicode does not count it among the characters of format."""


def visible(text: str) -> str:
    """Leave out what cannot be seen: characters of format and direction, and spaces at the ends.

    >>> visible(" a" + chr(0x200B)), visible(chr(0x200F))
    ('a', '')
    """
    if text.isascii():
        return text.strip()
    shown = (c for c in text if unicodedata.category(c) != "Cf" and c not in FILLERS)
    return "".join(shown).strip()


def _one_value(value: object) -> str:
    """Spell one value of the data; a list is none, and an empty text is missing."""
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        raise ValueError(f"is a {type(value).__name__}; give one value")
    if value is None or value != value or not (text := canonical(value)):
        raise ValueError("is empty, and what is empty counts as missing. Name a value")
    return text


def _one_or_several(value: object) -> str | tuple[str, ...]:
    """Spell one value of the data, or each of a list."""
    if not isinstance(value, list | tuple) or not value:
        return _one_value(value)
    several = tuple(_one_value(one) for one in value)
    if twice := sorted({one for one in several if several.count(one) > 1}):
        raise ValueError(f"names {listed(twice)} more than once")
    return several


def _in_order(value: object) -> object:
    """Refuse what has no order of its own: it would be another one on another day."""
    if isinstance(value, set | frozenset):
        raise ValueError("is a set, which has no order of its own. Write a list")
    if isinstance(value, str):
        raise ValueError(f"is one text. Write a list: [{value!r}]")
    return value


def _names_differ(value: object) -> object:
    """Refuse a table in which two keys are one value: the later would win without a word."""
    if isinstance(value, Mapping):
        spelled = [canonical(key) for key in value]
        if twice := sorted({key for key in spelled if spelled.count(key) > 1}):
            raise ValueError(f"names {listed(twice)} more than once")
    return value


Value = Annotated[str, BeforeValidator(_one_value)]
Values = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several)]
Named = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
InOrder = BeforeValidator(_in_order)
Differ = BeforeValidator(_names_differ)
