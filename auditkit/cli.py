"""The command line: arguments in, exit code out; the only module that prints.

Exit codes: 0 ready for a decision, or complete in stage explore; 1 reject or terminate; 2 bad usage
or input, nothing written; 3 not ready, or no disposition outside explore; 70 a fault of auditkit;
130 interrupted.
"""

import contextlib
import csv
import json
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit.errors import AuditkitError, OutputError

if TYPE_CHECKING:
    from types import ModuleType

    from auditkit.api import Audit
    from auditkit.results import AuditRecord

EXIT_BAD_INPUT = 2
EXIT_NOT_READY = 3
EXIT_CRASH = 70
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="auditkit")
def cli() -> None:
    """Audit a model or its decisions: within the limit, beyond it, or cannot tell."""


@cli.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write to. By default reports/DATE-NAME in the working directory.",
)
@click.option(
    "--allow-pickle",
    metavar="SHA256",
    help="Open the plan's model file although it is a pickle, if it has this SHA-256: its code "
    "runs, in another process with limits on memory, time and the size of files.",
)
def run(plan: Path, out: Path | None, allow_pickle: str | None) -> int:
    """Carry out PLAN (an audit.toml); write audit.json and report.html.

    Leaves with 0 if the system is ready for a decision (or the stage is explore), 3 if it is not
    ready, 2 if the audit could not be made.
    """
    from auditkit import api
    from auditkit.plan import read_plan

    read = read_plan(plan)
    _say(_title(read.system.name, read.system.version, read.system.stage), err=True)
    audit = api.run(read, progress=Progress(), allow_pickle=allow_pickle)
    _write(audit, out)
    return exit_code(audit.record)


@cli.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write to. By default reports/DATE-NAME in the working directory.",
)
def demo(out: Path | None) -> int:
    """Audit an invented aid programme with planted disparities, under the icrc policy.

    The data are generated with a fixed seed, audited, and removed again. Always leaves with 0.
    """
    from auditkit import api
    from auditkit.plan import read_plan

    with tempfile.TemporaryDirectory(prefix="auditkit-demo-") as folder:
        _demo_data().write(Path(folder))
        plan = read_plan(Path(folder) / "audit.toml")
        _say(_title(plan.system.name, plan.system.version, plan.system.stage), err=True)
        audit = api.run(plan, progress=Progress())
    _write(audit, out, "The data are invented, and some of the gaps were planted: a demonstration.")
    return 0


def _demo_data() -> "ModuleType":
    """Load the generator from the installed package, or from the checkout it is developed in."""
    from importlib.util import module_from_spec, spec_from_file_location

    here = Path(__file__).parent
    places = [root / "datasets" / "aid_targeting" / "generate.py" for root in (here, here.parent)]
    path = next(place for place in places if place.is_file())
    spec = spec_from_file_location("auditkit_aid_targeting", path)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@cli.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option("--table", help="Print one table, such as measurements, disparities or checks.")
@click.option(
    "--format", "layout", type=click.Choice(["csv", "json"]), help="Of the table; csv by default."
)
def show(audit: Path, table: str | None, layout: str | None) -> int:
    """Print the verdict of AUDIT (an audit.json or its folder), or one of its tables."""
    from auditkit import api

    if table is None and layout is not None:
        raise click.UsageError("--format says how a table is printed. Name one with --table.")
    opened = api.load(audit)
    try:
        if table is None:
            for line in _verdict(opened.record):
                _say(line)
        else:
            _print_table(opened, table, layout or "csv")
        _flush()
    except BrokenPipeError:
        raise  # the reader left, and knows it
    except OSError as error:
        _silence()
        raise OutputError(f"The output cannot be printed: {error.strerror}.") from None
    return 0


def _print_table(audit: "Audit", name: str, layout: str) -> None:
    from auditkit.errors import PlanError, did_you_mean
    from auditkit.results import TABLES, as_told, columns

    if name not in TABLES:
        raise PlanError(f"There is no table '{name}'. {did_you_mean(name, TABLES)}")
    rows = [as_told(row) for row in getattr(audit.record, name)]
    if layout == "json":
        text = json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=1)
        for line in text.split("\n"):
            _say(line, escaped=True)
        return
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(columns(TABLES[name]))
    for row in rows:
        out.writerow(
            [spreadsheet_safe(_plain(c) if isinstance(c, str) else c) for c in row.values()]
        )


def spreadsheet_safe(cell: object) -> object:
    """Keep a spreadsheet from taking a text for a formula; numbers and ``-1`` stay as they are."""
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


@cli.command()
def metrics() -> int:
    """List the metrics, each in one sentence."""
    from auditkit.metrics.registry import metrics as registered
    from auditkit.metrics.standardised import STANDARDISED

    known = registered() | STANDARDISED
    width = max(map(len, known))
    for name, metric in known.items():
        _say(f"{name:<{width}}  {metric.sentence}")
    return 0


@cli.command()
@click.argument("topic", required=False)
def docs(topic: str | None) -> int:
    """List the topics of the documentation, or print TOPIC."""
    from auditkit.errors import PlanError, did_you_mean

    topics = {path.stem: path for path in sorted(Path(__file__).with_name("docs").glob("*.md"))}
    if topic is None:
        width = max(map(len, topics))
        for name, path in topics.items():
            title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            _say(f"{name:<{width}}  {title}")
        return 0
    if topic not in topics:
        raise PlanError(f"There is no topic '{topic}'. {did_you_mean(topic, topics)}")
    for line in topics[topic].read_text(encoding="utf-8").splitlines():
        _say(line)
    return 0


