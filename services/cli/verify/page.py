"""`staffetta verify` for a person or a program: progress while topics are read, a table of checks, each finding."""

import asyncio
from typing import TYPE_CHECKING

from pydantic import SecretStr

from services.chassis.settings import Settings, from_environment
from services.cli.faults import CannotDo
from services.cli.session import Session
from services.cli.verify.report import Looked, Report
from services.cli.verify.verifying import verify as look
from services.cli.words import Words

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_PAGE = 50


def verify(session: Session, wait_s: float, again_s: float) -> None:
    """Look at everything; fails when a promise is broken."""
    where = session.endpoints
    found = {"kafka_url": where.need_kafka(), "mongo_url": SecretStr(where.need_mongo()), "namespace": where.namespace}
    settings = from_environment().model_copy(update=found)
    report = asyncio.run(_look(settings, wait_s, again_s))
    session.tell(report.as_data(), lambda console, words: _page(report, console, words))
    if report.findings:
        raise CannotDo(f"{len(report.findings)} findings.", "docs/operating.md says what each check means.")


async def _look(settings: Settings, wait_s: float, again_s: float) -> Report:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("verify", total=None)
        return await look(
            settings, patience_s=wait_s, moment_s=again_s,
            tell=lambda done, total: progress.update(bar, completed=done, total=total),
        )  # fmt: skip


def _page(report: Report, console: "Console", words: Words) -> None:
    from rich.table import Table

    table = Table("", *(words(h) for h in ("check", "looked_at", "found", "not_checked")), box=None, pad_edge=False)
    for looked in report.checks:
        table.add_row(*_row(looked, words))
    console.print(table)
    console.print(summary(report))
    if report.findings:
        found = Table(*(words(h) for h in ("check", "about", "wrong")), box=None, pad_edge=False)
        for finding in report.findings[:LONGEST_PAGE]:
            found.add_row(finding.check, finding.aggregate, finding.wrong)
        console.print(found)
        if (more := len(report.findings) - LONGEST_PAGE) > 0:
            console.print(f"… + {more}: --json")
    else:
        console.print(words("nothing_wrong"))


def _row(looked: Looked, words: Words) -> tuple[str, ...]:
    mark = "[bold red]no[/]" if looked.findings else "[green]ok[/]"
    gone = ", ".join(f"{count} ({words(reason)})" for reason, count in looked.not_checked.items())
    return mark, looked.check, str(looked.looked_at), str(len(looked.findings)), gone


def summary(report: Report) -> str:
    read = f"{report.messages} messages read, {report.repeats} of them repeats"
    rest = "until nothing was under way" if report.settled else "and messages are still under way"
    return f"{read}; waited {report.waited_s:.1f} s {rest}{'; looked twice' if report.again else ''}"
