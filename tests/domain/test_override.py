"""A caseworker chooses an offer that the rules do not put first: with a reason, and never against the person."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from contracts.answers import CommandRejected
from contracts.commands import WriteDraft
from contracts.directory import Agency, AreaServed, Offer
from contracts.events import RoutingDecided
from contracts.values import Asked, Message
from services.referral import store
from services.referral.domain import telling
from services.referral.domain.choice import REASONS, Choice, reasons_for
from services.referral.domain.replay import replay
from services.referral.domain.routing import Search
from services.referral.domain.telling import Explanation
from tests.builders import TEXT_ID, a_basis, a_command, a_decision, a_need, a_recorded_intake, an_agency, an_offer
from tests.offline import Offline

DRAFT_ID = UUID(int=11)
FIRST, SECOND = an_offer("pa.a.it", service="lab.it"), an_offer("pa.b.it", service="lab.it")
NOT_FOR_WOMEN = an_offer("pa.b.it", service="lab.it", rules=({"rule": "gender_in", "values": ("male",)},))
WOMAN = a_need("lab.it", gender="female")
SUSPENDED = an_agency("pa.b", status="suspended")
FAR = AreaServed(cities=("torino",))


def met(*offers: Offer, agencies: tuple[Agency, ...] = (), **intake: Any) -> Offline:
    """A draft of pa.comune for a person who was met; its service is what these offers are of."""
    known = {offer.agency: an_agency(offer.agency) for offer in offers} | {agency.code: agency for agency in agencies}
    network = Offline(tuple(known.values()), offers)
    person, asked = a_recorded_intake(**intake), Asked(agency="pa.comune", command_id="c-1")
    network.ask(person)
    network.ask(WriteDraft(referral_id=DRAFT_ID, asked=asked, person_ref="p-1", service="lab.it", intake=person))
    return network


def send(network: Offline, offer: str | None = "pa.b.it", reason: str | None = None, **fields: Any) -> list[Message]:
    known = fields | {"offer": offer, "override_reason": reason}
    command = a_command("send", by="pa.comune", referral_id=DRAFT_ID, **known)
    return network.ask(command.model_copy(update={"asked": command.asked.model_copy(update={"actor": "op-7"})}))


def refused(said: list[Message], network: Offline) -> tuple[str, str | None]:
    (answer,) = said
    assert isinstance(answer, CommandRejected)
    assert network.referrals[DRAFT_ID].state == "DRAFT"
    return answer.code, answer.pointer


def sent_to(network: Offline) -> str | None:
    place = network.referrals[DRAFT_ID].place
    return place.offer if place else None


def explanation(network: Offline) -> Explanation:
    return next(
        found
        for found in (store.EXPLANATION.validate_python(doc) for doc in network.db["decisions"].all())
        if found.referral_id == DRAFT_ID
    )


# -- against the order -------------------------------------------------------------------------------------------------


def test_an_offer_that_the_rules_put_first_needs_no_reason() -> None:
    network = met(FIRST, SECOND)

    send(network, "pa.a.it")

    assert sent_to(network) == "pa.a.it"
    assert explanation(network).decision.against == ()


def test_another_one_needs_a_reason_and_the_refusal_says_which_would_do() -> None:
    network = met(FIRST, SECOND)

    said = send(network)

    assert refused(said, network) == ("missing_field", "/override_reason")
    assert isinstance(said[0], CommandRejected)
    assert said[0].allowed == tuple(REASONS)


@pytest.mark.parametrize("offer", ["pa.a.it", "pa.b.it"])
def test_a_reason_of_no_list_is_refused_whether_or_not_one_was_needed(offer: str) -> None:
    network = met(FIRST, SECOND)

    assert refused(send(network, offer, "i_like_them"), network) == ("unknown_reason", "/override_reason")


def test_with_a_reason_it_goes_where_the_caseworker_says_and_the_stored_explanation_says_who_and_why() -> None:
    network = met(FIRST, SECOND)

    said = send(network, reason="known_there")

    (decided,) = (message for message in said if isinstance(message, RoutingDecided))
    assert (decided.offer, decided.override_reason, decided.against) == ("pa.b.it", "known_there", ("order",))
    assert [verdict.offer for verdict in decided.candidates] == ["pa.a.it", "pa.b.it"]
    assert sent_to(network) == "pa.b.it"
    kept = explanation(network)
    override = telling.explanation(kept, whole=True)["override"]
    assert (override["agency"], override["actor"], override["instead_of"]) == ("pa.comune", "op-7", "pa.a.it")
    assert override["reason"] == {"code": "known_there", "label": REASONS["known_there"]["label"]}
    assert replay(kept.decision) == kept.decision


def test_why_another_one_was_set_aside_is_not_for_the_receiver() -> None:
    network = met(FIRST, SECOND)

    send(network, reason="safer_for_person")

    assert telling.explanation(explanation(network), whole=False)["override"] is None


def test_another_reason_is_said_in_words_and_only_their_id_is_kept() -> None:
    network = met(FIRST, SECOND)

    assert refused(send(network, reason="other"), network) == ("missing_text", "/text")

    send(network, reason="other", text_id=TEXT_ID)

    assert sent_to(network) == "pa.b.it"
    assert telling.explanation(explanation(network), whole=True)["override"]["text_id"] == TEXT_ID


def test_the_offer_that_was_asked_for_from_the_beginning_needs_no_reason() -> None:
    after = {"service": "lab.it", "offer": "pa.b.it", "depends_on": "health.primary"}
    network = Offline((an_agency("pa.a"), an_agency("pa.b")), (FIRST, SECOND))
    network.ask(a_recorded_intake({"service": "health.primary"}, after))
    (draft,) = network.referrals.values()

    network.ask(a_command("send", by="pa.comune", referral_id=draft.referral_id, offer="pa.b.it"))

    place = network.referrals[draft.referral_id].place
    assert place
    assert place.offer == "pa.b.it"


# -- against the admission rules ---------------------------------------------------------------------------------------


def test_only_what_was_agreed_with_the_receiver_sets_its_admission_rules_aside() -> None:
    network = met(FIRST, NOT_FOR_WOMEN)

    said = send(network, reason="person_prefers")

    assert refused(said, network) == ("unknown_reason", "/override_reason")
    assert isinstance(said[0], CommandRejected)
    assert said[0].allowed == ("agreed_with_receiver",)


def test_a_receiver_is_told_when_somebody_comes_against_its_admission_rules_and_not_who_said_so() -> None:
    network = met(FIRST, NOT_FOR_WOMEN)

    send(network, reason="agreed_with_receiver")

    assert sent_to(network) == "pa.b.it"
    told = telling.explanation(explanation(network), whole=False)
    assert [code["code"] for code in told["override"]["against"]] == ["admission"]
    assert "op-7" not in str(told)


def test_where_nobody_else_is_left_the_one_who_agreed_can_still_be_asked() -> None:
    network = met(NOT_FOR_WOMEN)

    send(network, reason="agreed_with_receiver")

    assert telling.explanation(explanation(network), whole=True)["override"]["instead_of"] is None
    assert sent_to(network) == "pa.b.it"


def test_what_was_agreed_sets_admission_rules_aside_and_nothing_else_that_stands_in_the_way() -> None:
    chosen = Choice("pa.b.it", "agreed_with_receiver")

    decision = a_decision(FIRST, NOT_FOR_WOMEN, search=Search(WOMAN, tried=("pa.b",), choice=chosen))

    assert (decision.first, decision.against) == (None, ("admission", "already_tried"))


# -- never -------------------------------------------------------------------------------------------------------------

REFUSED_EXCLUSION = (a_basis(), a_basis("pa.b", refused=True))
NEVER: dict[str, tuple[Offline, str]] = {
    "withheld": (met(FIRST, SECOND, withhold=("pa.b",)), "recipient_withheld"),
    "refused": (met(FIRST, SECOND, sharing_basis=REFUSED_EXCLUSION), "recipient_withheld"),
    "not covered": (met(FIRST, SECOND, sharing_basis=(a_basis("pa.a"),)), "sharing_not_covered"),
    "withheld and not admitted": (met(FIRST, NOT_FOR_WOMEN, withhold=("pa.b",)), "recipient_withheld"),
    "closed": (met(FIRST, an_offer("pa.b.it", service="lab.it", status="closed")), "offer_not_open"),
    "over": (met(FIRST, an_offer("pa.b.it", service="lab.it", valid_to=date(2026, 10, 26))), "offer_not_open"),
    "suspended": (met(FIRST, SECOND, agencies=(SUSPENDED,)), "offer_not_open"),
    "elsewhere": (met(FIRST, an_offer("pa.b.it", service="lab.it", area_served=FAR)), "invalid_value"),
    "of another service": (met(FIRST, an_offer("pa.b.it", service="lab.dance")), "invalid_value"),
    "not in the directory": (met(FIRST), "invalid_value"),
}


@pytest.mark.parametrize("reason", [None, *REASONS])
@pytest.mark.parametrize("why", NEVER)
def test_no_reason_sets_aside_what_is_the_persons_own_or_what_is_not_there(why: str, reason: str | None) -> None:
    network, code = NEVER[why]

    assert refused(send(network, reason=reason, text_id=TEXT_ID), network) == (code, "/offer")


def test_not_even_a_list_of_reasons_that_says_so_sets_the_withhold_list_or_the_basis_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(REASONS["agreed_with_receiver"], "sets_aside", ["order", "withheld", "sharing"])
    network = met(FIRST, SECOND, withhold=("pa.b",))

    assert reasons_for(["withheld"]) == reasons_for(["sharing"]) == ()
    assert refused(send(network, reason="agreed_with_receiver"), network) == ("recipient_withheld", "/offer")


@pytest.mark.parametrize("why", [*NEVER, "in order"])
def test_of_a_draft_that_is_not_theirs_a_coordinator_learns_nothing_by_asking_offer_by_offer(why: str) -> None:
    """Whom the person excluded, whom an offer admits, what the rules put first: all that is the sender's to know."""
    network = met(FIRST, SECOND) if why == "in order" else NEVER[why][0]
    network.ask(an_agency("pa.lead"))
    network.ask(an_agency("pa.comune"))
    command = a_command("send", by="pa.lead", roles=("coordinator",), referral_id=DRAFT_ID, offer="pa.b.it")

    assert refused(network.ask(command), network) == ("not_authorised", "/agency")
