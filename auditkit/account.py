"""Plan and evidence become the parts of a record that say what was audited, and from what."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from auditkit.evidence.counts import outcome_cells
from auditkit.evidence.gather import Evidence
from auditkit.evidence.models import called
from auditkit.plan import Above, AuditPlan
from auditkit.policy.schema import Policy
from auditkit.record import code_digest, plan_digest, versions
from auditkit.results import (
    ALL,
    AttributeInfo,
    Digests,
    Explanation,
    GroupSize,
    ModelFileInfo,
    Provenance,
    Rows,
    SamplingInfo,
    SystemInfo,
)
from auditkit.scores.sweeps import deployed_cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def system(plan: AuditPlan, evidence: Evidence) -> SystemInfo:
    """Say what is audited."""
    cut, basis = deployed_cut(plan, evidence)
    selected = plan.data.selected
    if isinstance(selected, Above):
        words = f"above {selected.above:g}"
    else:
        words = ", ".join(selected if selected is not None else plan.data.positives)
    model = called(evidence.scorer.model) if evidence.scorer is not None else ""
    tabled = evidence.scorer is None and plan.data.decision is None
    if tabled and selected is None:
        words = "yes"
    label, positive = plan.data.label, ", ".join(plan.data.positives)
    if label is None and plan.data.recorded is not None:
        label, positive = plan.data.recorded, _in_need(plan)
    return SystemInfo(
        name=plan.system.name,
        version=plan.system.version,
        stage=plan.system.stage,
        task=plan.data.task,
        label=label or ("recorded outcome" if tabled else ""),
        positive=positive or ("positive" if tabled else ""),
        decision=plan.data.decision or ("selected" if tabled else ""),
        selected=words,
        outcome=plan.data.outcome,
        model=model,
        score=plan.data.score or ("the model's probability" if evidence.scores else ""),
        need=plan.data.need or "",
        baseline=plan.data.baseline or "",
        seeds=plan.data.seeds,
        quota=plan.data.quota,
        cut=cut,
        cut_basis=basis,
        in_need=_in_need(plan),
        need_reliability=plan.data.need_reliability,
        tolerance=plan.data.tolerance,
    )


def model_file(evidence: Evidence) -> ModelFileInfo | None:
    """Say of which kind a model file is, and whether it was saved with another version."""
    file = evidence.scorer.file if evidence.scorer is not None else None
    if file is None:
        return None
    other = file.saved_with if file.saved_with != file.read_with else ""
    return ModelFileInfo(file.kind, other, file.read_with, file.ran_code)


def _in_need(plan: AuditPlan) -> str:
    """Say who counts as in need, where need has a column of its own."""
    chosen = plan.data.in_need
    if isinstance(chosen, Above):
        return f"above {chosen.above:g}"
    return ", ".join(chosen or ())


def sampling(plan: AuditPlan, evidence: Evidence) -> SamplingInfo:
    """Say how the rows were drawn."""
    data, design = plan.data, evidence.groups.design
    units = [] if design is None else design.units.tolist()
    return SamplingInfo(
        weight=data.weight or "",
        cluster=data.cluster or "",
        strata=data.strata or "",
        count=data.count or "",
        control=data.control or "",
        control_reason=data.control_reason,
        clusters=sum(units) if data.cluster is not None else None,
        strata_count=len(units) if data.strata is not None else None,
    )


def attributes(plan: AuditPlan, evidence: Evidence) -> tuple[AttributeInfo, ...]:
    """Say what the plan says of each attribute, and whether the model reads its column."""
    inputs = evidence.scorer.features if evidence.scorer is not None else ()
    return tuple(
        AttributeInfo(
            a.name,
            a.ground,
            a.state,
            a.reference or "",
            a.state == "measured" and a.column in inputs,
        )
        for a in plan.attributes.values()
    )


def group_sizes(evidence: Evidence) -> tuple[GroupSize, ...]:
    """Count the rows of every group: all, with a decision, with a recorded outcome too."""
    cells = outcome_cells()
    own = evidence.groups.own
    return tuple(
        GroupSize(
            a,
            g,
            int(row.sum()),
            int(row[cells.decided].sum()),
            int(row[cells.decided & cells.labelled].sum()),
        )
        for (a, g), row in zip(evidence.groups.names, own, strict=True)
    )


def rows(evidence: Evidence) -> Rows:
    """Account for the rows: read, used, used with a recorded outcome."""
    sizes = group_sizes(evidence)
    whole = sizes[0] if sizes[0].rows else max(_by_attribute(sizes), key=lambda size: size.rows)
    return Rows(whole.rows, whole.decided, whole.labelled, *evidence.unmatched)


def _by_attribute(sizes: tuple[GroupSize, ...]) -> list[GroupSize]:
    """Add up the groups of each attribute, where a table of counts says nothing of everybody."""
    out = []
    for attribute in dict.fromkeys(size.attribute for size in sizes):
        own = [size for size in sizes if size.attribute == attribute]
        sums = (sum(getattr(size, k) for size in own) for k in ("rows", "decided", "labelled"))
        out.append(GroupSize(attribute, ALL, *sums))
    return out


def content(evidence: Evidence, *, decisions: bool) -> str:
    """Digest what was counted: with the decisions or predictions, or without them."""
    counts = evidence.counts
    if evidence.residuals is None:
        return (evidence.classes or counts).digest(decisions=decisions)
    if not decisions:  # whether an error is beyond the tolerance is not of the data alone
        known = counts.table.reshape(-1, 3, 3)
        counts = replace(counts, table=known.sum(axis=2), weight=None, square=None)
        counts = replace(counts, table=_recorded(counts.table))
    digest = counts.digest(decisions=True) + evidence.residuals.digest(decisions=decisions)
    return hashlib.sha256(digest.encode()).hexdigest()


def _recorded(table: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Put the two sides of the tolerance together, shape (C, 3): recorded, nothing, unknown."""
    import numpy as np

    both = table[:, :2].sum(axis=1)
    return np.stack([both, np.zeros_like(both), table[:, 2]], axis=1)


def with_background(plan: AuditPlan, evidence: Evidence, explanation: Explanation) -> Explanation:
    """Put down what settles the background rows, where an explanation has any."""
    sample = evidence.sample
    if sample is None or not explanation.background_rule:
        return explanation
    mean = float(sample.strata_rows @ sample.strata_output / sample.strata_rows.sum())
    settled = (
        explanation.background_rule,
        explanation.background,
        plan.audit.seed,
        content(evidence, decisions=True),
        f"{mean:.10g}",
    )
    digest = hashlib.sha256("\n".join(map(str, settled)).encode()).hexdigest()
    return replace(explanation, background_digest=digest)


def provenance(plan: AuditPlan, policy: Policy, evidence: Evidence) -> Provenance:
    """Say what the audit was made from, by content."""
    return Provenance(
        source=evidence.files,
        digests=Digests(
            data=content(evidence, decisions=False),
            decisions=content(evidence, decisions=True),
            plan=plan_digest(plan),
            policy=policy.digest,
            code=code_digest(),
            baseline=evidence.paired.digest(decisions=True) if evidence.paired else "",
            scores=evidence.scores.digest() if evidence.scores else "",
            seeds=tuple(counts.digest(decisions=True) for counts in evidence.seeds),
        ),
        versions=versions(),
        seed=plan.audit.seed,
    )
