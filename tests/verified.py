"""What a scenario ends with: the databases and topics of its network are read, and every promise was kept."""

from services.chassis.settings import Settings
from services.cli.verify.report import Report
from services.cli.verify.verifying import verify


async def assert_verified(settings: Settings, *, patience_s: float = 120) -> Report:
    """While its services still run. patience_s: how long what is under way may take; a network at rest takes none."""
    report = await verify(settings, patience_s=patience_s)
    faults = [f"{found.check}: {found.aggregate}: {found.wrong}" for found in report.findings]
    assert not faults, "\n".join([f"{len(faults)} promises are broken", *faults[:30]])
    assert report.settled, f"messages were still under way after {report.waited_s:.0f} s"
    return report
