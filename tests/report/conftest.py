"""One audit made by hand: a targeting programme, counted; every rate below is a quotient of counts.

People were scored for cash assistance (a benefit). Planted: people of 61 and over who are in need
are missed more often, displaced people a little. Some groups are too small, one has nobody in need.
"""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from auditkit.inference.gates import gap_bounds, judge_gap, judge_joint, largest_gap, ratio_bounds
from auditkit.inference.intervals import difference, ratio, wilson
from auditkit.results import (
    ALL,
    NOT_RECORDED,
    OUTCOME,
    RANGE,
    REST,
    SAMPLING,
    AttributeInfo,
    Attribution,
    AuditRecord,
    Check,
    Digests,
    Disparity,
    DisparityAttribution,
    Disposition,
    Effect,
    ErrorAttribution,
    Exclusion,
    Explanation,
    ExplanationQuality,
    Finding,
    GroupSize,
    LabelError,
    Measurement,
    Outcome,
    PolicyInfo,
    Provenance,
    Requirement,
    Rows,
    SamplingInfo,
    SourceFile,
    Status,
    SystemInfo,
    Together,
    UnknownBound,
    Version,
)

GENDERS = ("female", "male")
AGES = ("<18", "[18,31)", "[31,61)", ">=61")
RETURNEE = "عائدون إلى ديارهم"
STATUSES = ("host community", "displaced", RETURNEE, "stateless", NOT_RECORDED)
LEVELS = {"gender": GENDERS, "age": AGES, "displacement_status": STATUSES}
OUTCOMES = ("tp", "fn", "fp", "tn", "unlabelled", "undecided")
FLOOR, ALPHA = 30, 0.05

SIZES = {"<18": 22, "[18,31)": 1700, "[31,61)": 4300, ">=61": 1050}
SHARES = {
    "host community": 0.55,
    "displaced": 0.34,
    RETURNEE: 0.075,
    "stateless": 0.002,
    NOT_RECORDED: 0.033,
}
MISSED = {"<18": 0.20, "[18,31)": 0.18, "[31,61)": 0.18, ">=61": 0.33}


def cell(gender, age, status):
    """Count one cell of the joint table; deterministic, with whole people."""
    n = round(SIZES[age] * SHARES[status] * (1.06 if gender == "female" else 0.94))
    need = 0 if status == "stateless" else round(n * (0.29 if gender == "female" else 0.26))
    missed = MISSED[age] + (0.015 if status == "displaced" else 0.0)
    fn = round(need * missed)
    unlabelled = round(n * 0.02)
    undecided = round(n * 0.004)
    rest = n - need - unlabelled - undecided
    fp = round(rest * (0.11 if age == ">=61" else 0.12))
    return dict(zip(OUTCOMES, (need - fn, fn, fp, rest - fp, unlabelled, undecided), strict=True))


CELLS = {key: cell(*key) for key in product(*LEVELS.values())}
METRICS = {
    "selection_rate": (("tp", "fp"), ("tp", "fn", "fp", "tn", "unlabelled")),
    "false_negative_rate": (("fn",), ("tp", "fn")),
    "true_positive_rate": (("tp",), ("tp", "fn")),
    "false_positive_rate": (("fp",), ("fp", "tn")),
    "precision": (("tp",), ("tp", "fp")),
    "base_rate": (("tp", "fn"), ("tp", "fn", "fp", "tn")),
    "missing_decision_rate": (("undecided",), OUTCOMES),
}


def crossings(names, depth):
    return [c for k in range(1, depth + 1) for c in combinations(names, k)]


def group_of(names, levels):
    parts = [levels[list(LEVELS).index(name)] for name in names]
    return NOT_RECORDED if NOT_RECORDED in parts else "*".join(parts)


def count(names):
    """Count each group of an attribute, or crossing, in the order of its levels."""
    groups = {}
    recorded = [[lev for lev in LEVELS[n] if lev != NOT_RECORDED] for n in names]
    for parts in product(*recorded):
        groups["*".join(parts)] = dict.fromkeys(OUTCOMES, 0)
    for levels, cells in CELLS.items():
        found = groups.setdefault(group_of(names, levels), dict.fromkeys(OUTCOMES, 0))
        for outcome, n in cells.items():
            found[outcome] += n
    if NOT_RECORDED in groups and not sum(groups[NOT_RECORDED].values()):
        del groups[NOT_RECORDED]
    return groups


