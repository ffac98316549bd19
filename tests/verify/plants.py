"""Faults planted in what was loaded of a network that keeps its promises."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any
from uuid import uuid4

from contracts.places import places_id
from contracts.topics import DIRECTORY
from services.cli.verify.loaded import Doc, Loaded, Said, Standing

A_REVIEW: Doc = {"version": 1, "basis_ids": ["b1"], "until": "2999-01-01T00:00:00Z", "by": [], "reason": None}
"""Of a vital interest that waits to be confirmed."""
Pick = Callable[[Said], bool]
Plant = Callable[[Loaded], Loaded]


# -- on topics ---------------------------------------------------------------------------------------------------------
def lost(loaded: Loaded, wanted: Pick) -> Loaded:
    """Messages that never came to be."""
    assert any(wanted(m) for said in loaded.said.values() for m in said), "there is nothing to lose"
    return _saying(loaded, lambda said: tuple(m for m in said if not wanted(m)))


def twice(loaded: Loaded, wanted: Pick) -> Loaded:
    """The first of its kind once more, under another id."""
    found = next(m for said in loaded.said.values() for m in said if wanted(m))
    again = replace(found, id=str(uuid4()), offset=found.offset + 1000)
    return _saying(loaded, lambda said: (*said, again) if found in said else said)


def swapped(loaded: Loaded, topic: str, key: str) -> Loaded:
    """What is said of a key, the other way round."""
    said = loaded.said[topic]
    other = reversed([m for m in said if m.key == key])
    return replace(loaded, said={**loaded.said, topic: tuple(next(other) if m.key == key else m for m in said)})


def repeated(loaded: Loaded) -> Loaded:
    """A batch that was published once more after a crash: the same ids in the same order."""
    said = loaded.said["referrals"]
    return replace(loaded, said={**loaded.said, "referrals": (*said, *said)})


def parked_and_replayed(loaded: Loaded, feed: str) -> Loaded:
    """Its first command was answered `parked` by our service before it was answered as it is."""
    answer = next(m for m in loaded.said[feed] if m.is_answer)
    parked = replace(answer, id=str(uuid4()), value=answer.value | {"code": "parked"})
    return replace(loaded, said={**loaded.said, feed: (parked, *loaded.said[feed])})


def without_beginnings(loaded: Loaded) -> Loaded:
    """Every topic but the compacted one has lost most of its messages to its retention."""
    said = {
        topic: said if topic == DIRECTORY.name else said[2 * len(said) // 3 :] for topic, said in loaded.said.items()
    }
    cut = frozenset(m.source for topic, said in loaded.said.items() for m in said if topic != DIRECTORY.name)
    return replace(loaded, said=said, cut=cut)


def _saying(loaded: Loaded, change: Callable[[tuple[Said, ...]], tuple[Said, ...]]) -> Loaded:
    return replace(loaded, said={topic: change(said) for topic, said in loaded.said.items()})


# -- in databases ------------------------------------------------------------------------------------------------------
def kept(loaded: Loaded, service: str, collection: str, docs: dict[str, Doc]) -> Loaded:
    return replace(loaded, docs={**loaded.docs, (service, collection): docs})


def changed(loaded: Loaded, service: str, collection: str, id: str, change: Callable[[Any], None]) -> Loaded:
    """A document that somebody changed behind the back of its service."""
    docs = dict(loaded.stored(service, collection))
    docs[id] = deepcopy(docs[id])
    change(docs[id])
    return kept(loaded, service, collection, docs)


def gone(loaded: Loaded, service: str, collection: str, id: str) -> Loaded:
    docs = {key: doc for key, doc in loaded.stored(service, collection).items() if key != id}
    assert len(docs) < len(loaded.stored(service, collection)), "there is nothing to delete"
    return kept(loaded, service, collection, docs)


def of_type(*short: str, topic: str = "referrals", **fields: Any) -> Pick:
    types = {f"staffetta.{name}.v1" for name in short}
    return lambda m: m.topic == topic and m.type in types and all(m.value.get(k) == v for k, v in fields.items())


class Faults:
    """Each way to break a promise, by the check that is to find it. ids: the scene's referrals."""

    def __init__(self, loaded: Loaded, ids: dict[str, str]) -> None:
        self.loaded, self.ids = loaded, ids

    def named(self, name: str) -> Loaded:
        """`a_state_that_no_event_told` is the method of that name."""
        broken: Loaded = getattr(self, name)()
        return broken

    def _referral(self, key: str, change: Callable[[Any], None]) -> Loaded:
        return changed(self.loaded, "referral", "referrals", self.ids[key], change)

    def _offer(self, offer: str, change: Callable[[Any], None]) -> Loaded:
        service = "housing" if offer.startswith("pa.ponte") else "programmes"
        return changed(self.loaded, service, "places", str(places_id(offer)), change)

    # -- state
    def a_state_that_no_event_told(self) -> Loaded:
        return self._referral("taken", lambda doc: doc.update(state="IN_SERVICE"))

    def a_timer_that_no_event_told(self) -> Loaded:
        return self._referral("held", lambda doc: doc["timers"][0].update(due_at="2026-01-01T00:00:00Z"))

    def a_history_with_a_gap(self) -> Loaded:
        return self._referral("closed", lambda doc: doc["history"].pop(1))

    def a_last_event_that_was_never_said(self) -> Loaded:
        closed, cleared = of_type("referral.closed"), of_type("timer.cleared", state="CLOSED")
        return lost(self.loaded, lambda said: closed(said) or cleared(said))

    def a_referral_that_nobody_keeps(self) -> Loaded:
        return gone(self.loaded, "referral", "referrals", self.ids["closed"])

    def a_referral_that_no_event_tells_of(self) -> Loaded:
        return lost(self.loaded, lambda m: m.topic == "referrals" and m.key == self.ids["closed"])

    def a_task_with_another_due_time(self) -> Loaded:
        id = next(iter(self.loaded.stored("referral", "tasks")))
        return changed(self.loaded, "referral", "tasks", id, lambda doc: doc.update(due_at="2026-01-01T00:00:00Z"))

    def an_unmet_need_that_was_not_told(self) -> Loaded:
        return lost(self.loaded, of_type("unmet_need.recorded", final=True))

    def an_intake_that_was_told_differently(self) -> Loaded:
        id = next(iter(self.loaded.stored("intake", "intakes")))
        return changed(self.loaded, "intake", "intakes", id, lambda doc: doc["recorded"].update(language="fr"))

    def an_intake_that_was_never_told(self) -> Loaded:
        id = next(iter(self.loaded.stored("intake", "intakes")))
        return lost(self.loaded, lambda m: m.topic == "intakes" and m.key == id)

    def a_bed_that_no_event_gave(self) -> Loaded:
        return self._offer("pa.ponte.temporary", lambda doc: doc["taken"][0]["party"].update(places=4))

    def a_copy_of_the_directory_that_is_old(self) -> Loaded:
        return changed(self.loaded, "referral", "offers", "pa.accura.primary", lambda doc: doc.update(status="closed"))

    # -- versions
    def a_version_that_is_missing(self) -> Loaded:
        return lost(self.loaded, lambda m: m.topic == "referrals" and m.key == self.ids["closed"] and m.sequence == 3)

    def versions_out_of_order(self) -> Loaded:
        return swapped(self.loaded, "referrals", self.ids["closed"])

    def an_event_said_twice(self) -> Loaded:
        return twice(self.loaded, of_type("referral.accepted"))

    def a_hold_said_twice(self) -> Loaded:
        return twice(self.loaded, of_type("capacity.held", topic="capacity"))

    # -- answers
    def a_command_without_an_answer(self) -> Loaded:
        return lost(self.loaded, of_type("command.accepted", topic="agencies.pa.accura.feed"))

    def a_broken_message_without_an_answer(self) -> Loaded:
        return lost(self.loaded, of_type("command.rejected", topic="agencies.pa.comune.feed", code="malformed_json"))

    def two_answers_to_one_command(self) -> Loaded:
        return twice(self.loaded, of_type("command.accepted", topic="agencies.pa.accura.feed"))

    def an_answer_to_what_was_never_asked(self) -> Loaded:
        return lost(self.loaded, lambda m: m.topic == "agencies.pa.accura.commands")

    # -- needs
    def a_need_whose_journey_never_began(self) -> Loaded:
        id = self.loaded.stored("referral", "referrals")[self.ids["taken"]]["need"]["journey_id"]
        return gone(self.loaded, "referral", "journeys", id)

    def a_need_whose_referral_is_gone(self) -> Loaded:
        return gone(self.loaded, "referral", "referrals", self.ids["taken"])

    def an_open_referral_without_a_timer(self) -> Loaded:
        return self._referral("held", lambda doc: doc.update(timers=[]))

    def an_open_referral_without_an_owner(self) -> Loaded:
        return self._referral("held", lambda doc: doc["place"].update(queue=None))

    def an_open_referral_that_falls_silent(self) -> Loaded:
        return self._referral("held", lambda doc: doc.update(timers=[timer | {"steps": []} for timer in doc["timers"]]))

    def an_open_referral_of_nobody(self) -> Loaded:
        return self.an_open_referral_without_an_owner()

    def a_step_that_nobody_took(self) -> Loaded:
        return self._referral("held", lambda doc: doc["timers"][0]["steps"][0].update(at="2026-01-01T00:00:00Z"))

    def a_task_that_falls_silent(self) -> Loaded:
        id = next(iter(self.loaded.stored("referral", "tasks")))
        return changed(self.loaded, "referral", "tasks", id, lambda doc: doc.update(steps=[]))

    def a_closed_referral_that_leaves_its_sender_alone(self) -> Loaded:
        return self._referral("closed", lambda doc: doc["history"][-1].update(reason="served_partial"))

    def a_declined_referral_that_nobody_follows(self) -> Loaded:
        return kept(self.loaded, "referral", "tasks", {})

    def a_declined_referral_with_a_task_that_is_about_no_need(self) -> Loaded:
        loaded = self.loaded
        for id in loaded.stored("referral", "tasks"):
            loaded = changed(loaded, "referral", "tasks", id, lambda doc: doc.update(kind="confirm_vital_interest"))
        return loaded

    def a_successor_that_was_never_opened(self) -> Loaded:
        return gone(self.loaded, "referral", "referrals", self._passed["successor_id"])

    def an_unmet_need_that_is_not_final(self) -> Loaded:
        journeys = self.loaded.stored("referral", "journeys")
        id = next(id for id, doc in journeys.items() if any(unmet["final"] for unmet in doc["unmet"]))
        bare = kept(self.loaded, "referral", "tasks", {})
        return changed(bare, "referral", "journeys", id, lambda doc: doc["unmet"][0].update(final=False))

    def a_need_that_leans_on_nothing(self) -> Loaded:
        return kept(self.loaded, "referral", "decisions", {})

    def a_need_that_leans_on_what_is_over(self) -> Loaded:
        return self._referral("held", lambda doc: doc.update(state="CLOSED"))

    def a_need_that_was_declined_for_nothing(self) -> Loaded:
        links = self.loaded.stored("referral", "links")
        return kept(self.loaded, "referral", "links", {id: doc | {"leaning": []} for id, doc in links.items()})

    def a_need_that_was_declined_for_what_is_over(self) -> Loaded:
        return self._referral("taken", lambda doc: doc.update(state="CLOSED"))

    @property
    def _passed(self) -> Doc:
        return self.loaded.stored("referral", "referrals")[self.ids["passed"]]

    def sharing_bases_that_no_event_told(self) -> Loaded:
        return self._sharing(lambda doc: doc.update(version=7))

    # -- sharing
    def an_open_referral_under_a_basis_that_was_withdrawn(self) -> Loaded:
        return self._sharing(lambda doc: doc["bases"][0].update(withdrawn_at="2026-11-24T09:00:00Z"))

    def an_open_referral_under_a_basis_that_has_run_out(self) -> Loaded:
        return self._sharing(lambda doc: doc.update(over=["b1"]))

    def an_open_referral_to_an_agency_that_the_person_excluded(self) -> Loaded:
        refusal = {"basis_id": "b9", "recipient": "pa.accura", "refused": True}
        return self._sharing(lambda doc: doc["bases"].append(doc["bases"][0] | refusal))

    def an_open_referral_that_rests_on_nothing(self) -> Loaded:
        return self._referral("held", lambda doc: doc["place"].update(basis=None))

    def a_vital_interest_that_nobody_confirmed_in_time(self) -> Loaded:
        return self._sharing(lambda doc: doc.update(reviews=[A_REVIEW | {"until": "2026-01-01T00:00:00Z"}]))

    def a_vital_interest_that_nobody_is_asked_about(self) -> Loaded:
        return self._sharing(lambda doc: doc.update(reviews=[A_REVIEW]))

    def _sharing(self, change: Callable[[Any], None]) -> Loaded:
        id = self.loaded.stored("referral", "referrals")[self.ids["held"]]["need"]["intake_id"]
        return changed(self.loaded, "intake", "sharing", id, change)

    # -- places
    def a_bed_of_a_referral_that_is_over(self) -> Loaded:
        return self._referral("bed", lambda doc: doc.update(state="CLOSED"))

    def a_bed_of_nobody(self) -> Loaded:
        return gone(self.loaded, "referral", "referrals", self.ids["bed"])

    def a_held_bed_that_no_offer_knows(self) -> Loaded:
        return self._offer("pa.ponte.temporary", lambda doc: doc.update(taken=[]))

    def a_place_on_the_waitlist_that_is_lost(self) -> Loaded:
        return self._offer("pa.ponte.temporary", lambda doc: doc.update(waiting=[]))

    def a_place_that_was_asked_for_in_vain(self) -> Loaded:
        return self._referral("bed", lambda doc: doc.update(seat="asked"))

    def two_places_of_one_referral(self) -> Loaded:
        return self._offer("pa.ponte.temporary", lambda doc: doc["taken"].append(doc["taken"][0]))

    def more_beds_taken_than_there_are(self) -> Loaded:
        return self._offer("pa.ponte.temporary", lambda doc: doc["taken"][0]["party"].update(places=10))

    def a_bed_promised_that_was_not_there(self) -> Loaded:
        return self._told_free(-1)

    def a_bed_that_was_counted_wrong(self) -> Loaded:
        return self._told_free(5)

    def an_offer_that_is_counted_no_more_and_still_open(self) -> Loaded:
        return changed(
            self.loaded, "housing", "offers", "pa.ponte.temporary", lambda doc: doc["capacity"].update(total=None)
        )

    def _told_free(self, free: int) -> Loaded:
        """With the first bed that was held: four were free then."""
        held = of_type("capacity.held", topic="capacity", referral_id=self.ids["bed"])
        said = tuple(replace(m, value=m.value | {"free": free}) if held(m) else m for m in self.loaded.said["capacity"])
        return replace(self.loaded, said={**self.loaded.said, "capacity": said})

    # -- feeds
    def an_event_that_its_agency_never_heard(self) -> Loaded:
        return lost(self.loaded, of_type("referral.sent", topic="agencies.pa.accura.feed"))

    def an_event_that_its_agency_heard_twice(self) -> Loaded:
        return twice(self.loaded, of_type("referral.sent", topic="agencies.pa.accura.feed"))

    def a_feed_out_of_order(self) -> Loaded:
        feed = "agencies.pa.comune.feed"
        said = self.loaded.said[feed]
        last = max(m.offset for m in said)
        turned = tuple(replace(m, offset=last - m.offset) for m in reversed(said))
        return replace(self.loaded, said={**self.loaded.said, feed: turned})

    # -- what is left behind
    def a_message_that_nobody_reads(self) -> Loaded:
        return replace(self.loaded, standings=(*self.loaded.standings, Standing("referral", "intakes", 0, 3, 4)))

    def a_batch_that_is_not_said(self) -> Loaded:
        return kept(self.loaded, "referral", "offsets", {"intakes:0": {"next": 4}})

    def a_message_that_is_set_aside(self) -> Loaded:
        doc = {"topic": "intake.commands", "partition": 2, "offset": 7, "reason": "failed:KeyError"}
        return kept(self.loaded, "intake", "parked", {"id": doc})


