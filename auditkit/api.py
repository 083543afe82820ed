"""The audit as Python users meet it: run it, load it, ask it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from auditkit import documents
from auditkit import record as recording
from auditkit.errors import DataError, PlanError, did_you_mean, unreadable
from auditkit.evidence.alignment import Rowwise
from auditkit.evidence.loading import AllowedPickle
from auditkit.evidence.scoring import Progress
from auditkit.footprint import Footprint
from auditkit.own_metrics import Function, refuse_unfit
from auditkit.pipeline import recorded
from auditkit.plan import Attribute, AuditPlan, make_plan, read_plan
from auditkit.reasons import CaseReasons, Change, reasons
from auditkit.results import ALL, TABLES, AuditRecord, Disposition, Finding, frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def run(
    plan: AuditPlan | str | Path,
    progress: Progress | None = None,
    *,
    allow_pickle: str | None = None,
) -> "Audit":
    """Carry out a plan.

    Parameters
    ----------
    plan : AuditPlan or path
        A plan, or the path of an ``audit.toml``.
    progress : callable, optional
        Told of long work: ``progress(step, done, of)``.
    allow_pickle : str, optional
        SHA-256 of a model file that is a pickle: opening it runs whatever code it holds, in another
        process with limits on memory, time and the size of files. The report says so on page 1.

    Returns
    -------
    Audit

    Raises
    ------
    PlanError, PolicyError, DataError, ModelError
        What cannot be audited, all problems at once, and how to mend them.
    """
    plan = plan if isinstance(plan, AuditPlan) else read_plan(_path("plan", plan))
    if plan.data.source is None:
        raise PlanError("'data.source' is missing. Name the file that holds the rows.")
    path = plan.path(plan.model.source) if plan.model.source is not None else None
    model = _allowed(path, allow_pickle)
    protected = plan.data.protected_source
    return _audited(Asked(plan, plan.data.source, model, protected), progress, {})


def _audited(asked: "Asked", progress: Progress | None, own: Mapping[str, Function]) -> "Audit":
    found = recorded(asked.plan, asked.data, asked.model, progress or _silent, asked.protected, own)
    return Audit(*found, asked)


def _allowed(model: Any, sha256: str | None) -> Any:  # noqa: ANN401
    """Take note of the pickle that a person allows."""
    if sha256 is None:
        return model
    if not isinstance(model, Path):
        raise PlanError("A pickle was allowed, but there is no model file.")
    if not SHA256.fullmatch(sha256):
        raise PlanError(
            "What allows a pickle is the SHA-256 of its file: 64 of the letters 0 to 9 and a to f."
        )
    return AllowedPickle(model, sha256)


SHA256 = re.compile("[0-9a-fA-F]{64}")


def _silent(step: str, done: int, of: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Asked:
    """What was audited: the rows and the model, as they were given."""

    plan: AuditPlan
    data: Any
    model: Any
    protected: Any


@dataclass(frozen=True)
class Reasons:
    """What the model made of one case; printed, it is told in words."""

    found: CaseReasons

    @property
    def changes(self) -> tuple[Change, ...]:
        """The nearest changes that the model decides otherwise on."""
        return self.found.changes

    def table(self) -> "pd.DataFrame":
        """Return a line an input: feature, value and contribution, the largest first."""
        import pandas as pd

        rows = [(f.feature, f.value, f.contribution) for f in self.found.factors]
        return pd.DataFrame(rows, columns=["feature", "value", "contribution"])

    def __repr__(self) -> str:
        from auditkit.report.case import text

        return text(self.found)


@dataclass(frozen=True)
class Audit:
    """What an audit found, for notebooks: tables, figures, the disposition and the report."""

    record: AuditRecord
    footprint: Footprint | None = field(default=None, compare=False, repr=False)
    """What the model costs to ask, if the plan wants it; no part of the record."""
    asked: "Asked | None" = field(default=None, compare=False, repr=False)
    """What was audited, while it is at hand; not kept with the audit."""

    @property
    def disposition(self) -> Disposition:
        """What the audit allows; a named person decides."""
        return self.record.disposition

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The checks beyond their limit."""
        return self.record.findings

    def table(self, name: str) -> "pd.DataFrame":
        """Return a table: measurements, disparities, checks, exclusions, attributions, ...

        Raises
        ------
        PlanError
            There is no such table.
        """
        if name not in [*TABLES]:
            raise PlanError(f"There is no table '{name}'. {did_you_mean(name, TABLES)}")
        return frame(getattr(self.record, name), TABLES[name])

    def figure(self, name: str, by: str) -> "Figure":
        """Draw a check of the policy, a metric, or ``attributions``, by an attribute or crossing.

        ``baseline`` draws the rate of the harm beside that of what is decided today; ``budgets``,
        ``cuts`` of the score and its ``calibration`` are drawn by an attribute, and so is
        ``equal_need``: the share selected in each band of need. ``flips`` draws what becomes of
        groups that the model is told are another, where the attribute is an input; ``proxies`` how
        well the inputs tell the groups.

        Raises
        ------
        PlanError
            There is nothing of that name, or no such attribute.
        """
        from auditkit.report import figures
        from auditkit.report.story.measures import primary

        attributes = {c.attribute for c in self.record.measurements if c.attribute != ALL}
        if by not in attributes:
            raise PlanError(f"There is no attribute '{by}'. {did_you_mean(by, attributes)}")
        checks = {c.check for c in self.record.checks}
        metrics = {m.metric for m in self.record.measurements}
        if name in checks:
            figure = figures.gaps(self.record, name, by)
        elif name in metrics:
            figure = figures.rates(self.record, name, by)
        elif name == "attributions":
            figure = figures.attributions(self.record, by)
        elif name == "proxies" and self.record.proxies:
            figure = figures.proxies(self.record, by)
        elif name == "baseline" and self.record.baseline:
            figure = figures.beside(self.record, primary(self.record), by)
        elif name == "equal_need" and self.record.equal_need:
            figure = figures.at_equal_need(self.record, by)
        elif name == "flips" and self.record.flips:
            figure = figures.flips(self.record, by)
        elif name in figures.AXES:
            figure = figures.swept(self.record, name, by)
        else:
            drawn = ["attributions", *figures.AXES]
            beside = ("baseline", "equal_need", "flips", "proxies")
            drawn += [n for n in beside if getattr(self.record, n)]
            known = {*checks, *metrics, *drawn}
            raise PlanError(f"There is nothing named '{name}' to draw. {did_you_mean(name, known)}")
        figure.set_label(f"{name} by {by}")
        return figure

    def reasons(
        self,
        case: "Mapping[str, object] | pd.Series[Any] | pd.DataFrame",
        actionable: Sequence[str] = (),
    ) -> "Reasons":
        """Tell what moved the model's output in one case, and what it would decide otherwise on.

        It is about one person, and part of no report. The rows are read once more.

        Parameters
        ----------
        case : mapping, Series or DataFrame of one row
            A value for each input of the model.
        actionable : sequence of str
            The inputs that the person can change; no other is ever part of a change.

        Raises
        ------
        PlanError, DataError, ModelError
            The audit was opened from its record or has no model; the case does not fit.
        """
        if self.asked is None:
            raise PlanError(
                "Reasons are asked of the model, which an audit opened from its record does not "
                "have. Run the audit, and ask what that gives."
            )
        listed = [actionable] if isinstance(actionable, str) else list(actionable or ())
        a = self.asked
        return Reasons(reasons(a.plan, a.data, a.model, a.protected, case, listed, _silent))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "asked": None}  # rows and model are not saved with an audit

    def files(self) -> dict[str, str]:
        """Write ``audit.json`` and ``report.html`` as text, by file name."""
        from auditkit.report.html import page

        return {
            recording.RECORD_FILE: recording.dumps(self.record),
            recording.REPORT_FILE: page(self.record, self.footprint),
        }

    def report(self, folder: str | Path) -> Path:
        """Write ``audit.json`` and ``report.html`` into a folder of their own.

        Raises
        ------
        OutputError
            The folder holds other content, or cannot be written.
        """
        folder = _path("folder", folder)
        recording.write(folder, self.files(), self.record)
        return folder

    def _repr_html_(self) -> str:
        from auditkit.report.html import fragment

        html: str = fragment(self.record)
        return html

    def __repr__(self) -> str:
        from auditkit.report.story import headline

        return f"<Audit of {self.record.system.name}: {headline(self.record)}>"