def total(cells, outcomes):
    return sum(cells[o] for o in outcomes)


def rest_of(groups, group):
    own = groups[group] if group == NOT_RECORDED else None
    others = [c for g, c in groups.items() if g not in (group, NOT_RECORDED)]
    assert own is None or others
    return {o: sum(c[o] for c in others) for o in OUTCOMES}


def number(value):
    return float(value) if np.isfinite(value) else None


def worth(n):
    if n == 0:
        return Status.UNDEFINED, "no rows to divide by"
    if n < FLOOR:
        return Status.INSUFFICIENT, f"{n} rows, at least {FLOOR} wanted"
    return Status.OK, ""


def measured(metric, attribute, group, cells):
    part, among = METRICS[metric]
    k, n = total(cells, part), total(cells, among)
    bounds = wilson(k, n)
    status, note = worth(n)
    low, high = number(bounds.lower), number(bounds.upper)
    return Measurement(
        metric, attribute, group, "", n, k, n, k / n if n else None, low, high, status, note
    )


def harmed(metric, group, gap):
    higher_harms = metric == "false_negative_rate"
    if not gap or metric == "base_rate":
        return ""
    return group if (gap > 0) == higher_harms else REST


def compared(metric, attribute, group, groups, detectable):
    part, among = METRICS[metric]
    own, rest = groups[group], rest_of(groups, group)
    x, n, y, m = (total(c, o) for c in (own, rest) for o in (part, among))
    status, note = worth(n)
    gap = x / n - y / m if n and m else None
    for statistic, interval in (("difference", difference), ("ratio", ratio)):
        bounds = interval(x, n, y, m)
        value = gap if statistic == "difference" or gap is None else (x / n) / (y / m)
        found = detectable if statistic == "difference" and n and m else None
        yield Disparity(
            metric, attribute, group, REST, statistic, value,
            number(bounds.lower) if value is not None else None,
            number(bounds.upper) if value is not None else None,
            n, found, harmed(metric, group, gap), status, note,
        )  # fmt: skip


def ranged(metric, attribute, groups):
    part, among = METRICS[metric]
    known = [c for g, c in groups.items() if g != NOT_RECORDED and total(c, among)]
    x, n = ([total(c, o) for c in known] for o in (part, among))
    found = largest_gap(np.array(x), np.array(n))
    status = Status.INSUFFICIENT if min(n) < FLOOR else Status.OK
    return Disparity(
        metric, attribute, "", RANGE, "difference", found.estimate, found.lower, found.upper,
        sum(n), None, "", status, f"over {len(known)} groups",
    )  # fmt: skip


RULES = {
    "missed_need_gap": (
        "I0",
        "false_negative_rate",
        "difference",
        0.05,
        Effect.BLOCK_UNLESS_WITHIN,
    ),
    "missed_need_ratio": ("I0", "false_negative_rate", "ratio", 1.25, Effect.BLOCK_UNLESS_WITHIN),
    "false_selection_gap": ("I1", "false_positive_rate", "difference", 0.05, Effect.EXPLAIN),
    "selection_ratio": ("I1", "selection_rate", "ratio", 1.25, Effect.EXPLAIN),
}


