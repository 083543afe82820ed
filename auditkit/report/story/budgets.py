"""Who would be left out with another number of places, or at another cut of the score."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Cell,
    Chart,
    Column,
    Evidence,
    Heading,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, AuditRecord, Budget, Cut, CutBasis, Status

MOST_LINES = 6
"""Groups in one figure, those of most people: more lines cannot be told apart."""
BUDGETS, CUTS = "budgets", "cuts"

MARKED = {BUDGETS: "the budget", CUTS: "in use"}
"""What stands at the number of places that is declared, and at the cut that decisions follow."""

Share = tuple[float | None, float | None, float | None]
"""A share, the least and the most that it can be."""


@dataclass(frozen=True, slots=True)
class Line:
    """One group over the budgets or cuts; a share that does not exist is ``None``."""

    group: str
    n: int
    xs: tuple[float, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The lines of an attribute, everyone's first, and what they show.

    Attributes
    ----------
    lines : tuple of Line
    left_out : int
        Groups that are not drawn.
    share : str
        What a line shows, in the end of the sentence "the share of ...".
    mark : float or None
        The declared number of places, or the cut in use.
    """

    lines: tuple[Line, ...]
    left_out: int
    share: str
    mark: float | None


def sweep(record: AuditRecord, kind: str, attribute: str) -> Sweep | None:
    """Lay out the lines of an attribute over budgets or cuts; ``None`` if there are none."""
    table: Iterable[Budget | Cut] = record.budgets if kind == BUDGETS else record.cuts
    rows = [row for row in table if row.attribute in (ALL, attribute)]
    lines = []
    for key in dict.fromkeys((row.attribute, row.group) for row in rows):
        own = [row for row in rows if (row.attribute, row.group) == key]
        shares = tuple(_share(record, row) for row in own)
        if any(share[0] is not None for share in shares):
            n = _among(record, own[0])
            lines.append(Line(key[1], n, tuple(map(_place, own)), shares))
    groups = [line for line in lines if line.group != ALL]
    largest = sorted(groups, key=lambda line: -line.n)[:MOST_LINES]
    drawn = tuple(line for line in lines if line.group == ALL or line in largest)
    marked = [_place(row) for row in rows if row.deployed]
    if not groups:
        return None
    what = _what(record, kind)
    return Sweep(drawn, len(groups) - len(largest), what, marked[0] if marked else None)


def _place(row: Budget | Cut) -> float:
    return float(row.places) if isinstance(row, Budget) else row.cut


def _share(record: AuditRecord, row: Budget | Cut) -> Share:
    """Choose the share of the harm: left out by a benefit, or reached by a burden without reason.

    Without a recorded outcome neither is known, and it is the share that is selected.
    """
    burden = record.system.outcome == "burden"
    if isinstance(row, Budget):
        if not record.system.label:
            rate = row.selection_rate
            if not rate:  # of nobody above the cut or at it, none can be drawn
                return rate, rate, rate
            per = rate / row.selected  # one over the people, in weight
            return rate, row.selected_lower * per, row.selected_upper * per
        if burden:
            return row.inclusion_error, row.inclusion_lower, row.inclusion_upper
        return row.exclusion_error, row.exclusion_lower, row.exclusion_upper
    if not record.system.label:
        return row.selection_rate, row.selection_lower, row.selection_upper
    if burden:
        return row.false_positive_rate, row.false_positive_lower, row.false_positive_upper
    reached = (row.true_positive_rate, row.true_positive_upper, row.true_positive_lower)
    missed, low, high = (None if rate is None else 1 - rate for rate in reached)
    return missed, low, high


def _among(record: AuditRecord, row: Budget | Cut) -> int:
    """Count the people that the share of a group is among."""
    burden = record.system.outcome == "burden"
    if not record.system.label or (burden and isinstance(row, Budget)):
        return row.n
    return row.negatives if burden and isinstance(row, Cut) else row.positives


