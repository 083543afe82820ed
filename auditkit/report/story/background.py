"""What the audit cannot tell, how it was made, and where its numbers come from."""

from auditkit.inference.gates import all_clear_level
from auditkit.report.story import measures, words
from auditkit.report.story.gaps import unique_checks
from auditkit.report.story.parts import Block, Bullets, Cell, Heading, Paragraph, Section, table
from auditkit.report.story.unknowns import SCOPES, STATES
from auditkit.report.story.words import THIN, confidence, count, plain, plural
from auditkit.results import ALL, AuditRecord, ModelFileInfo, SourceFile


def limits(record: AuditRecord) -> Section:
    """Say what this audit cannot tell."""
    items = [
        "It does not show that the system treats all groups alike. It shows, check by check, what "
        "these data can and cannot tell.",
        "It does not say why a gap exists, nor what would close it.",
        *_of_labels(record),
        "It says nothing of people who are not in the data: those who were never registered, never "
        "asked or never scored.",
        *_of_attributes(record),
        "It holds for these data and this version of the system. Another place, another time or a "
        "changed model may give other numbers.",
        *_of_training(record),
        "It is compared with the limits of one policy. It is not a legal assessment.",
        *_of_detection(record),
    ]
    notes = tuple(plain(note) for note in record.notes)
    blocks: list[Block] = [Bullets(tuple(items))]
    if notes:
        blocks += [Heading("Noted along the way"), Bullets(notes)]
    return Section("limits", "What this audit cannot tell you", "Cannot tell", tuple(blocks))


def _of_training(record: AuditRecord) -> list[str]:
    if record.seeds:
        return []
    return [
        "One set of decisions was looked at. If a trained model made them, that is one training "
        "run: the same model trained with another seed can decide otherwise about the same people."
    ]


def _of_labels(record: AuditRecord) -> list[str]:
    if not record.system.label:
        return [
            "There is no recorded outcome in these data, so it cannot tell who was missed or "
            "selected in error: only who was selected."
        ]
    said = measures.label(record.system)
    if record.system.task == measures.REGRESSION:
        return [
            f"The record does not say who wrote down the recorded amount ({said}), when or how. "
            "Every error here is relative to it: if a group's amounts were recorded too low or too "
            "high, the gap shown is wrong, and this audit would not see it.",
            "An amount was looked at, not what is done with it: who is selected, served or "
            "refused because of it is another audit.",
        ]
    items = [
        f"The record does not say who wrote down the recorded outcome ({said}), when or how. Every "
        "error rate here is relative to recorded labels: if a group's outcomes were recorded less "
        "completely, the gap shown is wrong, and this audit would not see it."
    ]
    if record.system.need and record.system.need != record.system.label:
        items.append(
            "The record does not say how need was measured. If it was measured differently from "
            "group to group, people at equal recorded need are not at equal need, and this audit "
            "would not see it."
        )
    elif record.system.need and not record.system.in_need:
        items.append(
            "Need is recorded as there or not. Among people in need, how deep it is was not "
            "compared: a group in deeper need that is missed as often as others is not seen."
        )
    elif not record.system.need:
        items.append(
            "The plan does not say that the recorded outcome is need, so impartiality by need is "
            "not measured: people were not compared at equal need. A gap in who is selected can "
            "reflect unequal need, unequal treatment or both; this audit cannot part them."
        )
    return items


def _of_attributes(record: AuditRecord) -> list[str]:
    missing = [words.attribute(a.name) for a in record.attributes if a.state in STATES]
    crossed = plural(record.intersections, "attribute")
    text = f"Groups finer than those listed, of more than {crossed} at a time, were not looked at."
    if missing:
        named = words.sentence_case(words.listing(missing))
        return [f"{named}: there are no data, so nothing can be said.", text]
    return [text]


def _of_detection(record: AuditRecord) -> list[str]:
    """Tell the smallest and the largest gap that the required checks could have found."""
    found = [
        c
        for c in unique_checks(record)
        if c.detectable is not None and c.effect.blocks and c.n >= record.policy.floor
    ]
    if not found:
        return []
    best = min(found, key=lambda c: c.detectable or 0.0)
    worst = max(found, key=lambda c: c.detectable or 0.0)
    return [
        "Smallest detectable gap: a gap that would have been found beyond its limit four times in "
        f"five. It runs from {words.POINTS.number(best.detectable)} points, for "
        f"{words.subject(best.attribute, best.group)}, to {words.POINTS.number(worst.detectable)} "
        f"points, for {words.subject(worst.attribute, worst.group)}; smaller gaps can stay unseen, "
        "and so can any gap in a group that was too small to judge. The tables of Disparities have "
        "all of them."
    ]