class Progress:
    """Tells of long work on standard error: live on a terminal, else a line at the end."""

    def __init__(self) -> None:
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.finished: set[str] = set()

    def __call__(self, step: str, done: int, of: int | None) -> None:
        """Tell how far a step has come."""
        share = f"{done:,} of {of:,}" if of else f"{done:,}"
        final = of is not None and done >= of and step not in self.finished
        if final:
            self.finished.add(step)
        ahead = done == 0 and of is not None  # how long it will take is said before
        if final or ahead or self.live:
            said = f"  {step + ' ':<11}{share} rows   "
            # live, a shorter line has to cover the one before it
            click.echo(f"\r{said:<60}" if self.live else said, nl=final or not self.live, err=True)


def _title(name: str, version: str, stage: str) -> str:
    return " · ".join(part for part in (f"{name} {version}".strip(), stage) if part)


def _write(audit: "Audit", out: Path | None, last: str = "") -> None:
    """Write the files and say the verdict; once they are there, failing to print undoes nothing."""
    from auditkit.record import RECORD_FILE, REPORT_FILE, content_digest

    folder = out if out is not None else Path("reports") / default_folder(audit.record)
    audit.report(folder)
    digest = content_digest(audit.record)[:12]
    try:
        for line in _verdict(audit.record):
            _say(line)
        _say(f"  report  {folder / REPORT_FILE}")
        _say(f"  record  {folder / RECORD_FILE}   content sha256 {digest}…")
        if last:
            _say(last)
        _flush()
    except OSError as error:
        _silence()
        _say(f"The verdict cannot be printed ({error.strerror}); it is in {folder}.", err=True)


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _silence() -> None:
    """Send what is still to be printed nowhere, so that leaving does not fail on it again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def default_folder(record: "AuditRecord") -> str:
    """Name the folder of an audit: its date, or today's if the plan gives none, and its system."""
    import datetime as dt

    day = record.date or dt.datetime.now(tz=dt.UTC).date().isoformat()
    name = re.sub(r"[^\w]+", "-", record.system.name.lower()).strip("-_")[:60]
    return f"{day}-{name or 'audit'}"


def _verdict(record: "AuditRecord") -> Iterable[str]:
    """Lay the verdict out for a terminal: most harmful first, a long list cut with its count."""
    from auditkit.report.story import headline, model_words, verdict_lines

    system, policy = record.system, record.policy
    level = f"risk {policy.level}" if policy.level else ""
    parts = (
        f"{system.name} {system.version}".strip(),
        system.stage,
        level,
        f"policy {policy.id} {policy.version}",
    )
    yield ""
    yield " · ".join(part for part in parts if part)
    yield ""
    for line in verdict_lines(record):
        yield f"  {line.symbol} {line.phrase:<18} {line.subject}"
        if numbers := ", ".join(part for part in (line.gap, line.limit, line.n) if part):
            yield f"{'':23}{numbers}"
    yield ""
    yield headline(record)
    yield from model_words(record)
    yield "A person decides; this audit does not show that the system treats all groups alike."
    yield ""


def _say(text: str, *, err: bool = False, escaped: bool = False) -> None:
    """Print one line; every line goes through here, so that no name can steer the terminal."""
    click.echo(_escaped(text) if escaped else _plain(text), err=err)


def _plain(text: str) -> str:
    """Drop what cannot be seen: control characters, directions, broken encodings."""
    return "".join(c for c in text if _shows(c))


def _escaped(text: str) -> str:
    r"""Write what cannot be seen as JSON writes it: ``\u202e``."""
    coded = (c if _shows(c) else c.encode("utf-16-be", "surrogatepass").hex() for c in text)
    return "".join(c if len(c) == 1 else re.sub("(.{4})", r"\\u\1", c) for c in coded)


def _shows(character: str) -> bool:
    import unicodedata

    return character.isprintable() or unicodedata.category(character) == "Zs"


def exit_code(record: "AuditRecord") -> int:
    """Turn a disposition into an exit code."""
    from auditkit.results import Disposition

    if record.disposition is Disposition.READY_FOR_DECISION:
        return 0
    if record.disposition in (Disposition.REJECT, Disposition.TERMINATE):
        return 1
    if record.disposition is Disposition.NONE and record.system.stage == "explore":
        return 0
    return EXIT_NOT_READY


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; no error is told by a trace."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show ▲ must not crash
    if threading.current_thread() is threading.main_thread():
        # whoever ends the process, as a container does, leaves no private rows behind either
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(_guarded(lambda: cli.main(arguments, prog_name="auditkit", standalone_mode=False)))


def _complaint(error: click.ClickException) -> list[str]:
    """Lay out what is wrong with the usage; without a command, the help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message().splitlines()
    context = getattr(error, "ctx", None)
    usage = context.get_usage().splitlines() if context else []
    return [*usage, f"error: {error.format_message()}"]


def _guarded(command: Callable[[], Any]) -> int:
    try:
        return int(command() or 0)
    except click.ClickException as error:
        for line in _complaint(error):
            _say(line, err=True)
        return EXIT_BAD_INPUT
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("Interrupted; nothing was written.", err=True)
        return EXIT_INTERRUPTED
    except AuditkitError as error:
        for problem in error.problems:
            _say(f"error: {problem}", err=True)
        return EXIT_BAD_INPUT
    except (BrokenPipeError, SystemExit):  # click ends with 1, which is a verdict here
        _silence()  # the reader left: no trace, and no code that could be taken for an answer
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the last resort; a trace could quote a row)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = (
            f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        )
        _say(
            f"auditkit failed, and that is its own fault: {type(error).__name__} at {where}. "
            f"Nothing was written. Please report this with the plan, never with the data.",
            err=True,
        )
        return EXIT_CRASH