def judged(rule, attribute, group, groups, m, detectable):
    requirement, metric, statistic, limit, effect = RULES[rule]
    part, among = METRICS[metric]
    own, rest = groups[group], rest_of(groups, group)
    x, n, y, k = (total(c, o) for c in (own, rest) for o in (part, among))
    blank = Check(
        requirement, rule, attribute, group, Outcome.UNDEFINED, None, None, None, None, None,
        limit, effect, "", "no rows of the group to divide by", metric, statistic, REST, n, None,
    )  # fmt: skip
    if not n:
        return blank
    gaps = [gap_bounds(x, n, y, k, a) for a in (ALPHA, ALPHA / m)]
    ratios = [ratio_bounds(x, n, y, k, a) for a in (ALPHA, ALPHA / m)]
    gap = x / n - y / k
    if statistic == "difference":
        ends = [float(e) for b in gaps for e in (b.lower, b.upper)]
        outcome, used = judge_gap(*ends, limit), gaps
    else:
        outcome, used = judge_joint(ratios[0], gaps[0], ratios[1], gaps[1], limit, 0.02), ratios
    within, breach = used
    lower = (within if gap < 0 or outcome is Outcome.WITHIN else breach).lower
    upper = (breach if gap < 0 and outcome is not Outcome.WITHIN else within).upper
    few = n < FLOOR and outcome is not Outcome.BREACH
    return replace(
        blank,
        outcome=Outcome.INDETERMINATE if few else outcome,
        estimate=gap if statistic == "difference" else (x / n) / (y / k),
        lower=number(lower),
        upper=number(upper),
        level_lower=1 - (ALPHA if gap < 0 else ALPHA / m),
        level_upper=1 - (ALPHA / m if gap < 0 else ALPHA),
        worse_off=harmed(metric, group, gap),
        note=f"{n} rows, at least {FLOOR} wanted" if few else "",
        detectable=detectable if statistic == "difference" else None,
    )


def found_by(n, limit=0.05):
    """A rough size of the gap that n people would show; the engine solves it exactly."""
    return limit + 3.2 * (0.2 * 0.8 / n) ** 0.5 if n else None


FEATURES = (
    "household_size", "distance_to_market_km", "income_estimate", "shelter_type", "phone",
    "months_displaced", "head_age", "livestock", "district", "children_under_5",
)  # fmt: skip


def attribution(attribute, group, feature, n, shift):
    place = FEATURES.index(feature)
    size = 0.9 / (1 + place)
    mean = size * 0.4 * np.sin(1.7 * place + 1) + shift * size
    half = 1.5 * size / n**0.5
    values = (size + abs(shift) * size, mean, mean - half, mean + half)
    shown = (float(v) if n >= 10 else None for v in values)
    ranks = ((2, 3) if place in (1, 2) else (place + 1, place + 1)) if n >= 10 else (None, None)
    noise = 0.02 * size if attribute == ALL else None
    return Attribution(attribute, group, feature, *shown, n, "log-odds", *ranks, noise)


def quality(sizes):
    """What is said of how good the attributions are, of everyone, every group and every input."""
    rows = []
    for (attribute, group), n in {(ALL, ALL): 2000, **sizes}.items():
        off = 0.41 if group == ">=61" else 0.2
        few = ("fewer than 10 rows are explained",) if n < 10 else ()
        shown = (None,) * 4 if few else (3.1e-9, off, off - 0.05, off + 0.05)
        status = Status.INSUFFICIENT if few else Status.OK
        for measure, numbers in (
            ("additivity", (shown[0], None, None)),
            ("fidelity", shown[1:]),
        ):
            rows.append(
                ExplanationQuality(
                    measure, attribute, group, "", *numbers, n, "log-odds", status, *few
                )
            )
    for measure, value in (("stability", 0.95), ("agreement", 0.7)):
        n = 100 if measure == "stability" else 200
        rows.append(ExplanationQuality(measure, ALL, ALL, "", value, None, None, n, "", Status.OK))
    for place, feature in enumerate(FEATURES):
        moved = 0.9 / (1 + (place - 1) % len(FEATURES))
        rows.append(
            ExplanationQuality(
                "permutation", ALL, ALL, feature, moved, None, None, 200, "log-odds", Status.OK
            )
        )
    return tuple(rows)


def attributed(sizes):
    rows = [attribution(ALL, ALL, f, 2000, 0.0) for f in FEATURES]
    for (attribute, group), n in sizes.items():
        shift = -0.6 if group == ">=61" else 0.12 * (len(group) % 5 - 2)
        rows += [attribution(attribute, group, f, n, shift) for f in FEATURES]
    return tuple(rows)


def contributions(rows):
    everyone = {a.feature: a.mean for a in rows if a.attribute == ALL}
    out = []
    for attribute, group in dict.fromkeys(
        (a.attribute, a.group) for a in rows if a.attribute != ALL
    ):
        for a in (a for a in rows if (a.attribute, a.group) == (attribute, group)):
            value = None if a.mean is None else a.mean - everyone[a.feature]
            low, high = (None, None) if value is None else (value - 0.03, value + 0.03)
            out.append(
                DisparityAttribution(attribute, group, REST, a.feature, value, low, high, a.unit)
            )
        out.append(
            DisparityAttribution(attribute, group, REST, SAMPLING, 0.004, -0.011, 0.019, "log-odds")
        )
    return tuple(out)