def _what(record: AuditRecord, kind: str) -> str:
    """Say what the lines show."""
    yes = measures.words("false_negative_rate", record.system).among
    no = measures.words("false_positive_rate", record.system).among
    if not record.system.label:
        return "people who get a place" if kind == BUDGETS else "people selected"
    if record.system.outcome == "burden":
        if kind == BUDGETS:
            return f"places that go to {no}"
        return f"{no} who are selected"
    if kind == BUDGETS:
        return f"{yes} without a place"
    return f"{yes} who are not selected"


# ------------------------------------------------------------------------------------ the section


def if_another(record: AuditRecord) -> tuple[Section, ...]:
    """Tell what other budgets and cuts would mean; nothing without scores."""
    blocks = [*_budgets(record), *_cuts(record)]
    if not blocks:
        return ()
    title = "If the budget or the cut were another" if record.budgets else "If the cut were another"
    first = Paragraph(
        "This describes what the same scores would give; no verdict rests on it. People might also "
        "be scored differently under another rule, which these data cannot show."
    )
    return (Section("budgets", title, "Budget and cut", (first, *blocks)),)


def _attributes(rows: Iterable[Budget | Cut]) -> list[str]:
    return [a for a in dict.fromkeys(row.attribute for row in rows) if a != ALL]


def _budgets(record: AuditRecord) -> Iterator[Block]:
    if not record.budgets:
        return
    everyone = next(b for b in record.budgets if b.deployed and b.attribute == ALL)
    yield Heading(f"With {_places(everyone.places)}, and with others")
    yield Paragraph(_in_words(record, everyone))
    yield Paragraph(_rule(record, everyone))
    for attribute in _attributes(record.budgets):
        found = sweep(record, BUDGETS, attribute)
        if found is not None:
            yield _evidence(record, BUDGETS, attribute, found)
        yield _declared(record, attribute)
        yield _listed(record, attribute)


def _listed(record: AuditRecord, attribute: str) -> Table:
    """State who stands high on the list, and who low."""
    rows = [row for row in record.exposure if row.attribute == attribute]
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(words.group(row.group), detail=row.note),
            words.count(row.n),
            words.rate(row.share_of_people, True),
            words.rate(row.share_of_exposure, True),
            words.DASH if row.ratio is None else f"{row.ratio:.2f}",
        )
        for row in rows[:MOST_ROWS]
    ]
    return table(
        f"Who stands high on the list of scores, by {words.attribute(attribute)}",
        "Group | #People with a score | #Share of people | #Share of the notice a list gives "
        "| #Times everyone else's",
        cells,
        "The first of a list are looked at, and served, before the others: the weight of place r "
        "is 1 / log2(1 + r). Last column: the mean of the group over that of everyone else; under "
        f"1, the group stands lower. {cut(len(rows))}".strip(),
    )


def _places(places: int) -> str:
    return words.plural(places, "place")


def _in_words(record: AuditRecord, everyone: Budget) -> str:
    """Say in a few sentences who gets no place, for those who plan the budget."""
    share, what = _share(record, everyone)[0], _what(record, BUDGETS)
    lead = f"With {_places(everyone.places)}: of all {what}, {words.rate(share, True)}."
    if record.system.label and record.system.outcome == "benefit":
        among = measures.words("false_negative_rate", record.system).among
        lead = (
            f"With {_places(everyone.places)}, {words.rate(share, True)} of the {among} get none."
        )
    elif not record.system.label:
        lead = f"With {_places(everyone.places)}, {words.rate(share, True)} of the people get one."
    elif record.system.outcome == "burden":
        among = measures.words("false_positive_rate", record.system).among
        lead = f"Of {_places(everyone.places)}, {words.rate(share, True)} go to {among}."
    sentences = [lead]
    for attribute in _attributes(record.budgets):
        own = [b for b in record.budgets if b.deployed and b.attribute == attribute]
        told = [
            f"{words.group(b.group)}: {words.rate(_share(record, b)[0], True)}"
            + (" (few people)" if b.status is Status.INSUFFICIENT else "")
            for b in own
            if _share(record, b)[0] is not None
        ]
        if told:
            sentences.append(f"By {words.attribute(attribute)}, {words.few(told)}.")
    return " ".join(sentences)


