"""A need that leans on an open referral of the same person: until when it does, and what its sender hears of it."""

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from contracts import topics
from contracts.identity import IdentityEvent, IdentityLinked, IdentityUnlinked, pair_id
from contracts.journeys import BeginJourney, EndNeed, JourneyNeed, OpenTask
from contracts.values import Message
from services.chassis.transaction import Transaction
from services.referral import store
from services.referral.domain import journey
from services.referral.domain.journey import Journey
from tests.builders import INTAKE_ID, NOW, TEXT_ID, a_recorded_intake, an_offer
from tests.domain.test_asked_again import state_of
from tests.domain.test_journey import LAB, LAB_AFTER_VISIT, OTHER_ID, VISIT, palermo, say
from tests.offline import TEST, Offline, finished

ON, NEED = UUID(int=41), UUID(int=42)


def a_journey(state: str = "open", *, waits: bool = False) -> Journey:
    """Of one need; or of another one too that waits for it."""
    asked = [JourneyNeed(service="health.primary", referral_id=NEED)]
    asked += [JourneyNeed(service="lab.it", referral_id=LAB, depends_on="health.primary")] * waits
    begin = BeginJourney(journey_id=INTAKE_ID, sender_agency="pa.comune", sender_queue="pa.comune.desk",
                         city="palermo", needs=tuple(asked))  # fmt: skip
    begun, _ = journey.begin(Journey(INTAKE_ID), begin, NOW)
    return begun.having(state, begun.needs[0])


def told(outcome: str, on: UUID | None = ON) -> EndNeed:
    return EndNeed(journey_id=INTAKE_ID, need_id=NEED, service="health.primary", referral_id=NEED, outcome=outcome,
                   linked_referral_id=on, person_ref="p-1")  # fmt: skip


def after(begun: Journey, *ends: EndNeed) -> tuple[Journey, list[str]]:
    """The journey that was told all this, and the kinds of its tasks."""
    tasks = list[str]()
    for end in ends:
        begun, said = journey.end_need(begun, end, NOW)
        tasks += [message.kind for message in said if isinstance(message, OpenTask)]
    return begun, tasks


# -- messages that cross on their way ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "tasks"), [("ended", ["linked_referral_ended"]), ("served", [])])
def test_the_end_of_what_a_need_leans_on_may_be_told_before_that_it_leans_on_it(outcome: str, tasks: list[str]) -> None:
    for ends in permutations([told("linked"), told(outcome)]):
        found, opened = after(a_journey(), *ends)

        assert (found.needs[0].state, opened, found.early) == (outcome, tasks, ())


def test_whether_it_begins_or_leans_or_is_over_first_the_sender_has_a_task_once() -> None:
    """Before its beginning a journey keeps what it is told in the order in which it came."""
    begun, tasks = Journey(INTAKE_ID), list[Message]()
    for end in (told("ended"), told("linked")):
        begun, _ = journey.end_need(begun, end, NOW)

    begin = BeginJourney(journey_id=INTAKE_ID, sender_agency="pa.comune", sender_queue="pa.comune.desk",
                         city="palermo", needs=(JourneyNeed(service="health.primary", referral_id=NEED),))  # fmt: skip
    begun, tasks = journey.begin(begun, begin, NOW)

    assert ([need.state for need in begun.needs], begun.early) == (["ended"], ())
    assert [task.kind for task in tasks if isinstance(task, OpenTask)] == ["linked_referral_ended"]


def test_the_end_of_what_another_need_leans_on_is_no_end_of_this_one() -> None:
    found, tasks = after(a_journey(), told("ended", on=UUID(int=43)), told("linked"))

    assert (found.needs[0].state, tasks) == ("linked", [])


def test_a_need_that_leaned_before_it_was_kept_on_what_ends_with_it() -> None:
    """As an earlier version of the network stored it."""
    found, tasks = after(a_journey("linked"), told("ended"))

    assert (found.needs[0].state, tasks) == ("ended", ["linked_referral_ended"])


@pytest.mark.parametrize(("outcome", "tasks"), [("ended", ["linked_referral_ended"]), ("served", [])])
def test_so_it_is_where_an_earlier_release_does_not_say_on_what_it_leans(outcome: str, tasks: list[str]) -> None:
    for ends in permutations([told("linked", on=None), told(outcome)]):
        found, opened = after(a_journey(), *ends)

        assert (found.needs[0].state, opened, found.early) == (outcome, tasks, ())


# -- what moved on meanwhile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["ended", "served"])
def test_what_a_need_leaned_on_before_it_was_sent_elsewhere_ends_without_it(outcome: str) -> None:
    found, tasks = after(a_journey(waits=True), told("linked"), told("sent", on=None), told(outcome))

    assert [need.state for need in found.needs] == ["open", "waiting"]
    assert (tasks, found.early) == ([], ())


