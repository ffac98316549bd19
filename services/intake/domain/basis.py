"""The sharing bases of one intake: on what grounds its data may go to whom, until they are withdrawn or run out."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.erasure import PERSON_ERASED
from contracts.events import IntakeRecorded
from contracts.refusals import Refusal
from contracts.sharing import (
    ConfirmBases,
    ConsentWithdrawn,
    ExcludeRecipients,
    GiveBasis,
    ReviewRequested,
    SharingBasisConfirmed,
    SharingBasisExpired,
    SharingBasisGiven,
    WithdrawBases,
)
from contracts.values import Asked, Message, SharingBasis
from services.intake.domain import exclusions, review
from services.intake.domain.review import NOT_CONFIRMED, Confirmed, Reviews
from services.intake.domain.rules import day_in

Outcome = tuple["Sharing", list[Message]]

CAUSES = tuple(
    code
    for code, item in codes.codes("withdraw_reasons").items()
    if (item["command"], item["side"]) == ("revoke", "person")
)
"""Why a person's basis may be taken back by the agency that recorded it."""

MOST = 100
"""Bases of one intake, given later too: each is told again with every change of another."""
UNCHANGED = ("recipient", "type", "purposes", "scope", "refused")
"""What new dates cannot change: another recipient or purpose is another basis."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """agency: that took the intake, in this city. version: 1 when it was recorded. over: bases whose end was told.

    reviews: of vital interests that wait to be confirmed; confirmed: those that were. erased: nothing is kept any more
    that could be shared.
    """

    intake_id: UUID
    agency: str
    city: str
    bases: tuple[SharingBasis, ...]
    version: int = 1
    over: tuple[str, ...] = ()
    reviews: Reviews = ()
    confirmed: tuple[Confirmed, ...] = ()
    erased: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """When the next of them that stands runs out, as its city counts days, or is to have been confirmed."""
        ends = [*(_end(basis, self.city) for basis in self._running), *(review.until for review in self.reviews)]
        return min(ends, default=None)

    @property
    def _running(self) -> Iterator[SharingBasis]:
        return (b for b in self.bases if _has_an_end(b) and stands(b) and not b.refused and b.basis_id not in self.over)

    def ended_by(self, now: datetime) -> tuple[str, ...]:
        return tuple(basis.basis_id for basis in self._running if _end(basis, self.city) <= now)

    def find(self, ref: str) -> SharingBasis | None:
        return next((basis for basis in self.bases if basis.basis_id == ref), None)

    @property
    def names_confirmed(self) -> frozenset[str]:
        return frozenset(one.basis_id for one in self.confirmed)

    def without_review_of(self, refs: Collection[str]) -> "Sharing":
        return replace(self, reviews=review.without(self.reviews, refs))

    def with_bases(self, changed: Iterable[SharingBasis]) -> "Sharing":
        """One version on, with these in place of those of the same name, or after all others."""
        known = {basis.basis_id: basis for basis in self.bases} | {basis.basis_id: basis for basis in changed}
        return replace(self, bases=tuple(known.values()), version=self.version + 1)


def stands(basis: SharingBasis) -> bool:
    return basis.withdrawn_at is None


def _has_an_end(basis: SharingBasis) -> bool:
    """The last day of the calendar is how some write that there is none."""
    return basis.valid_to is not None and basis.valid_to < date.max


def stated(recorded: IntakeRecorded) -> Sharing:
    """As the intake itself stated them."""
    return Sharing(recorded.intake_id, recorded.sender_agency, recorded.city_of_intake, recorded.sharing_basis)


def recorded(met: IntakeRecorded, by: str | None, now: datetime) -> Sharing:
    """As the intake itself stated them, with what of them a second person has to confirm. by: who recorded it."""
    sharing = stated(met)
    vital = tuple(b.basis_id for b in met.sharing_basis if review.is_vital(b) and stands(b))
    vital = tuple(ref for ref in vital if ref not in sharing.ended_by(now))
    return replace(sharing, reviews=review.ask((), vital, sharing.version, by, met.priority_reason, now))


def review_requested(sharing: Sharing, met: IntakeRecorded, now: datetime) -> list[Message]:
    """That a second person is to confirm what was stated with this version of the bases."""
    return [
        ReviewRequested(
            **_known(sharing, now, asked.basis_ids),
            review_id=asked.id_in(sharing.intake_id),
            sender_queue=met.sender_queue,
            city=sharing.city,
            service=met.services[0].service,
            due_at=asked.until,
        )
        for asked in sharing.reviews
        if asked.version == sharing.version
    ]


def withdraw(sharing: Sharing | None, command: WithdrawBases, now: datetime) -> Outcome:
    """Raises Refusal: only the agency that took the intake, and all of the bases or none."""
    known = _own(sharing, command.asked)
    if command.revoke_cause not in (*CAUSES, NOT_CONFIRMED):
        raise Refusal("unknown_reason", "/revoke_cause", allowed=CAUSES)
    taken = [_withdrawable(known, ref, f"/basis_ids/{i}") for i, ref in enumerate(command.basis_ids)]
    if command.revoke_cause == NOT_CONFIRMED and not all(review.of(known.reviews, ref) for ref in command.basis_ids):
        raise Refusal("unknown_reason", "/revoke_cause", allowed=CAUSES)
    after, said = _taken_back(known, taken, command.revoke_cause, now)
    return after, [answer(after, command.asked), said]


def give(sharing: Sharing | None, command: GiveBasis, now: datetime) -> Outcome:
    """A further basis or refusal, or new dates. The codes and the recipient must have been checked before.

    Raises Refusal: what was withdrawn stays so, and what the person refused cannot be given under the same name; a
    vital interest needs a reason.
    """
    known, basis = _own(sharing, command.asked), command.basis
    if review.is_vital(basis) and not (command.reason or "").strip():
        raise Refusal("missing_field", "/reason")
    if not stands(basis):
        raise Refusal("invalid_value", "/basis/withdrawn_at")
    if basis.valid_to and basis.valid_to < max(basis.valid_from, day_in(known.city, now)):
        raise Refusal("inconsistent_data", "/basis/valid_to")
    if before := known.find(basis.basis_id):
        _check_renewal(before, basis, known)
    elif len(known.bases) >= MOST:
        raise Refusal("invalid_value", "/basis/basis_id")
    after = known.with_bases([basis])
    after = replace(after, over=tuple(ref for ref in after.over if ref != basis.basis_id))
    if review.is_vital(basis) and not (basis == before and basis.basis_id in after.names_confirmed):
        after = _to_be_confirmed(after, command, now)
    return after, [answer(after, command.asked), SharingBasisGiven(**_known(after, now, [basis.basis_id]))]


def exclude(sharing: Sharing | None, command: ExcludeRecipients, now: datetime) -> Outcome:
    """Refusals of another meeting. Nothing for those that are refused here already, nor once the person was erased."""
    sharing = _recorded(sharing)
    known = {basis.recipient for basis in sharing.bases if basis.refused}
    new = [
        exclusions.refusal(recipient, sharing.city, now) for recipient in command.recipients if recipient not in known
    ]
    if not new or sharing.erased:
        return sharing, []
    after = sharing.with_bases(new)
    return after, [SharingBasisGiven(**_known(after, now, [basis.basis_id for basis in new]))]


def confirm(sharing: Sharing | None, command: ConfirmBases, now: datetime) -> Outcome:
    """Raises Refusal: only a supervisor of the agency who stated none of them, in time, and all of them or none."""
    known, asked, refs = _own(sharing, command.asked), command.asked, tuple(dict.fromkeys(command.basis_ids))
    if review.SUPERVISOR not in asked.roles:
        raise Refusal("not_authorised", "/agency")
    for i, ref in enumerate(command.basis_ids):
        _check_confirmable(known, ref, f"/basis_ids/{i}", asked, now)
    confirmed = (*known.confirmed, *review.confirmed(known.reviews, refs, asked.actor, now))
    after = replace(known.without_review_of(refs), version=known.version + 1, confirmed=confirmed)
    said = SharingBasisConfirmed(**_known(after, now, refs, before=known))
    return after, [answer(after, asked), said]


def expire(sharing: Sharing | None, now: datetime) -> Outcome:
    """What has run out, and what nobody confirmed in time. Nothing of what was given new dates, confirmed or withdrawn
    meanwhile. What is taken back is told first: why it was is told with it alone.
    """
    known = _recorded(sharing)
    late = review.late(known.reviews, now)
    ended = tuple(ref for ref in known.ended_by(now) if ref not in late)
    after, said = known, list[Message]()
    if late:
        after, told = _taken_back(known, [b for b in known.bases if b.basis_id in late], NOT_CONFIRMED, now)
        said.append(told)
    if ended:
        before, version = after, known.version + 1
        after = replace(after.without_review_of(ended), version=version, over=(*after.over, *ended))
        said.append(SharingBasisExpired(**_known(after, now, ended, before=before)))
    return after, said


def _recorded(sharing: Sharing | None) -> Sharing:
    assert sharing is not None, "the network asks this of intakes that it recorded"
    return sharing


def _own(sharing: Sharing | None, asked: Asked) -> Sharing:
    """To others the intake looks like one that does not exist."""
    if sharing is None or sharing.agency != asked.agency:
        raise Refusal("unknown_referral", "/intake_id")
    if sharing.erased:
        raise Refusal(PERSON_ERASED, "/intake_id")
    return sharing


def _withdrawable(sharing: Sharing, ref: str, pointer: str) -> SharingBasis:
    """A refusal is no basis: taking it back would tell whom the person excluded."""
    basis = sharing.find(ref)
    if basis is None:
        raise Refusal("unknown_code", pointer, allowed=tuple(basis.basis_id for basis in sharing.bases))
    if basis.refused:
        raise Refusal("inconsistent_data", pointer)
    if not stands(basis):
        raise Refusal("invalid_transition", pointer)
    return basis


def _taken_back(known: Sharing, taken: list[SharingBasis], cause: str, now: datetime) -> tuple[Sharing, Message]:
    refs = tuple(dict.fromkeys(basis.basis_id for basis in taken))
    after = known.with_bases(basis.model_copy(update={"withdrawn_at": now}) for basis in taken)
    after = after.without_review_of(refs)
    return after, ConsentWithdrawn(**_known(after, now, refs, before=known), revoke_cause=cause)


def _to_be_confirmed(sharing: Sharing, command: GiveBasis, now: datetime) -> Sharing:
    ref = command.basis.basis_id
    reviews = review.ask(sharing.reviews, (ref,), sharing.version, command.asked.actor, command.reason, now)
    left = tuple(one for one in sharing.confirmed if one.basis_id != ref)
    return replace(sharing, reviews=reviews, confirmed=left)


def _check_confirmable(sharing: Sharing, ref: str, pointer: str, asked: Asked, now: datetime) -> None:
    basis, waiting = sharing.find(ref), review.of(sharing.reviews, ref)
    if basis is None:
        raise Refusal("unknown_code", pointer, allowed=tuple(basis.basis_id for basis in sharing.bases))
    if not review.is_vital(basis):
        raise Refusal("inconsistent_data", pointer)
    if waiting is None:
        raise Refusal("invalid_transition", pointer, version=sharing.version)
    if waiting.until <= now:
        raise Refusal("window_passed", pointer)
    if asked.actor in waiting.by:
        raise Refusal("not_authorised", "/actor")


def _check_renewal(before: SharingBasis, renewed: SharingBasis, sharing: Sharing) -> None:
    if not stands(before):
        raise Refusal("invalid_transition", "/basis/basis_id", version=sharing.version)
    if changed := next((name for name in UNCHANGED if getattr(before, name) != getattr(renewed, name)), None):
        raise Refusal("inconsistent_data", f"/basis/{changed}")


def _end(basis: SharingBasis, city: str) -> datetime:
    """The midnight after its last day."""
    assert basis.valid_to is not None, "only what has a last day ends"
    zone = ZoneInfo(codes.codes("cities")[city]["timezone"])
    return datetime.combine(basis.valid_to, time(), zone) + timedelta(days=1)


def _known(sharing: Sharing, now: datetime, refs: Iterable[str], *, before: Sharing | None = None) -> dict[str, Any]:
    """What every event of sharing bases says (`contracts.sharing.SharingEvent`). before: where reviews may be over."""
    over = review.over(before.reviews, sharing.reviews, sharing.intake_id) if before else ()
    return {
        "intake_id": sharing.intake_id,
        "version": sharing.version,
        "at": now,
        "sender_agency": sharing.agency,
        "basis_ids": tuple(refs),
        "sharing_basis": sharing.bases,
        "reviewed": over,
    }


def answer(sharing: Sharing, asked: Asked) -> CommandAccepted:
    subject = str(sharing.intake_id)
    return CommandAccepted(asked=asked, subject=subject, version=sharing.version, intake_id=sharing.intake_id)
