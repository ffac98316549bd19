"""`staffetta`: ask the relay, answer for an agency, look after it. Heavy things are imported when they are needed."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from services.cli import session
from services.cli.faults import CannotDo
from services.cli.session import Session, command
from services.cli.words import Words, language

app = typer.Typer(
    callback=session.remember, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown",
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    help="Staffetta carries a person's case from the desk that met them to the agency that can help.",
)  # fmt: skip
parked = typer.Typer(no_args_is_help=True, help="Messages that could not be handled: list, show, replay, discard.")
app.add_typer(parked, name="parked")
directory = typer.Typer(no_args_is_help=True, help="Who the agencies are and what they offer: load.")
app.add_typer(directory, name="directory")
basis = typer.Typer(no_args_is_help=True, help="On what grounds data are shared: withdraw.")
app.add_typer(basis, name="basis")


class Listed(TyperCommand):
    """A command whose help lists the reference data, which is read only when somebody asks for it."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from services.cli.answer import help_page

        self.epilog = help_page(Words(language()))
        super().format_help(ctx, formatter)


Agency = Annotated[str, typer.Option("--agency", "-a", help="The agency's code, such as pa.comune.")]
ReferralId = Annotated[str, typer.Argument(metavar="ID", help="The referral's id, or its code in mails and queues.")]
MessageId = Annotated[str, typer.Argument(metavar="ID", help="The parked message's id.")]
Why = Annotated[str, typer.Option("--why", help="Kept with the act, for whoever asks later. No personal data.")]


@app.command()
@command
def doctor(session: Session) -> None:
    """Say whether this machine and every part of the relay are well, and what to do where not."""
    from services.cli import doctor

    doctor.doctor(session)


@app.command()
@command
def submit(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One intake a line, as JSON.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for the answers once all is sent.", min=0)] = 30,
) -> None:
    """Send intakes over Kafka, each line as its sender_agency, and show every answer.

    A line that was sent before gets its first answer again, so a file may be sent twice. Fails when one is
    refused or missing.
    """
    from services.cli import submit

    submit.submit(session, file, wait)


@app.command()
@command
def referral(
    session: Session,
    referral_id: ReferralId,
    replay: Annotated[bool, typer.Option("--replay", help="Decide again from the facts that were stored.")] = False,
) -> None:
    """Show a referral: where it stands, what happened, and why it went where it went."""
    from services.cli import referral

    referral.referral(session, referral_id, replay=replay)


@app.command()
@command
def queue(session: Session, agency: Agency) -> None:
    """Show what an agency has to answer, the most pressing first. Sensitive services are not named here."""
    from services.cli import referral

    referral.queue(session, agency)


@app.command()
@command
def watch(session: Session, agency: Agency) -> None:
    """Show an agency's queue as it changes, the most pressing first, until Ctrl-C. With --json a line a change."""
    from services.cli import watch

    watch.watch(session, agency)


@app.command()
@command
def feed(
    session: Session,
    agency: Agency,
    since: Annotated[
        str | None,
        typer.Option(help="A day in Italy, such as 2026-11-20, or a time with its offset; else all there is."),
    ] = None,
    over: Annotated[str | None, typer.Option(help="kafka or http; else Kafka where its address is known.")] = None,
) -> None:
    """Print what an agency was told, a line each, from a time to now: for who was away. With --json as CloudEvents.

    Fails, and says from when on all is kept, when something since then was dropped.
    """
    from services.cli import replay

    replay.feed(session, agency, since, over)


@app.command(cls=Listed)
@command
def answer(
    session: Session,
    referral_id: ReferralId,
    said: Annotated[str, typer.Argument(metavar="COMMAND", help="What the agency says; listed below.")],
    agency: Agency,
    reason: Annotated[str | None, typer.Option(help="Why: a code of the lists below.")] = None,
    outcome: Annotated[str | None, typer.Option(help="How it ended, for close: a code of the list below.")] = None,
    text: Annotated[str | None, typer.Option(help="Free text, kept by intake alone.")] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="NAME=VALUE", help="Any other field, as listed below; again for more."),
    ] = None,
    expected_version: Annotated[int | None, typer.Option(min=0, help="Refuse when the referral has moved on.")] = None,
) -> None:
    """Answer a referral for an agency, through the gateway. Fails when the answer is a refusal."""
    from services.cli import answer

    answer.answer(
        session, referral_id, said, agency=agency, reason=reason, outcome=outcome, text=text, stated=fields or (),
        expected_version=expected_version,
    )  # fmt: skip


@basis.command("withdraw")
@command
def withdraw_bases(
    session: Session,
    intake_id: Annotated[str, typer.Argument(metavar="INTAKE", help="The intake's id.")],
    refs: Annotated[list[str], typer.Argument(metavar="BASIS...", help="What the intake calls them, such as b1.")],
    agency: Agency,
    cause: Annotated[
        str,
        typer.Option(
            help="Why: consent_withdrawn, objection_upheld, recipient_excluded, vital_interest_not_confirmed."
        ),
    ],
) -> None:
    """Take sharing bases of an intake back: open referrals that rest on them are revoked, and named here.

    Fails when it is refused.
    """
    from services.cli import basis

    basis.withdraw(session, intake_id, refs, agency=agency, cause=cause)


