"""Pages speak both languages: every text that a template asks for is there, and every code has words."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from contracts import catalogue, codes
from contracts.beside import TimerFired
from contracts.events import ReferralEvent
from contracts.values import Message
from services.console import pages
from services.console.bound import SAID as ANSWERS
from services.console.domain import picture, rights
from services.console.lists import GLASS_WRONG
from services.console.pages import words

TEMPLATES = {p.name: p.read_text("utf-8") for p in files("services.console").joinpath("templates").iterdir()}
ASKED = re.compile(r"""\bt\("([a-z_.]+)"[,)]""")


def kinds(of: type[Message]) -> list[type[Message]]:
    return [of, *(more for kind in of.__subclasses__() for more in kinds(kind))]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_text_of_a_page_is_there_in_both_languages(template):
    missing = {key for key in ASKED.findall(TEMPLATES[template]) if key not in words() and not key.endswith(".")}

    assert not missing


def test_every_answer_and_every_heading_has_words():
    assert {*ANSWERS, *GLASS_WRONG.values(), "my_queue", "my_sent", "my_city", "my_tasks", "my_looks"} <= words().keys()


def test_every_event_of_a_referral_is_told_in_words_or_left_out():
    told = {kind.TYPE for kind in kinds(ReferralEvent) if kind in catalogue.BY_MODEL and kind.TYPE not in picture.QUIET}

    assert {f"event.{type}" for type in told} <= words().keys()
    assert TimerFired.TYPE in told


@pytest.mark.parametrize(("state", "event"), [
    ("REQUESTED", "sent"), ("ACKNOWLEDGED", "acknowledged"), ("WAITLISTED", "waitlisted"), ("ACCEPTED", "accepted"),
    ("ON_HOLD", "held"), ("REROUTED", "rerouted"), ("WITHDRAWN", "withdrawn"), ("REVOKED", "revoked"),
    ("EXPIRED", "expired"), ("ENTERED_IN_ERROR", "entered_in_error"),
])  # fmt: skip
def test_how_a_referral_stands_is_said_with_the_word_that_says_how_it_came_there(state, event):
    label = codes.codes("transitions", "states")[state]["label"]["it"]

    assert label.split()[0] == words()[f"event.staffetta.referral.{event}.v1"][0].split()[0]


def test_what_is_passed_on_is_said_with_one_word():
    tables = ("transitions", "decline_reasons", "rejection_codes", "indicators")
    said = [json.dumps(codes.table(name), ensure_ascii=False).lower() for name in tables]

    assert "inoltro" in said[0] and not [name for name, text in zip(tables, said, strict=True) if "rinvi" in text]


def test_every_filter_of_routing_has_words():
    assert {f"filter.{f['code']}" for f in codes.table("routing")["filters"]} <= words().keys()


def test_every_receipt_that_is_owed_has_words():
    assert {f"owed.{code}" for code in codes.of_field("obligation")} <= words().keys()


def test_what_the_data_say_of_a_need_the_desk_reads_in_both_languages():
    needs = codes.codes("needs")
    noted = {f"need.{code}" for code, need in needs.items() if "note" in need}
    asked = {f"new.{name}" for need in needs.values() for name in need.get("ask_also", ())}
    suggested = [said for need in needs.values() for said in need["suggests"]]
    conditions = {f"when.{kind}" for said in suggested for kind in said.get("when", ())}

    assert noted == {key for key in words() if key.startswith("need.")}
    assert asked <= words().keys() and conditions == {key for key in words() if key.startswith("when.")}


def test_every_kind_of_task_has_words():
    ours = ("linked_referral_ended", "no_candidate", "dependency_ended", "receiver_not_told", "sender_not_told",
            "same_person", "place_lost", "waits_in_vain", "confirm_vital_interest")  # fmt: skip
    lists = ("decline_reasons", "closure_outcomes", "withdraw_reasons")
    named = {item["next"] for name in lists for item in codes.codes(name).values()}

    assert not [kind for kind in (*ours, *named) if pages.kind_of_task(kind, "it") == kind]


def test_every_cause_for_which_a_message_is_set_aside_has_words():
    causes = ("failed", "unreadable", "unknown_type", "unwritable", "after_parked")

    assert {f"parked.{cause}" for cause in causes} <= words().keys()


def test_no_text_of_the_pages_is_unused():
    asked = {key for text in TEMPLATES.values() for key in re.findall(r'"([a-z_0-9.]+)"', text)}
    made = ("correct_", "day.", "ops.", "parked.", "do.", "key.", "field.", "event.", "filter.", "task.", "http_",
            "requested_by.", "failed_rule.", "reason.", "new.", "owed.", "glossary_", "reads_", "call_", "reach_",
            "message_", "contact_", "need.", "when.")  # fmt: skip
    by_code = {
        *ANSWERS,
        *GLASS_WRONG.values(),
        *(right.what for right in rights.RIGHTS.values()),
        "in",
        "late",
        "no_limit",
    }
    elsewhere = {"logged_out", "login_again", "login_failed", "no_desk", "my_queue", "my_sent", "my_city", "given",
                 "family", "birth_date", "contact", "safe_hours", "caregiver_contact", "case_code", "reserved", "days",
                 "batch_not", "batch_asks", "new_changed", "moved_on", "erase_unsure",
                 *pages.MEANT.values()}  # fmt: skip

    assert not {key for key in words() if not key.startswith(made)} - asked - by_code - elsewhere


def test_what_the_guide_quotes_is_written_on_the_pages():
    guide = Path("docs/using.md").read_text("utf-8")
    quoted = {" ".join(text.split()) for text in re.findall(r"«([^»]+)»", guide)}

    assert quoted - {italian for italian, _ in words().values()} == set()