def errors(rows):
    """A hundredth of the gaps in output, as gaps in error: what is told, not how it is computed."""
    n = {(a.attribute, a.group): a.n for a in rows}
    scaled = [
        (d, *(None if v is None else v / 100 for v in (d.contribution, d.lower, d.upper)))
        for d in contributions(rows)
    ]
    return tuple(
        ErrorAttribution(
            d.attribute, d.group, REST, feature, *values, "Brier score", n[d.attribute, d.group]
        )
        for d, *values in scaled
        for feature in ([d.feature] if d.feature != SAMPLING else [OUTCOME, SAMPLING])
    )


def excluded(tables, reason, scope, outcome):
    rows = [Exclusion(reason, scope, ALL, ALL, sum(c[outcome] for c in CELLS.values()))]
    for attribute, groups in tables.items():
        if "*" not in attribute:
            rows += [
                Exclusion(reason, scope, attribute, g, c[outcome])
                for g, c in groups.items()
                if c[outcome]
            ]
    return rows


def bounded(checks, tables):
    """Two points either way for the people not recorded: what is told, not how it is computed."""
    return tuple(
        UnknownBound(
            c.metric, c.attribute, c.group, c.against, c.estimate, c.estimate - 0.02,
            c.estimate + 0.02, 40, c.check, c.limit, c.outcome,
            abs(c.estimate) + 0.02 > c.limit > abs(c.estimate), Status.OK, c.note,
        )
        for c in checks
        if c.statistic == "difference" and c.estimate is not None and c.group != NOT_RECORDED
        and NOT_RECORDED in tables[c.attribute]
    )  # fmt: skip


def mislabelled(checks, tables):
    """Some wrong labels of every gap: what is told, not how it is counted."""
    return tuple(
        LabelError(
            c.metric, c.attribute, c.group, c.against, error, c.estimate, c.limit, labels, 4000,
            None if labels is None else labels / 4000, c.check, c.outcome,
            Status.UNDEFINED if labels is None else Status.OK, "" if labels else c.note,
        )
        for c in checks
        if c.statistic == "difference"
        for error, many in (("any", 12.0), ("unrelated", 30.5))
        for labels in (None if c.estimate is None or c.group == NOT_RECORDED else many,)
    )  # fmt: skip