FOUND_BY: dict[str, dict[str, str]] = {
    "state": {
        "a_state_that_no_event_told": "state is IN_SERVICE, its events say ACCEPTED",
        "a_timer_that_no_event_told": "due_at is 2026-01-01",
        "a_history_with_a_gap": "it tells versions [1, 3, 4, 5] of 5",
        "a_last_event_that_was_never_said": "state is CLOSED, its events say IN_SERVICE",
        "a_referral_that_nobody_keeps": "nobody keeps it",
        "a_referral_that_no_event_tells_of": "does not tell of it",
        "a_task_with_another_due_time": "due_at is 2026-01-01",
        "an_unmet_need_that_was_not_told": "unmet is not what its events say",
        "an_intake_that_was_told_differently": "recorded is not what its events say",
        "sharing_bases_that_no_event_told": "version is 7, its events say 1",
        "an_intake_that_was_never_told": "does not tell of it",
        "a_bed_that_no_event_gave": "taken is not what its events say",
        "a_copy_of_the_directory_that_is_old": "not what the directory's topic says last",
    },
    "versions": {
        "a_version_that_is_missing": "after version 2 comes version 4",
        "versions_out_of_order": "version 1 is told after version 5",
        "an_event_said_twice": "of version 3 is told 2 times",
        "a_hold_said_twice": "is told 2 times",
    },
    "answers": {
        "a_command_without_an_answer": "it has no answer",
        "a_broken_message_without_an_answer": "it has no answer",
        "two_answers_to_one_command": "it has 2 answers",
        "an_answer_to_what_was_never_asked": "never asked",
    },
    "needs": {
        "a_need_whose_journey_never_began": "its journey does not know of it",
        "a_need_whose_referral_is_gone": "was never opened, and nothing says why",
        "an_open_referral_without_a_timer": "is REQUESTED without owner or due time",
        "an_open_referral_without_an_owner": "is REQUESTED without owner or due time",
        "a_declined_referral_that_nobody_follows": "is DECLINED, and nobody is asked",
        "a_declined_referral_with_a_task_that_is_about_no_need": "is DECLINED, and nobody is asked",
        "a_closed_referral_that_leaves_its_sender_alone": "which leaves something to decide to nobody",
        "a_successor_that_was_never_opened": "was never opened, and nothing says why",
        "an_unmet_need_that_is_not_final": "was never opened, and nothing says why",
        "a_need_that_leans_on_nothing": "was never opened, and nothing says why",
        "a_need_that_leans_on_what_is_over": "which is CLOSED, and was not told",
        "a_need_that_was_declined_for_nothing": "was declined for another, and nothing says which",
        "a_need_that_was_declined_for_what_is_over": "which is CLOSED, and was not told",
    },
    "timers": {
        "an_open_referral_that_falls_silent": "no timer of it will fire",
        "an_open_referral_of_nobody": "it is open and nobody's",
        "a_step_that_nobody_took": "was due at 2026-01-01",
        "a_task_that_falls_silent": "no timer of it will fire",
    },
    "sharing": {
        "an_open_referral_under_a_basis_that_was_withdrawn": "rests on was withdrawn",
        "an_open_referral_under_a_basis_that_has_run_out": "rests on has run out",
        "an_open_referral_to_an_agency_that_the_person_excluded": "the person has excluded its receiver",
        "an_open_referral_that_rests_on_nothing": "does not know the basis that it rests on",
        "a_vital_interest_that_nobody_confirmed_in_time": "was to be confirmed by 2026-01-01",
        "a_vital_interest_that_nobody_is_asked_about": "waits to be confirmed, and nobody has a task about it",
    },
    "places": {
        "a_bed_of_a_referral_that_is_over": "and the referral is CLOSED",
        "a_bed_of_nobody": "and nobody keeps the referral",
        "a_held_bed_that_no_offer_knows": "its place is held, and no offer has it so",
        "a_place_on_the_waitlist_that_is_lost": "its place is waiting, and no offer has it so",
        "a_place_that_was_asked_for_in_vain": "it was never told what became of it",
        "two_places_of_one_referral": "it has something of an offer 2 times",
        "more_beds_taken_than_there_are": "there never were more than 9",
        "a_bed_promised_that_was_not_there": "places are held that there are not",
        "a_bed_that_was_counted_wrong": "5 are taken and 5 told to be free",
        "an_offer_that_is_counted_no_more_and_still_open": "it is open with 9 places, and they are counted no more",
    },
    "feeds": {
        "an_event_that_its_agency_never_heard": "it is not on the feed",
        "an_event_that_its_agency_heard_twice": "no event of ours is told by it",
        "a_feed_out_of_order": "a later event of the same aggregate",
    },
    "positions": {"a_message_that_nobody_reads": "messages wait, and it stands at 3"},
    "outboxes": {"a_batch_that_is_not_said": "it has not said what follows"},
    "parked": {"a_message_that_is_set_aside": "intake.commands/2/7 is parked: failed:KeyError"},
}
"""The faults by the check that finds them, and some of its words."""
