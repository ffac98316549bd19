"""A person erased (GDPR 17): who may ask for it and when, and what stays of a meeting: ids, codes, that it was done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.erasure import PERSON_ERASED, EraseMeeting, ErasePerson, PersonErased
from contracts.refusals import Refusal
from contracts.values import Message
from services.intake.domain import review
from services.intake.domain.basis import Sharing, stands
from services.intake.domain.intake import Erasure, Intake

SUPERVISOR = "supervisor"
OPEN = frozenset(code for code, state in codes.codes("transitions", "states").items() if state["kind"] == "open")


@dataclass(frozen=True, slots=True)
class Standing:
    """A referral, and the state that it is in."""

    referral_id: UUID
    state: str


def own_of(command: ErasePerson, met: Iterable[Intake]) -> list[Intake]:
    """What is to be erased: the meetings of this person that the agency had itself, also under other names of theirs.

    met: of all names that people decided are this person's. What another agency was told by the person is not this
    one's to erase. None when this very command erased them: it is read again, after its store was restored. Raises
    Refusal.
    """
    if SUPERVISOR not in command.asked.roles:
        raise Refusal("not_authorised", "/agency")
    own = [one for one in met if one.recorded.sender_agency == command.asked.agency]
    if not any(one.recorded.person_ref == command.person_ref for one in own):
        raise Refusal("unknown_referral", "/person_ref")
    left = [one for one in own if one.erased is None]
    if not left and command.asked.message_id not in {one.erased.asked_by for one in own if one.erased} - {None}:
        raise Refusal(PERSON_ERASED, "/person_ref")
    return left


def begin(command: ErasePerson, left: Sequence[Intake], standing: Iterable[Standing], now: datetime) -> list[Message]:
    """The answer, and a command for each meeting. standing: the referrals that came of these.

    Raises Refusal while one is open, and names it: whoever has the person now needs to reach them, and nobody loses a
    bed because somebody pressed a button. It is withdrawn or closed first.
    """
    if still := next((one for one in standing if one.state in OPEN), None):
        raise Refusal(
            "invalid_transition",
            "/person_ref",
            subject=str(still.referral_id),
            state=still.state,
            allowed=("withdraw",),
        )
    done = CommandAccepted(asked=command.asked, subject=command.person_ref)
    return [done, *(_of(one, Erasure(now, command.asked.actor, command.asked.message_id)) for one in left)]


def overtaken(met: Intake, known: Iterable[Intake]) -> EraseMeeting | None:
    """What erases a meeting that came to the door before the person was erased, and was recorded after it.

    known: all meetings of its person.
    """
    since = [one.erased for one in known if one.erased and met.taken_at and met.taken_at < one.erased.at]
    return None if met.erased or not since else _of(met, since[0])


def left_behind(erased: Intake, known: Iterable[Intake]) -> list[EraseMeeting]:
    """What erases the meetings of this person that were recorded while this one was being erased."""
    here = erased.recorded.intake_id
    return [late for other in known if other.recorded.intake_id != here and (late := overtaken(other, [erased]))]


def erase(met: Intake, sharing: Sharing, command: EraseMeeting) -> tuple[Intake, Sharing, PersonErased]:
    """Nobody may be told any more on any ground; and nobody can."""
    ended = [basis for basis in sharing.bases if stands(basis) and not basis.refused]
    after = sharing.with_bases(basis.model_copy(update={"withdrawn_at": command.at}) for basis in ended)
    confirmed = tuple(replace(one, reason=None) for one in sharing.confirmed)
    after = replace(after, reviews=(), confirmed=confirmed, erased=True)
    recorded = met.recorded.model_copy(update={"priority_reason": None, "age_band_until": None})
    erased = replace(met, recorded=recorded, erased=Erasure(command.at, command.actor, command.asked_by))
    known: dict[str, Any] = {
        "intake_id": met.recorded.intake_id,
        "version": after.version,
        "at": command.at,
        "sender_agency": met.recorded.sender_agency,
        "basis_ids": tuple(basis.basis_id for basis in ended),
        "sharing_basis": after.bases,
        "reviewed": review.over(sharing.reviews, after.reviews, met.recorded.intake_id),
    }
    return erased, after, PersonErased(**known, person_ref=met.recorded.person_ref)


def _of(met: Intake, erasure: Erasure) -> EraseMeeting:
    known = {"at": erasure.at, "actor": erasure.actor, "asked_by": erasure.asked_by}
    return EraseMeeting(intake_id=met.recorded.intake_id, **known)