def method(record: AuditRecord) -> Section:
    """Say how the numbers were made and judged."""
    blocks: list[Block] = [
        Bullets((*_scope(record), *_sampling(record), *_statistics(record))),
        Heading("The policy"),
        Paragraph(_policy(record)),
        _requirements(record),
        Heading("People in, people out"),
        Paragraph(_rows(record)),
        *_exclusions(record),
    ]
    return Section("method", "How this was done", "Method", tuple(blocks))


def _scope(record: AuditRecord) -> list[str]:
    system = record.system
    names = [words.attribute(a.name) for a in record.attributes if a.state not in STATES]
    depth = record.intersections
    crossed = f", and crossings of up to {depth} of them" if depth > 1 else ""
    made = measures.made(system)
    what = f"the model's {made}s" if system.model else f"recorded {made}s"
    return [
        f"Scope: {what} on {plural(record.rows.used, 'person', 'people')}, by "
        f"{words.listing(names) if names else 'no attribute'}{crossed}. A row of the data is "
        "called a person here; where a row is a household, read household.",
        "Everyone else (the rest) means all people with another recorded value of the attribute; "
        "for a crossing, with all its parts recorded. People with no recorded value are a group of "
        "their own, compared with everyone recorded. Gaps are group minus everyone else; ratios "
        "are group over everyone else.",
    ]


def _sampling(record: AuditRecord) -> list[str]:
    """Say how the rows were drawn, and what that does to rates and intervals."""
    s, out = record.sampling, []
    if s.weight:
        out.append(
            f"People are weighted by {plain(s.weight)}. Rates are weighted; n counts people; what "
            "is counted of them, and of how many, are sums of weights."
        )
    drawn = []
    if s.clusters is not None:
        drawn.append(f"in {plural(s.clusters, 'cluster')} ({plain(s.cluster)})")
    if s.strata_count is not None:
        drawn.append(f"from {plural(s.strata_count, 'stratum', 'strata')} ({plain(s.strata)})")
    if drawn:
        out.append(
            f"People were drawn {' '.join(drawn)}. Intervals and bounds allow for that: variances "
            "are linearised over the clusters, with the t distribution at the clusters of a group "
            "less one. With fewer than 8 clusters nothing is found within a limit."
        )
    if out:
        out.append(
            "Under n, 'worth' is how many people drawn alone, with equal weights, would tell as "
            "much. The smallest number that can show a limit kept is held against it."
        )
    return out


def _statistics(record: AuditRecord) -> list[str]:
    alpha, number = record.policy.alpha, record.policy.hypotheses
    strict = confidence(1 - alpha / number) if number else confidence(1 - alpha)
    paired = (
        [
            "Beside what is done today: the difference is of two decisions about the same people; "
            "its interval is Newcombe's for paired rates (1998, method 10). No verdict rests on it."
        ]
        if record.baseline
        else []
    )
    amounts = (
        [
            "Errors of predicted amounts: means have Student's t interval, their differences "
            "Welch's (1947). Both are approximate: where a few errors are far larger than the rest "
            "and people are few, they hold the true value less often than they say. Quantiles have "
            "intervals from order statistics, which assume nothing of how errors are spread; their "
            "differences are put together from those (MOVER)."
        ]
        if record.system.task == measures.REGRESSION
        else []
    )
    return [
        f"Intervals are two-sided at 95{THIN}%: Wilson's for a rate, Newcombe's for a difference "
        "of two rates, the same idea for a ratio. Values in an interval are compatible with these "
        "data at that level.",
        "Verdicts rest on other, stricter bounds: one-sided, built from Clopper-Pearson limits. "
        f"Within the limit: both bounds at {confidence(1 - all_clear_level(alpha))} lie inside it. "
        "They are that strict because they are approximate, and a group at its limit is to be "
        f"called within it in no more than {confidence(alpha)} of audits. Beyond the "
        f"limit: one bound at {strict} lies outside it, which is {confidence(alpha)} shared among "
        f"{plural(number, 'comparison')}. Otherwise these data cannot tell. The figures draw the "
        "bounds that judged. Checks that cannot hold the system back share their level among all.",
        "A ratio of two small rates can be large though few people are concerned: it is beyond its "
        "limit only where the gap is too, by a floor that the policy sets. Where the floor "
        "decided, a note under the table says so.",
        "Inference is about the process that decides, not only about these people: even a complete "
        "count of decisions has an interval.",
        f"At least {record.policy.floor} people must be in what a rate counts before it can be "
        "found within a limit. Fewer can still show a breach.",
        "Gaps are limited in both directions: a favoured group is a gap too.",
        *paired,
        *amounts,
    ]