def lab_that_leans(**known: Any) -> Offline:
    """A draft whose turn it was, where the person was sent already; another service waits for it."""
    offers = (
        an_offer("pa.accura.primary"),
        *(an_offer(code, service="lab.it") for code in ("pa.penc.it", "pa.salute.it")),
    )
    network = palermo(*offers)
    network.ask(a_recorded_intake("lab.it", intake_id=OTHER_ID, **known))
    network.ask(a_recorded_intake(*LAB_AFTER_VISIT, {"service": "lab.dance", "depends_on": "lab.it"}))
    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome="served_completed")
    assert state_of(network, INTAKE_ID) == ["served", "linked", "waiting"]
    return network


def test_a_draft_that_its_sender_sends_elsewhere_leans_on_nothing_any_more() -> None:
    network = lab_that_leans()
    (other,) = (id for id, one in network.referrals.items() if one.need.intake_id == OTHER_ID)
    before = len(network.tasks)

    say(network, LAB, "send", by="pa.comune", offer="pa.salute.it", override_reason="known_there")
    say(network, other, "withdraw", by="pa.comune")

    assert network.referrals[LAB].state == "REQUESTED"
    assert state_of(network, INTAKE_ID) == ["served", "open", "waiting"]
    assert len(network.tasks) == before


# -- two who were one person, until people undid it --------------------------------------------------------------------

THIRD_ID = UUID(int=3)
MOBILE: dict[str, Any] = {"sender_agency": "pa.mobile", "sender_queue": "pa.mobile.desk"}


def people(network: Offline, kind: type[IdentityEvent], *person_refs: str) -> list[Message]:
    """What people decide of two names, and undo."""
    about = {"pair_id": pair_id(person_refs), "version": 1, "at": NOW, "intake_id": OTHER_ID}
    return network.ask(kind(**about, sender_agency="pa.mobile", person_refs=person_refs))


def two_names(*pairs: tuple[str, str]) -> Offline:
    """One person by these names: as p-1 they have a request, on which they lean as p-2, and once more as p-1."""
    network = palermo()
    network.ask(a_recorded_intake())
    for pair in pairs or (("p-1", "p-2"),):
        people(network, IdentityLinked, *pair)
    network.ask(a_recorded_intake(intake_id=OTHER_ID, person_ref="p-2", **MOBILE))
    network.ask(a_recorded_intake(intake_id=THIRD_ID))
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["linked"], ["linked"]]
    return network


def close(network: Offline, outcome: str = "served_completed") -> None:
    say(network, VISIT, "accept", "start")
    say(network, VISIT, "close", closure_outcome=outcome)


def kinds_of(network: Offline, journey_id: UUID) -> list[tuple[str, str]]:
    return [(task.kind, task.agency) for task in network.tasks if task.journey_id == journey_id]


def test_who_turns_out_to_be_somebody_else_leans_on_nothing_and_their_sender_decides() -> None:
    network = two_names()

    people(network, IdentityUnlinked, "p-1", "p-2")
    people(network, IdentityUnlinked, "p-2", "p-1")

    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["linked"]]
    close(network)
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["served"]]


def test_who_is_one_person_by_a_third_name_leans_on_until_that_is_undone_too() -> None:
    network = two_names(("p-1", "p-2"), ("p-1", "p-3"), ("p-3", "p-2"))

    people(network, IdentityUnlinked, "p-1", "p-2")
    assert state_of(network, OTHER_ID) == ["linked"]

    people(network, IdentityUnlinked, "p-3", "p-2")
    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["linked"]]


def test_of_a_need_that_has_leaned_on_two_requests_each_is_told_by_a_message_of_its_own() -> None:
    network = two_names()
    other = {"_id": str(ON), "referral_id": str(ON)}
    network.db["referrals"].put(network.db["referrals"].doc(str(VISIT)) | other)
    (link,) = network.db["links"].all()
    network.db["links"].put(link | other)
    event = IdentityUnlinked(pair_id=pair_id(("p-1", "p-2")), version=2, at=NOW, intake_id=OTHER_ID,
                             sender_agency="pa.mobile", person_refs=("p-1", "p-2"))  # fmt: skip

    unlinked = network._incoming(topics.INTAKES, b"p-1", event, UUID(int=1), {"ce_correlationid": str(OTHER_ID)})
    told = finished(network._handle("referral", unlinked))

    assert len({dict(out.headers)["ce_id"] for out in told}) == len(told) == 2