def _rule(record: AuditRecord, everyone: Budget) -> str:
    """Say how places are given, who draws for the last ones, and who cannot get one."""
    weighted = " Places and people are counted in weight." if record.sampling.weight else ""
    score = _score(everyone.cut)
    text = f"Places go to the highest scores of everyone, whatever the group.{weighted} "
    if everyone.at_cut == 1:
        text += f"Everybody with a score of at least {score} has one."
    else:
        binned = _is_binned(record)
        nearest = "at that score or next below it" if weighted else "at that score"
        whom = "in the bin of scores below it" if binned else nearest
        why = "Their order is not known" if binned else "Who that is has to be drawn"
        text += (
            f"Everybody with a score above {score} has one; of those {whom}, "
            f"{words.percent(everyone.at_cut)}. {why}: rates are what chance gives on average, and "
            f"the tables say how far a group can lie from it."
        )
    if everyone.unscored:
        people = words.plural(everyone.unscored, "person has", "people have")
        text += f" {people} no score, get no place and count among those without one."
    return text


def _is_binned(record: AuditRecord) -> bool:
    """Whether scores were counted in bins, so that the end of the places is the edge of one."""
    return any(note.startswith("Scores: more than") for note in record.notes)


def _score(value: float) -> str:
    return f"{value:.6g}".replace("-", words.MINUS)


def _evidence(record: AuditRecord, kind: str, attribute: str, found: Sweep) -> Evidence:
    """Pair the figure of an attribute with the shares that it draws."""
    by, share = words.attribute(attribute), words.sentence_case(found.share)
    title = f"{share}, by {by}"
    across = "number of places" if kind == BUDGETS else "cut of the score"
    which = "the declared budget" if kind == BUDGETS else "the cut in use"
    marked = "" if found.mark is None else f" A dashed upright line marks {which}."
    more = words.plural(found.left_out, "more group")
    chart = Chart(
        kind=kind,
        subject="",
        attribute=attribute,
        title=f"{title}, at each {across}",
        description=(
            f"One line for each group of {by} and one for everyone, over the {across}.{marked} The "
            "table has the same numbers."
        ),
        note=f"{more} with fewer people: audit.json has them." if found.left_out else "",
    )
    first = "Places" if kind == BUDGETS else "Selected above"
    names = ["everyone" if line.group == ALL else words.group(line.group) for line in found.lines]
    rows: list[tuple[str, ...]] = []
    for at, x in enumerate(found.lines[0].xs):
        place = words.count(int(x)) if kind == BUDGETS else _score(x)
        in_use = f" ◂ {MARKED[kind]}" if x == found.mark else ""
        shares = (words.rate(line.shares[at][0], True) for line in found.lines)
        rows.append((f"{place}{in_use}", *shares))
    columns = (Column(first), *(Column(name, numeric=True) for name in names))
    cells = tuple(tuple(map(Cell, row)) for row in rows)
    return Evidence(chart, Table(f"{title}: the numbers", columns, cells))