def build(depth=2):
    tables = {"*".join(names): count(names) for names in crossings(LEVELS, depth)}
    everyone = {o: sum(c[o] for c in CELLS.values()) for o in OUTCOMES}
    m = sum(len(groups) for groups in tables.values())
    places = [(a, g) for a, groups in tables.items() for g in groups]
    n_of = {
        (metric, a, g): total(tables[a][g], among)
        for metric, (_, among) in METRICS.items()
        for a, g in places
    }
    checks = tuple(
        judged(rule, a, g, tables[a], m, found_by(n_of[RULES[rule][1], a, g]))
        for rule in RULES
        for a, g in places
    )
    measurements = tuple(
        measured(metric, a, g, cells)
        for metric in METRICS
        for a, g, cells in [(ALL, ALL, everyone), *((a, g, tables[a][g]) for a, g in places)]
    )
    disparities = tuple(
        row
        for metric in METRICS
        for a, groups in tables.items()
        for row in (
            *(
                r
                for g in groups
                for r in compared(metric, a, g, groups, found_by(n_of[metric, a, g]))
            ),
            ranged(metric, a, groups),
        )
    )
    sizes = {(a, g): min(600, total(tables[a][g], OUTCOMES)) for a, g in places if "*" not in a}
    rows = attributed(sizes)
    read = total(everyone, OUTCOMES)
    used = read - everyone["undecided"]
    blocked = [c for c in checks if c.effect.blocks]
    beyond = [c for c in blocked if c.outcome is Outcome.BREACH]
    open_ = [c for c in blocked if c.outcome in (Outcome.INDETERMINATE, Outcome.UNDEFINED)]
    return AuditRecord(
        format="auditkit.audit/1",
        date="2026-11-23",
        system=SystemInfo(
            "Aid targeting score", "2026.10", "sandbox", "binary", "in_need", "yes",
            "cash", "yes", "benefit", "HistGradientBoostingClassifier",
        ),
        sampling=SamplingInfo(),
        policy=PolicyInfo(
            "icrc", "0.1", "A reading of the ICRC policy on AI; every number is a proposal",
            "ICRC policy on artificial intelligence", "high",
            "High because severity is serious and vulnerable is yes.", ALPHA, FLOOR, m,
        ),
        requirements=(
            Requirement(
                "I0", "Impartiality: priority follows need",
                "Assistance is prioritised by need, with no adverse distinction between groups.",
                "policy; metric and limits are proposals",
                ("missed_need_gap", "missed_need_ratio"),
            ),
            Requirement(
                "I1", "Known bias is understood and explained",
                "Differences that are not a harm by themselves are explained before use.",
                "policy; metric and limits are proposals",
                ("false_selection_gap", "selection_ratio"),
            ),
        ),
        attributes=(
            *(AttributeInfo(a, a, "measured", "", a == "age") for a in LEVELS),
            AttributeInfo("disability", "disability", "not_collected", "", False),
            AttributeInfo("ethnicity", "race", "unsafe_to_collect", "", False),
        ),
        intersections=depth,
        disposition=Disposition.NOT_READY,
        reasons=(
            f"{len(beyond)} blocking checks are beyond their limit and have no mitigation yet.",
            f"{len(open_)} blocking checks cannot be answered with these data.",
        ),
        findings=tuple(
            Finding(c.requirement, c.check, c.attribute, c.group, c.effect, c.worse_off)
            for c in checks
            if c.outcome is Outcome.BREACH
        ),
        rows=Rows(read, used, used - everyone["unlabelled"]),
        groups=(
            GroupSize(ALL, ALL, read, used, used - everyone["unlabelled"]),
            *(
                GroupSize(
                    a, g, total(c, OUTCOMES), total(c, OUTCOMES[:5]), total(c, OUTCOMES[:4])
                )
                for a, groups in tables.items()
                for g, c in groups.items()
            ),
        ),
        exclusions=(
            *excluded(tables, "no decision", "all", "undecided"),
            *excluded(tables, "no recorded outcome", "error_metrics", "unlabelled"),
        ),
        measurements=measurements,
        spreads=(),
        stratified_disparities=(),
        equal_need=(),
        need_depth=(),
        need_ranks=(),
        baseline=(),
        seeds=(),
        calibration=(),
        brier=(),
        class_measurements=(),
        class_disparities=(),
        confusion=(),
        own_metrics=(),
        budgets=(),
        exposure=(),
        cuts=(),
        declared_shares=(),
        unknown_bounds=bounded(checks, tables),
        label_error=mislabelled(checks, tables),
        disparities=disparities,
        checks=checks,
        self_test=(),
        explanation=Explanation(
            Status.OK, "shap TreeExplainer", "log-odds", 2000, read, 50, 3.1e-9, 1e-6, "",
            background_rule="drawn from the sampled rows", background_digest="5e" * 32,
            half_width=0.06, half_width_aim=0.011, rows_needed=6800,
            widest=("age", ">=61", "income_estimate"), limited_by="cap",
            together=(Together("livestock", ("livestock", "goats"), 0.93),),
            first_inputs=FEATURES[:5],
        ),
        attributions=rows,
        disparity_attributions=contributions(rows),
        error_explanation=Explanation(
            Status.OK, "exact Shapley values of the loss over all sets of source columns",
            "Brier score", 1900, 6100, 50, 3e-16, 1e-6, "",
        ),
        error_attributions=errors(rows),
        proxies=(),
        explanation_quality=quality({(a.attribute, a.group): a.n for a in rows if a.group != ALL}),
        determinism=(),
        probes=(),
        flips=(),
        responses=(),
        removals=(),
        notes=("Attribute 'gender': 'F' were counted as 'female'.",),
        provenance=Provenance(
            (SourceFile("data", "households.csv", "9f2c" * 16, 812_345),),
            Digests(*(f"{i:x}" * 64 for i in range(1, 6))),
            (Version("python", "3.11.2"), Version("auditkit", "0.1.0")),
            7,
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def record():
    """The audit as it is told: three attributes and their crossings in pairs."""
    return build()


@pytest.fixture(scope="session")
def small():
    """The same people without crossings."""
    return build(depth=1)


@pytest.fixture(scope="session")
def page_of():
    """Write the page of a record once for all tests."""
    from auditkit.report.html import page

    pages = {}

    def once(record):
        if id(record) not in pages:
            pages[id(record)] = record, page(record)
        return pages[id(record)][1]

    return once


@pytest.fixture(scope="session")
def explored(small):
    """An audit before anything may be decided."""
    return replace(
        small,
        system=replace(small.system, stage="explore"),
        disposition=Disposition.NONE,
        reasons=("Stage is explore: no disposition is given.",),
    )


@pytest.fixture(scope="session")
def unlabelled(record):
    """Decisions without a recorded outcome and without a model."""
    why = "no label column, so no recorded outcome to compare with"

    def blank(row):
        if row.metric in ("selection_rate", "missing_decision_rate"):
            return row
        nothing = {"estimate": None, "lower": None, "upper": None, "note": why, "n": 0}
        if isinstance(row, Measurement):
            nothing |= {"numerator": None, "denominator": None}
        return replace(row, **nothing, status=Status.NOT_APPLICABLE)

    missing = {"attribute": ALL, "group": ALL, "outcome": Outcome.MISSING, "n": 0, "note": why}
    missing |= {"estimate": None, "lower": None, "upper": None, "detectable": None, "worse_off": ""}
    kept = [c for c in record.checks if c.metric == "selection_rate"]
    lost = {c.check: replace(c, **missing) for c in record.checks if c not in kept}
    return replace(
        record,
        system=replace(record.system, label="", positive="", model=""),
        checks=(*lost.values(), *kept),
        measurements=tuple(map(blank, record.measurements)),
        spreads=(),
        stratified_disparities=(),
        equal_need=(),
        need_depth=(),
        need_ranks=(),
        baseline=(),
        seeds=(),
        calibration=(),
        brier=(),
        class_measurements=(),
        class_disparities=(),
        confusion=(),
        own_metrics=(),
        budgets=(),
        exposure=(),
        cuts=(),
        unknown_bounds=(),
        label_error=(),
        disparities=tuple(map(blank, record.disparities)),
        explanation=Explanation(
            Status.NOT_APPLICABLE, "", "", 0, 0, 0, None, None, "no model was given"
        ),
        attributions=(),
        disparity_attributions=(),
        error_explanation=Explanation(
            Status.NOT_APPLICABLE, "", "", 0, 0, 0, None, None, "no model was given"
        ),
        error_attributions=(),
        proxies=(),
        explanation_quality=(),
        determinism=(),
        probes=(),
        flips=(),
        responses=(),
        removals=(),
    )


@pytest.fixture(scope="session")
def burdened(record):
    """The same counts where being selected is a burden."""
    return replace(record, system=replace(record.system, outcome="burden", label="fraud"))


@pytest.fixture(scope="session")
def hostile(record):
    """Names that strangers might give: markup, mathematics, other scripts, hidden characters."""
    names = {
        "female": "<script>alert(1)</script>",
        "male": r'$\frac{1}{0}$ & id="y" #1b1f24',
        "host community": "国内避难者在非常遥远的地方居住的非常长的名字没有尽头" * 3,
        "displaced": "a\u202eb\x00c\ud800",
        "stateless": "ငါး 🏠",
    }

    def renamed(row):
        changes = {
            field: "*".join(names.get(part, part) for part in getattr(row, field).split("*"))
            for field in ("group", "worse_off")
            if hasattr(row, field)
        }
        return replace(row, **changes)

    tables = ("checks", "measurements", "disparities", "groups", "exclusions", "attributions",
        "explanation_quality")  # fmt: skip
    changes = {table: tuple(map(renamed, getattr(record, table))) for table in tables}
    contributions_ = tuple(map(renamed, record.disparity_attributions))
    changes["error_attributions"] = tuple(map(renamed, record.error_attributions))
    system = replace(record.system, name="</title><b>x", label="need $x$", decision="'\"><img>")
    return replace(record, **changes, disparity_attributions=contributions_, system=system)