def test_what_is_undone_in_one_batch_is_known_at_once() -> None:
    """What was found before would say that they are one by the other name still."""
    network = two_names(("p-1", "p-2"), ("p-1", "p-3"), ("p-3", "p-2"))
    tx = Transaction(network.db, None, "referral", TEST)
    tx._allowed = (store.IDENTITIES,)

    for pair in (("p-1", "p-2"), ("p-3", "p-2")):
        assert set(finished(store.find_other_names(tx, "p-2"))) == {"p-1", "p-3"}
        about = {"pair_id": pair_id(pair), "version": 2, "at": NOW, "intake_id": OTHER_ID}
        store.copy_identity(tx, IdentityUnlinked(**about, sender_agency="pa.mobile", person_refs=pair))

    assert finished(store.find_other_names(tx, "p-2")) == ()


def unlinked_unseen(network: Offline) -> None:
    """By another worker at the same instant: neither sees what the other one stores."""
    about = {"_id": str(pair_id(("p-1", "p-2"))), "person_refs": ["p-1", "p-2"], "linked": False}
    network.db[store.IDENTITIES].put(about)


def test_who_turned_out_to_be_somebody_else_while_their_need_began_to_lean_leans_on_nothing() -> None:
    network = two_names()
    leaning = (EndNeed(**one) for doc in network.db["links"].all() for one in doc["leaning"])
    (theirs,) = (told for told in leaning if told.person_ref == "p-2")
    unlinked_unseen(network)

    network.ask(theirs)

    assert state_of(network, OTHER_ID) == ["ended"]
    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]


def test_nobody_is_served_by_what_was_done_for_somebody_else() -> None:
    network = two_names()
    unlinked_unseen(network)

    close(network)

    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["served"]]
    (task,) = (task for task in network.tasks if task.journey_id == OTHER_ID)
    assert (task.kind, task.reason) == ("linked_referral_ended", None), "how it ended there is not for this sender"


# -- what it leaned on is opened again ---------------------------------------------------------------------------------

REOPENED: dict[str, Any] = {"roles": ("supervisor",), "text_id": TEXT_ID}


def test_who_was_served_with_a_referral_leans_on_it_again_when_it_is_reopened() -> None:
    network = two_names()
    close(network)
    assert state_of(network, OTHER_ID) == ["served"]

    say(network, VISIT, "reopen", **REOPENED)
    assert state_of(network, OTHER_ID) == ["linked"]

    say(network, VISIT, "close", closure_outcome="person_dropped_out")
    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["ended"]]


def test_whose_sender_was_told_already_that_it_ended_is_left_to_them() -> None:
    network = two_names()
    close(network, "person_dropped_out")
    tasks = kinds_of(network, OTHER_ID)

    say(network, VISIT, "reopen", **REOPENED)
    say(network, VISIT, "close", closure_outcome="person_dropped_out")

    assert (state_of(network, OTHER_ID), kinds_of(network, OTHER_ID)) == (["ended"], tasks)


def test_a_draft_that_its_sender_has_sent_meanwhile_does_not_lean_again() -> None:
    network = lab_that_leans()
    (other,) = (id for id, one in network.referrals.items() if one.need.intake_id == OTHER_ID)
    say(network, other, "accept", "start", by="pa.penc")
    say(network, other, "close", by="pa.penc", closure_outcome="served_completed")
    say(network, LAB, "send", by="pa.comune", offer="pa.salute.it", override_reason="known_there")

    say(network, other, "reopen", by="pa.penc", **REOPENED)

    assert network.referrals[LAB].state == "REQUESTED"
    assert state_of(network, INTAKE_ID)[:2] == ["served", "open"]


def test_who_turned_out_to_be_somebody_else_meanwhile_was_not_served_after_all() -> None:
    network = two_names()
    close(network)

    people(network, IdentityUnlinked, "p-1", "p-2")
    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["served"]]
    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]

    say(network, VISIT, "reopen", **REOPENED)
    say(network, VISIT, "close", closure_outcome="served_completed")

    assert [state_of(network, id) for id in (OTHER_ID, THIRD_ID)] == [["ended"], ["served"]]
    assert kinds_of(network, OTHER_ID) == [("linked_referral_ended", "pa.mobile")]


def test_who_was_served_elsewhere_meanwhile_stays_so_whoever_they_turn_out_to_be() -> None:
    found, tasks = after(a_journey(), *map(told, ("linked", "served")), told("sent", on=None), told("served", on=None),
                         told("ended"))  # fmt: skip

    assert (found.needs[0].state, tasks) == ("served", [])


@pytest.mark.parametrize(("ends", "state", "tasks"), [
    (("served", "reopened"), "linked", []),
    (("served", "reopened", "ended"), "ended", ["linked_referral_ended"]),
])  # fmt: skip
def test_all_that_becomes_of_it_may_be_told_before_that_a_need_leans_on_it(
    ends: tuple[str, ...], state: str, tasks: list[str]
) -> None:
    for at in range(len(ends) + 1):
        found, opened = after(a_journey(), *map(told, (*ends[:at], "linked", *ends[at:])))

        assert (found.needs[0].state, opened, found.early) == (state, tasks, ())