def _declared(record: AuditRecord, attribute: str) -> Table:
    """State everything about the places that the plan declares."""
    rows = [b for b in record.budgets if b.deployed and b.attribute in (ALL, attribute)]
    labelled, remarks = bool(record.system.label), any(b.note for b in rows)
    columns = "Group | #People | #Places | #Share with a place"
    if labelled:
        columns += (
            f" | #With the recorded outcome | #Of them without a place | #{words.INTERVAL}"
            f" | #Places to people without the outcome{' | Remark' if remarks else ''}"
        )
    cells: list[tuple[str | Cell, ...]] = []
    for b in rows[:MOST_ROWS]:
        draw = b.selected_lower < b.selected_upper
        places = f"{_amount(b.selected_lower)} to {_amount(b.selected_upper)}" if draw else ""
        missed = words.rate_span(b.exclusion_lower, b.exclusion_upper, True)
        if words.rate(b.exclusion_lower, True) == words.rate(b.exclusion_upper, True):
            missed = ""  # what the draw can change does not show
        row: tuple[str | Cell, ...] = (
            words.subject(b.attribute, b.group) if b.attribute == ALL else words.group(b.group),
            words.count(b.n),
            Cell(_amount(b.selected), detail=places),
            words.rate(b.selection_rate, True),
        )
        if labelled:
            row += (
                Cell(words.count(b.positives), detail=words.told_by(b.effective_n)),
                Cell(words.rate(b.exclusion_error, True), detail=missed),
                words.rate_span(b.lower, b.upper, True),
                words.rate(b.inclusion_error, True),
                *((words.plain(b.note),) if remarks else ()),
            )
        cells.append(row)
    notes = [
        f"Recorded outcome: {measures.label(record.system)}. Intervals are Wilson's; they take the "
        "cut as fixed, though with other people it would lie a little elsewhere."
        if labelled
        else "",
        "Second lines are the least and the most that the draw for the last places can give."
        if any(b.selected_lower < b.selected_upper for b in rows)
        else "",
        cut(len(rows)),
    ]
    title = f"{_places(rows[0].places)}, by {words.attribute(attribute)}"
    return table(title, columns, cells, " ".join(filter(None, notes)))


def _amount(value: float) -> str:
    return words.count(int(value)) if value.is_integer() else words.count(value)


def _cuts(record: AuditRecord) -> Iterator[Block]:
    if not record.cuts:
        return
    yield Heading("At another cut of the score")
    yield Paragraph(_basis(record))
    for attribute in _attributes(record.cuts):
        found = sweep(record, CUTS, attribute)
        if found is not None:
            yield _evidence(record, CUTS, attribute, found)
        if record.system.cut is not None:
            yield _in_use(record, attribute)


def _basis(record: AuditRecord) -> str:
    """Say whether decisions follow a cut of the score, and how that is known."""
    at = "" if record.system.cut is None else _score(record.system.cut)
    return {
        CutBasis.DECLARED: f"The plan selects people with a score above {at}.",
        CutBasis.INFERRED: (
            f"Everybody who was selected has a score above that of everybody who was not, so the "
            f"decisions are a cut of the score: selected are people above {at}, which of all "
            f"numbers that part the two has the fewest digits."
        ),
        CutBasis.NOT_A_CUT: (
            "The decisions are not a cut of this score: some people were selected whose score is "
            "missing, or no higher than that of others who were not. No cut is marked, and the "
            "figures say what cuts would give, not what was decided."
        ),
        CutBasis.UNKNOWN: (
            "The decisions do not tell a cut of the score, since on one side of it there would be "
            "nobody. No cut is marked."
        ),
    }[record.system.cut_basis]


def _in_use(record: AuditRecord, attribute: str) -> Table:
    """State the rates at the cut in use."""
    rows = [c for c in record.cuts if c.deployed and c.attribute in (ALL, attribute)]
    remarks = any(c.note for c in rows)
    columns = "Group | #People | #Selected"
    if record.system.label:
        columns += (
            " | #With the recorded outcome | #Of them selected | #Without it | #Of them selected"
            f"{' | Remark' if remarks else ''}"
        )
    cells: list[tuple[str | Cell, ...]] = []
    for c in rows[:MOST_ROWS]:
        row: tuple[str | Cell, ...] = (
            words.subject(c.attribute, c.group) if c.attribute == ALL else words.group(c.group),
            words.count(c.n),
            words.rate(c.selection_rate, True),
        )
        if record.system.label:
            row += (
                words.count(c.positives),
                words.rate(c.true_positive_rate, True),
                words.count(c.negatives),
                words.rate(c.false_positive_rate, True),
                *((words.plain(c.note),) if remarks else ()),
            )
        cells.append(row)
    title = f"Selected above {_score(rows[0].cut)}, the cut in use, by {words.attribute(attribute)}"
    note = ""
    if _is_binned(record):
        note = "Scores were counted in bins: a rate is the middle of what it can be at the cut."
    return table(title, columns, cells, f"{note} {cut(len(rows))}".strip())
