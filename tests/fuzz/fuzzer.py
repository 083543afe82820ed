"""Inputs that are changed at random, given to the command line as a stranger would give them.

Whatever comes in, auditkit leaves with 0, 1, 2 or 3 in under 10 s, shows no trace, leaves nothing
behind outside ``--out``, and has written nothing where it leaves with 2. The same number gives the
same input on every machine.
"""

import contextlib
import gc
import io
import json
import random
import re
import shutil
import signal
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from auditkit.cli import cli, main

CORPUS = Path(__file__).with_name("corpus")
SECONDS = 10


@dataclass(frozen=True)
class Kind:
    """One kind of input: the file that is changed, its company, and how it is given."""

    changed: str
    beside: tuple[str, ...]
    arguments: tuple[str, ...]
    share: int  # of 100 inputs; what is only read is cheap, what is counted is not


KINDS = {
    "plan": Kind("plan.toml", ("policy.toml",), ("run", "plan.toml", "--out", "out"), 30),
    "policy": Kind("policy.toml", ("plan.toml",), ("run", "plan.toml", "--out", "out"), 20),
    "audit.json": Kind("audit.json", (), ("show", "audit.json"), 18),
    "plan, carried out": Kind("rows.toml", ("rows.csv",), ("run", "rows.toml", "--out", "out"), 4),
    "CSV": Kind("rows.csv", ("rows.toml",), ("run", "rows.toml", "--out", "out"), 6),
    "Parquet": Kind("rows.parquet", ("parquet.toml",), ("run", "parquet.toml", "--out", "out"), 8),
    "long counts": Kind("long.csv", ("long.toml",), ("run", "long.toml", "--out", "out"), 3),
    "wide counts": Kind("wide.csv", ("wide.toml",), ("run", "wide.toml", "--out", "out"), 3),
    "skops": Kind(
        "model.skops", ("model.toml", "rows.csv"), ("run", "model.toml", "--out", "out"), 8
    ),
}
TOKENS = [
    b"", b"\x00", b"\xff", b"\n", b"\r", b'"', b"'", b",", b";", b"=", b"[", b"]", b"{", b"}", b"*",
    b"-1", b"0", b"1e400", b"-0.0", b"9" * 30, b"nan", b"inf", b"null", b"true", b"(all)",
    b"../../x", b"/dev/zero", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\x1b[2J", b"a" * 5000,
    b"\xff\xff\xff\x7f", b"1979-05-27T07:32:00Z", b"(not recorded)", b"'); drop table rows; --",
]  # fmt: skip
VALUES = [
    None, True, 0, -1, 1, 0.5, -0.0, 1e308, 10**30, "", "x", "(all)", "*", "gender*age", "=1+1",
    "\u202e\x1b[2J", "a" * 5000, [], {}, "within", "breach", "ok", "undefined", "not_ready",
]  # fmt: skip
WORDS = re.compile(rb"[A-Za-z_]+|-?\d+(?:\.\d+)?")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Change a file in one to four places: bits, tokens, words of its own, parts twice or away."""
    out = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        end = min(len(out), at + chance.choice([1, 2, 8, 40, 400]))
        how = chance.randrange(6)
        if how == 0 and at < len(out):
            out[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            out[at:end] = b""
        elif how == 2:
            out[at:at] = out[at:end] * chance.choice([1, 1, 3, 50])
        elif how == 3:
            out[at:at] = chance.choice(TOKENS)
        elif words := [(m.start(), m.end()) for m in WORDS.finditer(out)]:
            start, stop = chance.choice(words)
            other = chance.choice(words)
            swapped = bytes(out[slice(*other)])
            out[start:stop] = swapped if how == 4 else chance.choice(TOKENS)
    return bytes(out)


def edited(content: bytes, chance: random.Random) -> bytes:
    """Change one to three values of a JSON file, which stays JSON."""
    whole = json.loads(content)
    for _ in range(chance.randint(1, 3)):
        at, keys = whole, [chance.choice(list(whole))]
        while isinstance(at[keys[-1]], dict | list) and at[keys[-1]]:
            at = at[keys[-1]]
            keys.append(chance.choice(list(at) if isinstance(at, dict) else range(len(at))))
        at[keys[-1]] = chance.choice([*VALUES, at[keys[-1]], *map(str, keys)])
    return json.dumps(whole).encode()


def changed(name: str, chance: random.Random) -> bytes:
    """Change a file of the corpus; of a packed model, a part within as often as the whole."""
    content = (CORPUS / name).read_bytes()
    if name.endswith(".json") and chance.random() < 0.8:
        return edited(content, chance)
    if not name.endswith(".skops") or chance.random() < 0.3:
        return mutated(content, chance)
    packed = io.BytesIO()
    with zipfile.ZipFile(CORPUS / name) as read, zipfile.ZipFile(packed, "w") as write:
        parts = sorted(read.namelist())
        hit = "schema.json" if chance.random() < 0.7 else chance.choice(parts)
        for part in parts:
            inside = read.read(part)
            write.writestr(part, mutated(inside, chance) if part == hit else inside)
    return packed.getvalue()


def fuzz(kind: str, number: int) -> int:
    """Give one changed input to the command line.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    AssertionError
        What was promised is not kept; the message says by which input.
    """
    warm()
    one, chance = KINDS[kind], random.Random(f"{kind} {number}")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        work, aside = Path(top) / "work", Path(top) / "temporary"
        work.mkdir()
        aside.mkdir()
        for name in one.beside:
            shutil.copy(CORPUS / name, work / name)
        (work / one.changed).write_bytes(changed(one.changed, chance))
        given = sorted(work.iterdir())
        code, told = _called(one.arguments, work, aside)
        fault = _fault(code, told, [p for p in sorted(work.iterdir()) if p not in given], aside)
        assert not fault, f"{kind} {number}: {fault}\n{told[-600:]}"
    return code


def unchanged(kind: str, top: Path) -> tuple[int, str]:
    """Give the corpus as it is; the exit code and what is said."""
    one, work, aside = KINDS[kind], top / "work", top / "temporary"
    work.mkdir()
    aside.mkdir()
    for name in (one.changed, *one.beside):
        shutil.copy(CORPUS / name, work / name)
    return _called(one.arguments, work, aside)


def write_record() -> None:
    """Write the record of the corpus anew, after the format has changed."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        unchanged("skops", Path(top))
        shutil.copy(Path(top) / "work" / "out" / "audit.json", CORPUS / "audit.json")


@cache
def warm() -> None:
    """Carry out one audit, so that the time of the first does not hold the loading of packages."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        plan = str(CORPUS / "model.toml")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = cli.main(["run", plan, "--out", f"{top}/out"], standalone_mode=False)
    assert code == 0  # the corpus itself is in order


def _called(arguments: tuple[str, ...], work: Path, aside: Path) -> tuple[int, str]:
    told = io.StringIO()
    before = tempfile.tempdir
    tempfile.tempdir = str(aside)
    try:
        with (
            contextlib.chdir(work),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
            _limited(),
        ):
            main(list(arguments))
    except SystemExit as left:
        return int(left.code or 0), told.getvalue()
    except TimeoutError:
        return -1, told.getvalue()
    finally:
        tempfile.tempdir = before
    return -2, told.getvalue()


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Stop what takes longer; no error of the command line's own, which it would tell as such."""

    class Late(BaseException):
        pass

    def late(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    except Late:
        raise TimeoutError from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _fault(code: int, told: str, written: list[Path], aside: Path) -> str:
    if any(aside.iterdir()):
        gc.collect()  # the process of a real call ends here
    if code == -1:
        return f"it took more than {SECONDS} s"
    if code not in (0, 1, 2, 3):
        return f"exit code {code}"
    if "Traceback" in told:
        return "it showed a trace"
    if code == 2 and "error: " not in told:
        return "it left with 2 and no error"
    if left := [path.name for path in aside.iterdir()]:
        return f"{left} is left behind"
    names = [path.name for path in written]
    if names and (code == 2 or names != ["out"]):
        return f"it left with {code} and wrote {names}"
    return ""