def _policy(record: AuditRecord) -> str:
    p = record.policy
    level = f" Risk level {plain(p.level)}. {plain(p.level_reason)}" if p.level else ""
    return (
        f"{plain(p.title)} ({plain(p.id)} {plain(p.version)}; source: {plain(p.source)}).{level} "
        "The limits are numbers that the policy file proposes; where a number has another "
        "standing, the requirement below says so."
    )


def _requirements(record: AuditRecord) -> Block:
    return table(
        "Requirements of the policy",
        "Requirement | In words | Standing | Checks",
        [
            (
                plain(f"{r.id}: {r.title}"),
                plain(r.text),
                plain(r.status),
                plain(", ".join(words.spelled(c) for c in r.checks)) or "none applies here",
            )
            for r in record.requirements
        ],
    )


def _rows(record: AuditRecord) -> str:
    r = record.rows
    return (
        f"{plural(r.read, 'row')} read = {count(r.used)} used + {count(r.read - r.used)} left out "
        f"of everything. {count(r.labelled)} have both {_both(record)} count only those."
    )


def _both(record: AuditRecord) -> str:
    if record.system.task == measures.REGRESSION:
        return "a prediction and a recorded amount; errors"
    return "a decision and a recorded outcome; error rates"


def _exclusions(record: AuditRecord) -> list[Block]:
    if not record.exclusions:
        return []
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.spelled(e.reason),
            SCOPES.get(e.scope, words.spelled(e.scope)),
            words.subject(e.attribute or ALL, e.group),
            count(e.rows),
        )
        for e in record.exclusions
    ]
    return [table("People left out, by reason and group", "Reason | Of what | Group | #Rows", rows)]


def _content(file: SourceFile) -> tuple[str, str]:
    """Size and digest of a file; a table of a database has none of its own."""
    return (count(file.bytes), file.sha256) if file.sha256 else ("not a file", "not a file")


def _model_file(file: ModelFileInfo | None) -> str:
    if file is None:
        return "none"
    saved = f"; saved with {plain(file.saved_with)}" if file.saved_with else ""
    return f"{plain(file.kind)}, read with {plain(file.read_with)}{saved}"


def proof(record: AuditRecord) -> Section:
    """Say what the audit was made from, so that anyone can make it again."""
    p, s = record.provenance, record.system
    facts: list[tuple[str | Cell, ...]] = [
        ("System", plain(f"{s.name} {s.version}")),
        ("Stage", words.spelled(s.stage)),
        ("Date of the audit", record.date or "not given"),
        ("Format of the record", record.format),
        ("Model", plain(s.model) or f"none: recorded {measures.made(s)}s"),
        ("Model file", _model_file(record.model_file)),
        ("Recorded outcome", measures.label(s) if s.label else "none"),
        (measures.made(s).capitalize(), measures.rule(s)),
        ("Score", words.name(s.score) or "none"),
        ("Decided today (baseline)", words.name(s.baseline) or "none"),
        ("Other training runs", ", ".join(words.name(run) for run in s.seeds) or "none"),
        ("Seed", str(p.seed)),
    ]
    digests: list[tuple[str | Cell, ...]] = [
        (words.sentence_case(field), getattr(p.digests, field) or "none")
        for field in ("data", "decisions", "plan", "policy", "code", "baseline", "scores")
        if field not in ("baseline", "scores") or getattr(p.digests, field)
    ]
    runs = zip(s.seeds, p.digests.seeds, strict=True)
    digests += [(f"Training run {words.name(run)}", digest) for run, digest in runs]
    sources: list[tuple[str | Cell, ...]] = [
        (plain(f.role), words.name(f.name), *_content(f)) for f in p.source
    ]
    versions: list[tuple[str | Cell, ...]] = [(v.package, v.version) for v in p.versions]
    blocks: list[Block] = [
        table("This audit", "What | Value", facts),
        table("Digests of the content (SHA-256)", "Of | Digest", digests),
    ]
    if sources:
        blocks.append(table("Files and tables read", "Role | Name | #Bytes | SHA-256", sources))
    blocks.append(table("Versions", "Package | Version", versions))
    return Section("proof", "Where these numbers come from", "Provenance", tuple(blocks))
