"""What was audited, against what and from which rows: what says of an audit what it is."""

from dataclasses import dataclass

from auditkit.results.words import Above0, Count, CutBasis


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """What is audited.

    ``need`` is the column of need: the label's, where the plan says that it records need, or one of
    its own. ``in_need`` says who counts as in need there; without a label that is the recorded
    outcome. ``need_reliability`` is what the plan declares. ``baseline`` is the column of what is
    decided today, ``quota`` the number of places that a budget pays for, ``cut`` the
    score above which people are selected, where decisions follow one. Of a ``regression`` the
    decision is a predicted amount, and ``tolerance`` the error, in the label's units, beyond which
    a prediction harms.
    """

    name: str
    version: str
    stage: str
    task: str
    label: str
    positive: str
    decision: str
    selected: str
    outcome: str
    model: str
    score: str = ""
    need: str = ""
    baseline: str = ""
    seeds: tuple[str, ...] = ()
    quota: int | None = None
    cut: float | None = None
    cut_basis: CutBasis = CutBasis.UNKNOWN
    in_need: str = ""
    need_reliability: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class ModelFileInfo:
    """The file a model came out of.

    ``saved_with`` is the library and version it was saved with, empty where the file does not say
    or where it is ``read_with``. ``ran_code`` says that the file is a pickle, which runs code when
    it is opened, and that a person allowed it.
    """

    kind: str
    saved_with: str
    read_with: str
    ran_code: bool


@dataclass(frozen=True, slots=True)
class SamplingInfo:
    """How the rows were drawn: the columns that say so, and how many clusters and strata.

    ``control`` is not part of the drawing: it is the factor at whose values groups are compared
    too, and ``control_reason`` says why that is legitimate.
    """

    weight: str = ""
    cluster: str = ""
    strata: str = ""
    count: str = ""
    control: str = ""
    control_reason: str = ""
    clusters: int | None = None
    strata_count: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """Against what it is judged; ``hypotheses`` is the number the breach level is divided by."""

    id: str
    version: str
    title: str
    source: str
    level: str
    level_reason: str
    alpha: Above0
    floor: Count
    hypotheses: Count


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement of the policy, in its words and with the standing of its numbers."""

    id: str
    title: str
    text: str
    status: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """What the plan says of one protected attribute, and whether the model reads its column."""

    name: str
    ground: str
    state: str
    reference: str
    model_input: bool


@dataclass(frozen=True, slots=True)
class GroupSize:
    """How many rows a group has, how many with a decision, how many with label and decision."""

    attribute: str
    group: str
    rows: Count
    decided: Count
    labelled: Count


@dataclass(frozen=True, slots=True)
class Rows:
    """Row accounting: ``read`` = ``used`` + rows excluded from all metrics.

    ``unmatched`` rows of the data found no protected attributes in the source that keeps them
    apart; ``unmatched_protected`` rows of that source belong to no row of the data.
    """

    read: Count
    used: Count
    labelled: Count
    unmatched: Count = 0
    unmatched_protected: Count = 0


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows left out, why, and of what.

    That is ``all`` metrics, ``error_metrics``, ``score_metrics``, the comparison with the
    ``baseline``, or that at equal ``need``.
    """

    reason: str
    scope: str
    attribute: str
    group: str
    rows: Count


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file by name, size and digest; never its place on a machine.

    A table of a database has no digest, and no user or host is told.
    """

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A package that took part."""

    package: str
    version: str


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of what the audit was made from, by content and not by file.

    ``decisions`` are the system's; ``baseline`` is of both decisions about each row, and empty
    where no baseline is declared; ``seeds`` are the same with each other training run.
    ``scores`` are counted by group and recorded outcome, and empty where there are none.
    """

    data: str
    decisions: str
    plan: str
    policy: str
    code: str
    baseline: str = ""
    seeds: tuple[str, ...] = ()
    scores: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. ``source`` stays outside the content digest."""

    source: tuple[SourceFile, ...]
    digests: Digests
    versions: tuple[Version, ...]
    seed: int