def _path(argument: str, given: object) -> Path:
    if not isinstance(given, str | Path):
        raise PlanError(f"{argument} is a {type(given).__name__}. Give a path.")
    return Path(given)


def load(path: str | Path) -> Audit:
    """Open an audit from its ``audit.json``, or from the folder it is in.

    Raises
    ------
    DataError
        There is no such file, or it is not an audit of this format.
    """
    path = _path("path", path)
    try:
        path = path / recording.RECORD_FILE if path.is_dir() else path
        content = documents.content(path, documents.RECORD_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"Audit '{path.name}' cannot be read: {unreadable(error)}.") from None
    return Audit(recording.loads(content, path.name))


def audit(
    model: Any,  # noqa: ANN401
    data: Any,  # noqa: ANN401
    *,
    outcome: Literal["benefit", "burden"],
    attributes: "Sequence[str | Attribute | pd.Series[Any]]",
    label: "str | pd.Series[Any] | None" = None,
    positive: object = None,
    task: Literal["binary", "multiclass", "regression"] = "binary",
    decision: "str | pd.Series[Any] | None" = None,
    selected: object = None,
    need: "str | pd.Series[Any] | None" = None,
    need_order: Sequence[object] | None = None,
    in_need: object = None,
    need_reliability: float | None = None,
    score: "str | pd.Series[Any] | None" = None,
    score_range: tuple[float, float] | None = None,
    quota: int | None = None,
    weight: "str | pd.Series[Any] | None" = None,
    cluster: "str | pd.Series[Any] | None" = None,
    strata: "str | pd.Series[Any] | None" = None,
    count: str | None = None,
    baseline: "str | pd.Series[Any] | None" = None,
    seeds: "Sequence[str | pd.Series[Any]]" = (),
    control: "str | pd.Series[Any] | None" = None,
    control_reason: str = "",
    tolerance: float | None = None,
    table: str | None = None,
    protected: Any = None,  # noqa: ANN401
    protected_table: str | None = None,
    key: str | None = None,
    intersections: int = 1,
    smallest: int | None = None,
    features: Sequence[str] | Mapping[str, str] | None = None,
    classes: Sequence[object] | None = None,
    allow_pickle: str | None = None,
    policy: str = "icrc",
    answers: Mapping[str, object] | None = None,
    explain: Mapping[str, object] | None = None,
    metrics: Mapping[str, Function] | None = None,
    name: str = "Unnamed system",
    version: str = "",
    stage: Literal["explore", "sandbox", "pre_rollout", "in_use"] = "explore",
    seed: int = 0,
    date: object = None,
    progress: Progress | None = None,
) -> Audit:
    """Audit a model, or a column of decisions, on evaluation rows.

    Parameters
    ----------
    model : estimator, path, callable or None
        A fitted classifier or regressor; the path of a model file (skops, ONNX, XGBoost, LightGBM,
        CatBoost); a function from rows to labels, or to probabilities if ``selected`` cuts them; or
        ``None`` with ``decision``.
    data : DataFrame, table, path or URL
        Evaluation rows: pandas, polars, Arrow, DuckDB, ibis, Spark; the path of a CSV or Parquet
        file, a folder of Parquet files or a DuckDB database; a URL of PostgreSQL or SQLite.
    outcome : {"benefit", "burden"}
        What being selected, or being given more, means to the person.
    attributes : sequence of str, Attribute or Series
        Protected attributes; numbers need an ``Attribute`` with bins.
    label : str or Series, optional
        Recorded outcome; without it error metrics are not applicable.
    positive : value
        The positive value of the label; where the task is multiclass, one or a list of them.
    task : {"binary", "multiclass", "regression"}
        ``multiclass`` where label and decision have more than two values: each class is then told
        against all others too, and the verdict rests on ``positive`` and ``selected`` as it always
        does. ``regression`` where an amount is predicted: then label and decision are numbers, and
        ``model`` is a fitted regressor.
    decision : str or Series, optional
        The decisions, if there is no model.
    selected : value, list of values or {"above": number}, optional
        Which decisions select; by default the positive value of the label.
    need : str, optional
        The column that says how deep need is, at equal values of which groups are compared; or the
        label again, if what it records is need itself and not a stand-in for it.
    need_order : sequence, optional
        The levels of need, least need first, where they are no numbers.
    in_need : mapping or sequence, optional
        Who counts as in need: ``{"above": 3}``, or the highest levels; without a label this is the
        recorded outcome.
    need_reliability : float, optional
        Share of the spread of recorded need that is no error of measurement, above 0 and up to 1.
    score : str or Series, optional
        The scores behind the decisions, if there is no model: probabilities of the positive label,
        or numbers within ``score_range``, which are ranked and averaged only.
    score_range : (float, float), optional
        Lowest and highest score possible, by default 0 and 1.
    quota : int, optional
        How many people the budget can select (in weight where people are weighted), highest scores
        first: who is then left out, at that number of places and around it.
    weight, cluster, strata : str or Series, optional
        Sampling weight of each row, the cluster (household, site) it was drawn in, and the stratum
        it was drawn from.
    count : str, optional
        The column that says how many people each row stands for, where rows are counts.
    baseline : str or Series, optional
        What is decided today about the same rows, by people or by the present rule, read with the
        same ``selected``. It stands beside the system in the tables; no verdict rests on it.
    seeds : sequence of str or Series, optional
        Decisions of the same system about the same rows, trained again with other seeds: how far
        rates and gaps depend on the training run. No verdict rests on them.
    control : str or Series, optional
        A factor at whose values groups are compared too; ``control_reason`` says in a sentence why
        that is legitimate, and is printed.
    tolerance : float, optional
        Of a regression: the largest error that does no harm, in the label's units.
    table : str, optional
        The table of a database: ``name``, ``schema.name``, or a query by URL.
    protected : DataFrame, table, path or URL, optional
        Rows that hold the protected attributes, if these are kept apart from the data.
    protected_table : str, optional
        Like ``table``, for the protected attributes.
    key : str, optional
        The column by which both are joined one to one, compared as text.
    intersections : int
        How many attributes are crossed at most.
    smallest : int, optional
        Smallest denominator that can show a limit to be kept; by default the policy's.
    features : sequence of str or mapping of str to {"number", "text"}, optional
        Columns the model reads, in its order, if it does not know them itself.
    classes : sequence, optional
        Labels in the model's order, if its file knows them by number only, or it is a function.
    allow_pickle : str, optional
        SHA-256 of a model file that is a pickle, to be opened in another process (see ``run``).
    policy, answers
        The policy that judges, and the answers that set its risk level; none means the worst.
    explain : mapping, optional
        ``rows``, ``background``, ``perturbation``, ``stand_ins``; ``{"rows": 0}`` leaves
        attributions out.
    metrics : mapping of str to callable, optional
        Metrics of your own, ``f(y_true, y_pred, sample_weight=None)`` as scikit-learn has them, for
        table ``own_metrics``. Outcomes and decisions are 1 and 0, or names of classes; people are
        in ``sample_weight``. No verdict rests on them.
    name, version, stage, date
        What is audited and when; outside ``explore`` a disposition is given.
    seed : int
        Seed of all randomness.
    progress : callable, optional
        Told of long work: ``progress(step, done, of)``.

    Returns
    -------
    Audit

    Raises
    ------
    PlanError, PolicyError, DataError, ModelError
        What cannot be audited, all problems at once, and how to mend them.
    """
    rows = Rowwise(data)
    content: dict[str, Any] = {
        "system": {"name": name, "version": version, "stage": stage},
        "data": {
            "label": rows.column("label", label),
            "positive": positive,
            "task": task,
            "decision": rows.column("decision", decision),
            "selected": selected,
            "need": rows.column("need", need),
            "need_order": need_order,
            "in_need": in_need,
            "need_reliability": need_reliability,
            "score": rows.column("score", score),
            "score_range": score_range,
            "quota": quota,
            "weight": rows.column("weight", weight),
            "cluster": rows.column("cluster", cluster),
            "strata": rows.column("strata", strata),
            "count": count,
            "baseline": rows.column("baseline", baseline),
            "seeds": rows.columns("seeds", seeds),
            "control": rows.column("control", control),
            "control_reason": control_reason,
            "tolerance": tolerance,
            "outcome": outcome,
            "table": table,
            "key": key,
            "protected_source": str(protected) if isinstance(protected, str | Path) else None,
            "protected_table": protected_table,
        },
        "model": {
            "features": getattr(features, "tolist", lambda: features)(),
            "classes": getattr(classes, "tolist", lambda: classes)(),
        },
        "attributes": rows.attributes(attributes),
        "groups": {"intersections": intersections, "smallest": smallest},
        "policy": {"use": policy, "answers": {} if answers is None else answers},
        "explain": {} if explain is None else explain,
        "audit": {"seed": seed, "date": date},
    }
    if protected is not None and key is None:
        raise PlanError(
            "protected is given without key. Name the column that both sides have and that says "
            "which rows belong together."
        )
    plan = make_plan(content)
    own = {} if metrics is None else metrics
    refuse_unfit(own, plan, counted=model is None and plan.data.decision is None)
    if isinstance(model, str | Path):
        model = Path(model)
    model = _allowed(model, allow_pickle)
    return _audited(Asked(plan, rows.data, model, protected), progress, own)
