"""What was found wrong with a block, in words: single faults, the report of all of them, and the error that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class BlockFault:
    """One thing that a block does otherwise than it declares, or than pipelines rely on.

    Attributes:
        check: which check found it, as in `BlockReport.checked`. where: block and value.
        what: what is wrong. expected, got: what should be, and what was. advice: what to do.
    """

    check: str
    where: str
    what: str
    expected: str
    got: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}. Expected: {self.expected}. Got: {self.got}. {self.advice}"


@frozen
class BlockReport:
    """What `check_block` found.

    Attributes:
        block: name of the block. faults: all that was found. checked: names of the checks that were made.
        not_checked: names of the others, each with why.
    """

    block: str
    faults: tuple[BlockFault, ...]
    checked: tuple[str, ...]
    not_checked: Mapping[str, str] = field(factory=dict)

    def __bool__(self) -> bool:
        """Return whether nothing was found."""
        return not self.faults

    def __str__(self) -> str:
        many = len(self.faults)
        head = f"{self.block}: {many or 'no'} fault{'s' * (many != 1)} in {len(self.checked)} checks"
        left_out = [f"  not checked: {name} ({why})" for name, why in self.not_checked.items()]
        return "\n".join([head, *(f"  - {each.check}: {each}" for each in self.faults), *left_out])

    def raise_faults(self) -> None:
        """Raise BlockFaultsError if anything was found."""
        if self.faults:
            raise BlockFaultsError(self)


class BlockFaultsError(AssertionError):
    """A block was checked, and faults were found.

    Attributes:
        faults: a sentence for each. report: all of it.
    """

    def __init__(self, report: BlockReport) -> None:
        super().__init__(str(report))
        self.faults = tuple(map(str, report.faults))
        self.report = report
