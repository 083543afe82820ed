"""What the model costs to ask, where the plan wants it measured."""

from auditkit.footprint import DECISIONS, Cost, Footprint
from auditkit.report.story.parts import Cell, Paragraph, Section, table
from auditkit.report.story.words import count

NOT_TOLD = "not told"


def costs(footprint: Footprint | None) -> tuple[Section, ...]:
    """Tell size, processor time, memory and energy; nothing where they were not measured."""
    if footprint is None:
        return ()
    rows: list[tuple[str | Cell, ...]] = [("This model", *_cells(footprint.model))]
    if footprint.smaller is not None:
        rows.append(("A logistic regression on the same columns", *_cells(footprint.smaller)))
    blocks = (
        Paragraph(_how(footprint)),
        table(
            f"Cost of {count(DECISIONS)} decisions",
            "Of what | #Size, bytes | #Processor, seconds | #Memory, bytes | #Energy, joules",
            rows,
        ),
        Paragraph(_own(footprint)),
    )
    return (Section("costs", "What the model costs to ask", "Costs", blocks),)


def _cells(cost: Cost) -> tuple[str, ...]:
    return (
        NOT_TOLD if cost.size is None else count(cost.size),
        f"{cost.seconds:.3f}",
        NOT_TOLD if cost.memory is None else count(cost.memory),
        NOT_TOLD if cost.joules is None else f"{cost.joules:.1f}",
    )


def _how(footprint: Footprint) -> str:
    size = "that of its file" if footprint.from_file else "that of the model written down"
    memory = (
        "all that the process which holds the model has held"
        if footprint.apart
        else "what Python and NumPy held while it was asked; what other libraries took is not seen"
    )
    energy = (
        "Energy is that of the whole machine while it ran, as its processors count it (RAPL)."
        if footprint.model.joules is not None
        else "Energy cannot be read on this machine."
    )
    smaller = (
        " The logistic regression was fitted to the model's own decisions on the sampled rows, to "
        "be timed, and thrown away; nothing is said of what it decides."
        if footprint.smaller is not None
        else ""
    )
    return (
        f"Measured on the machine of this audit, the best of three runs; another run gives other "
        f"numbers, so they are not in the record, audit.json. Size is {size}; memory is {memory}. "
        f"{energy}{smaller}"
    )


def _own(footprint: Footprint) -> str:
    memory = footprint.audit_memory
    held = "" if memory is None else f" and held at most {count(memory)} bytes of memory"
    return (
        f"The audit itself took {footprint.audit_seconds:.1f} seconds of processor time in its own "
        f"process{held}."
    )