@app.command()
@command
def topics(
    session: Session,
    agency: Annotated[
        str | None, typer.Option("--agency", "-a", help="Count this agency's own topics only, not all agencies'.")
    ] = None,
) -> None:
    """Show the topics of the network: owner, readers, partitions, what they hold, and which group is how far behind."""
    from services.cli import topics

    topics.topics(session, agency)


@app.command()
@command
def token(
    session: Session,
    agency: Annotated[
        str | None, typer.Option("--agency", "-a", help="Whom it speaks for; none for the network.")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role, such as ops or network; again for more.")] = None,
    minutes: Annotated[float, typer.Option(min=1, help="How long it is good.")] = 60,
) -> None:
    """Print a bearer token of this machine's own issuer (ES256), for trying the HTTP doors."""
    from services.cli import tokens

    signed = tokens.sign(session.endpoints.state, agency=agency, roles=role or (), minutes=minutes)
    session.tell({"token": signed}, lambda _console, _words: print(signed))


@app.command()
@command
def verify(
    session: Session,
    wait: Annotated[float, typer.Option(help="Seconds to wait until no message is under way.", min=0)] = 30,
    again: Annotated[float, typer.Option(help="Seconds after which what was found is looked for again.", min=0)] = 3,
) -> None:
    """Read the databases and topics of the network and check what it promises; fails when something is wrong.

    It only reads, by KAFKA_URL and MONGO_URL or what ./dev up wrote down, and never shows what is known of a person.
    """
    from services.cli.verify import page

    page.verify(session, wait, again)


@app.command()
@command
def conform(
    session: Session,
    agency: Agency,
    offer: Annotated[
        str | None, typer.Option(help="An open offer of the agency's own to send to; else one is chosen.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(help="Another agency that agreed to be sent a synthetic person and to give a receipt.")
    ] = None,
    foreign: Annotated[str | None, typer.Option(help="The id of a referral that is not the agency's.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for each answer.", min=1)] = 30,
) -> None:
    """Try what the network promises to an agency, as the agency and with people that do not exist.

    They are sent to the agency's own offer: nobody else is told. What was opened is ended again, also on Ctrl-C.
    Fails when a promise is broken.
    """
    from services.cli.conform import page

    page.conform(session, agency, offer=offer, partner=partner, foreign=foreign, wait_s=wait)


@app.command()
@command
def mail(
    session: Session,
    mail_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them, to be read.")] = None,
) -> None:
    """List the mails that the relay of this machine has sent, or show one."""
    from services.cli import mail

    if mail_id is None:
        mail.listed(session)
    else:
        mail.show(session, mail_id)


@directory.command("load")
@command
def load_directory(
    session: Session,
    files: Annotated[list[Path], typer.Argument(metavar="FILE.json...", help="Agencies and offers, as JSON.")],
    check: Annotated[bool, typer.Option("--check", help="Send nothing; say whether all of it makes sense.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the answers.", min=0)] = 60,
) -> None:
    """Tell the directory of agencies and offers: all of the files make sense, or nothing is sent.

    A file that was loaded before changes nothing. An agency's topics appear by themselves.
    """
    from services.cli import directory

    directory.load(session, files, check=check, wait_s=wait)


@parked.command("list")
@command
def list_parked(session: Session) -> None:
    """List the parked messages of every service, with the reason of each."""
    from services.cli import parked

    parked.listed(session)


@parked.command("show")
@command
def show_parked(session: Session, message_id: MessageId) -> None:
    """Show one parked message: reason, place and headers, never its content."""
    from services.cli import parked

    parked.show(session, message_id)


@parked.command("replay")
@command
def replay_parked(
    session: Session,
    why: Why,
    message_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The parked message's id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every key that waits, or those that the next two say.")] = False,
    service: Annotated[str | None, typer.Option(help="With --all: only what this service parked.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="With --all: only keys whose first message has this reason, such as failed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --all: do not ask whether it is meant.")] = False,
) -> None:
    """Handle a parked message and those of its key again, in order, and say what became of it; or all of them.

    Fails when one is parked again. Ctrl-C asks for no more; what was asked for by then is done all the same.
    """
    from services.cli import again

    if every == bool(message_id) or (not every and (service or reason)):
        raise CannotDo("Say the message's id, or --all and which.", status=2)
    if message_id:
        again.one(session, message_id, "replay", why)
    else:
        again.every(session, service, reason, why, sure=yes)


@parked.command("discard")
@command
def discard_parked(session: Session, message_id: MessageId, why: Why) -> None:
    """Give up one parked message; those of its key that wait behind it are handled. Say what became of it."""
    from services.cli import again

    again.one(session, message_id, "discard", why)


def main() -> None:
    session.run(app)


if __name__ == "__main__":
    main()
