"""Notifications as it runs, against a real mail server that is away, slow, refuses, hangs up, or sees a worker die."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.beside import ReferralNoteAdded
from contracts.directory import Contact, Queue
from contracts.events import ReferralAccepted, ReferralEnteredInError, ReferralRevoked, ReferralSent
from contracts.journeys import TaskOpened, TaskReminded
from contracts.notifications import NotificationFailed, NotificationSent, mailbox_id
from services.chassis.settings import Settings
from services.notifications.delivery import SIDE_BY_SIDE
from services.notifications.domain.mailbox import BURST
from tests.builders import NOW, an_agency
from tests.mail_server import MailServer, mail_server
from tests.notices import an_event
from tests.processes import Processes, plain_http, running
from tests.services.bus import Bus, bus

pytestmark = pytest.mark.asyncio(loop_scope="module")

PACE = "0.001"
"""All waits of a mail together are fourteen seconds."""


@dataclass
class Telling:
    """One network with a mail server of its own; each test tells agencies of its own."""

    bus: Bus
    processes: Processes
    mail: MailServer
    db: Any

    async def an_agency(self, email: str | None = "") -> tuple[str, str]:
        """One that is known and was told nothing yet: its code, and the address of its desk (made up unless given)."""
        code = f"t{uuid4().hex[:8]}.ngo"
        address = f"{code}@agency.test" if email == "" else email
        desk = Queue(code=f"{code}.desk", kind="desk", name={"it": code}, languages=("en",),
                     contact=Contact(email=address))  # fmt: skip
        await self.bus.ask(an_agency(code, queues=(desk,)))
        async with asyncio.timeout(60):
            while not await self.db.agencies.find_one({"_id": code}):
                await asyncio.sleep(0.02)
        return code, address or ""

    async def tell(self, agency: str, count: int = 1) -> list[UUID]:
        """Referrals of this agency are accepted; returns their ids."""
        ids = [uuid4() for _ in range(count)]
        for id in ids:
            known = {"sender_agency": agency, "sender_queue": f"{agency}.desk", "referral_id": id, "journey_id": id}
            await self.bus.ask(an_event(ReferralAccepted, **known))
        return ids

    async def fates(self, ids: list[UUID], seconds: float = 90) -> list[NotificationSent | NotificationFailed]:
        """What became of the notices of these referrals, once it is known of all."""
        async with asyncio.timeout(seconds):
            while True:
                said = [m.message for m in self.bus.heard]
                of = [m for m in said if isinstance(m, NotificationSent | NotificationFailed) and m.referral_id in ids]
                if {m.referral_id for m in of} == set(ids):
                    return of
                await asyncio.sleep(0.02)

    async def attempts(self, agency: str, at_least: int) -> None:
        """Until a mail of this agency was tried so often, in vain."""
        async with asyncio.timeout(60):
            while not await self.db.mailboxes.find_one(
                {"_id": str(mailbox_id(f"{agency}.desk")), "mails.attempts": {"$gte": at_least}}
            ):
                await asyncio.sleep(0.02)

    async def notices(self, agency: str, *, by: str | None = None) -> httpx.Response:
        async with plain_http(self.processes.url("notifications")) as client:
            return await client.get(
                f"/v1/queues/{agency}.desk/notices", headers=self.processes.bearer(by or agency), timeout=30
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Telling]:
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    folder: Path = tmp_path_factory.mktemp("notifications")
    async with mail_server() as mail:
        told = {"SMTP_URL": mail.url, "MAIL_FROM": "post@staffetta.test", "CONSOLE_URL": "https://console.test",
                "RETRY_PACE": PACE}  # fmt: skip
        async with (
            running(network, folder, ("notifications",), load=(), environment=told) as processes,
            bus(network, "notifications") as talk,
        ):
            processes.move_clock(timedelta(hours=1))
            client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
            yield Telling(talk, processes, mail, client[network.named("notifications")])
            client.close()
    for log in sorted(folder.glob("*.log")):  # noqa: ASYNC240  (nothing else runs by then)
        print(log.read_text("utf-8", "replace")[-3000:])


def ids_of(mails: list[Any]) -> list[str]:
    return [mail["Message-ID"] for mail in mails]


async def test_an_answer_is_mailed_to_the_desk_that_sent_and_its_notice_is_for_its_agency_alone(
    telling: Telling,
) -> None:
    agency, address = await telling.an_agency()
    other, _ = await telling.an_agency()

    ids = await telling.tell(agency)
    (fate,) = await telling.fates(ids)

    (mail,) = telling.mail.to(address)
    assert isinstance(fate, NotificationSent)
    assert mail["Message-ID"] == f"<{fate.mail_id}@staffetta.test>"
    assert mail["Subject"].startswith("Referral accepted PA-")
    assert "https://console.test/r/PA-" in mail.get_content()
    (notice,) = (await telling.notices(agency)).json()
    assert (notice["about"], notice["service"], notice["mail"]["state"]) == ("accepted", "health.primary", "sent")
    assert notice["referral_id"] == str(ids[0])
    assert [(await telling.notices(agency, by=by)).status_code for by in (agency, other)] == [200, 404]
    assert (await telling.notices("pa.nobody", by=agency)).status_code == 404


async def test_what_is_to_be_confirmed_is_mailed_to_the_desk_and_half_way_once_more(telling: Telling) -> None:
    agency, address = await telling.an_agency()
    about = {"journey_id": uuid4(), "referral_id": uuid4(), "service": "health.primary", "agency": agency,
             "queue": f"{agency}.desk", "task_id": uuid4(), "at": NOW, "due_at": NOW + timedelta(hours=72)}  # fmt: skip
    kind = {"kind": "confirm_vital_interest"}

    await telling.bus.ask(TaskOpened(**about, **kind, version=1, next="confirm_vital_interest"))
    await telling.bus.ask(TaskReminded(**about, **kind, version=2, percent=50, notify=("owner_queue",)))
    async with asyncio.timeout(60):
        while len(mails := telling.mail.to(address)) < 2:
            await asyncio.sleep(0.02)

    assert [mail["Subject"][:24] for mail in mails] == ["Sharing to be confirmed "] * 2


async def test_a_burst_is_told_in_few_mails_that_hold_each_notice_once(telling: Telling) -> None:
    agency, address = await telling.an_agency()

    fates = await telling.fates(await telling.tell(agency, 4 * BURST))

    mails = telling.mail.to(address)
    assert len(set(ids_of(mails))) == len(mails) == len({fate.mail_id for fate in fates}) < 4 * BURST
    assert len({fate.notification_id for fate in fates}) == len(fates) == 4 * BURST
    for mail in mails:
        told = [fate for fate in fates if f"<{fate.mail_id}@staffetta.test>" == mail["Message-ID"]]
        assert mail.get_content().count("https://console.test/r/") == len(told)


async def test_while_the_server_is_away_mails_wait_and_then_arrive(telling: Telling) -> None:
    agency, address = await telling.an_agency()
    await telling.mail.down()
    try:
        ids = await telling.tell(agency, 3)
        await telling.attempts(agency, 2)
    finally:
        await telling.mail.up()

    fates = await telling.fates(ids)

    assert {type(fate) for fate in fates} == {NotificationSent}
    assert {f"<{fate.mail_id}@staffetta.test>" for fate in fates} == set(ids_of(telling.mail.to(address)))
    assert max(fate.attempts for fate in fates) > 2


async def test_a_desk_that_must_forget_a_referral_is_mailed_and_shown_that_and_nothing_it_was_to_be_told_before(
    telling: Telling,
) -> None:
    """What its mails could not yet tell, and what they had told; what it is told of another referral stays."""
    agency, address = await telling.an_agency()
    here = {"receiver_agency": agency, "receiver_queue": f"{agency}.desk"}
    id, other = uuid4(), uuid4()
    await telling.bus.ask(an_event(ReferralSent, referral_id=id, journey_id=id, **here))
    async with asyncio.timeout(60):
        while len(telling.mail.to(address)) < 1:
            await asyncio.sleep(0.02)
    await telling.mail.down()
    try:
        await telling.bus.ask(an_event(ReferralNoteAdded, referral_id=id, journey_id=id, by="sender", **here))
        await telling.attempts(agency, 2)
        await telling.bus.ask(an_event(ReferralSent, referral_id=other, journey_id=other, **here))
        await telling.bus.ask(an_event(ReferralRevoked, referral_id=id, journey_id=id, **here))
        async with asyncio.timeout(60):
            while not await telling.db.notices.find_one({"referral_id": str(id), "about": "to_delete"}):
                await asyncio.sleep(0.02)
    finally:
        await telling.mail.up()
    async with asyncio.timeout(60):
        while len(telling.mail.to(address)) < 3:
            await asyncio.sleep(0.02)

    subjects = [mail["Subject"].rpartition(" ")[0] for mail in telling.mail.to(address)]
    shown = {(notice["referral_id"], notice["about"]) for notice in (await telling.notices(agency)).json()}
    assert (subjects[0], sorted(subjects[1:])) == (NEW, [NEW, "Referral revoked, data to be deleted"])
    assert shown == {(str(id), "to_delete"), (str(other), "new")}


async def test_of_a_referral_that_should_never_have_been_no_side_is_mailed_what_still_waited(telling: Telling) -> None:
    """Its sender has marked it so, and is told nothing; its receiver is told that, and nothing else."""
    sender, receiver = await telling.an_agency(), await telling.an_agency()
    sides = {"sender_agency": sender[0], "sender_queue": f"{sender[0]}.desk",
             "receiver_agency": receiver[0], "receiver_queue": f"{receiver[0]}.desk"}  # fmt: skip
    id, other = uuid4(), uuid4()
    await telling.mail.down()
    try:
        for of in (id, other):
            await telling.bus.ask(an_event(ReferralSent, referral_id=of, journey_id=of, **sides))
            await telling.bus.ask(an_event(ReferralAccepted, referral_id=of, journey_id=of, **sides))
        for agency, _ in (sender, receiver):
            await telling.attempts(agency, 1)
        await telling.bus.ask(an_event(ReferralEnteredInError, referral_id=id, journey_id=id, by="sender", **sides))
        gone = {"referral_id": str(id), "about": {"$ne": "in_error"}}
        async with asyncio.timeout(60):
            while await telling.db.notices.find_one(gone) or not await telling.db.notices.find_one(
                {"referral_id": str(id)}
            ):
                await asyncio.sleep(0.02)
    finally:
        await telling.mail.up()
    async with asyncio.timeout(60):
        while await telling.db.mailboxes.find_one({"mails": {"$ne": []}, "agency": {"$in": [sender[0], receiver[0]]}}):
            await asyncio.sleep(0.02)

    def subjects(address: str) -> list[str]:
        return sorted(str(mail["Subject"]).rpartition(" ")[0] for mail in telling.mail.to(address))

    assert subjects(sender[1]) == ["Referral accepted"]
    assert subjects(receiver[1]) == [NEW, "Referral entered in error"]


NEW = "New referral"


async def test_a_mail_that_is_next_is_not_sent_when_the_one_before_took_so_long_that_it_is_to_be_told_no_more(
    telling: Telling,
) -> None:
    """Two wait; whichever is tried first is held up, and the other is next."""
    agency, address = await telling.an_agency()
    here = {"receiver_agency": agency, "receiver_queue": f"{agency}.desk"}
    two = [uuid4(), uuid4()]

    async def told(about: str) -> None:
        async with asyncio.timeout(60):
            while await telling.db.notices.count_documents({"queue": f"{agency}.desk", "about": about}) < len(two):
                await asyncio.sleep(0.02)

    await telling.mail.down()
    for id in two:
        await telling.bus.ask(an_event(ReferralSent, referral_id=id, journey_id=id, **here))
    await told("new")
    released = telling.mail.holds[address] = asyncio.Event()
    await telling.mail.up()
    await telling.mail.until(lambda: address in telling.mail.held)

    for id in two:
        await telling.bus.ask(an_event(ReferralRevoked, referral_id=id, journey_id=id, **here))
    await told("to_delete")
    released.set()
    empty = {"_id": str(mailbox_id(f"{agency}.desk")), "mails": [], "gathered": []}
    async with asyncio.timeout(60):
        while not await telling.db.mailboxes.find_one(empty):
            await asyncio.sleep(0.02)

    assert [str(mail["Subject"]).startswith(NEW) for mail in telling.mail.to(address)].count(True) == 1


async def test_a_server_that_refuses_for_good_ends_it_at_once_and_says_so(telling: Telling) -> None:
    agency, address = await telling.an_agency()
    telling.mail.refuses[address] = "550 5.1.1 no such person"

    (fate,) = await telling.fates(await telling.tell(agency))

    assert isinstance(fate, NotificationFailed)
    assert (fate.reason, fate.attempts) == ("refused", 1)
    (notice,) = (await telling.notices(agency)).json()
    assert (notice["mail"]["state"], notice["mail"]["reason"]) == ("failed", "refused")


async def test_a_server_that_refuses_for_now_is_asked_again_until_the_last_attempt(telling: Telling) -> None:
    patient, address = await telling.an_agency()
    hopeless, other = await telling.an_agency()
    telling.mail.refuses |= {address: "451 4.7.1 later", other: "451 4.7.1 later"}
    ids, lost = await telling.tell(patient), await telling.tell(hopeless)

    await telling.attempts(patient, 2)
    del telling.mail.refuses[address]

    (fate,), (end,) = await telling.fates(ids), await telling.fates(lost)
    assert isinstance(fate, NotificationSent)
    assert isinstance(end, NotificationFailed)
    assert (end.reason, end.attempts) == ("put_off", 8)


async def test_a_mail_that_is_cut_off_in_the_middle_is_sent_again_under_the_same_id(telling: Telling) -> None:
    agency, address = await telling.an_agency()
    telling.mail.cuts[address] = 2

    (fate,) = await telling.fates(await telling.tell(agency))

    assert isinstance(fate, NotificationSent)
    assert fate.attempts == 3
    assert ids_of(telling.mail.to(address)) == [f"<{fate.mail_id}@staffetta.test>"]


@pytest.mark.parametrize("address", [None, "desk@[example.org"])
async def test_a_desk_to_which_no_mail_can_be_addressed_is_seen_and_not_tried_for_ever(
    telling: Telling, address: str | None
) -> None:
    agency, _ = await telling.an_agency(address)

    (fate,) = await telling.fates(await telling.tell(agency))

    assert isinstance(fate, NotificationFailed)
    assert fate.reason == "no_address"


async def test_slow_recipients_hold_up_nobody_else(telling: Telling) -> None:
    released = asyncio.Event()
    slow = [await telling.an_agency() for _ in range(SIDE_BY_SIDE + 2)]
    quick, _ = await telling.an_agency()
    telling.mail.holds |= {held: released for _, held in slow}
    waiting = [id for agency, _ in slow for id in await telling.tell(agency)]
    await telling.mail.until(lambda: len(telling.mail.held) == SIDE_BY_SIDE)

    (fate,) = await telling.fates(await telling.tell(quick))

    assert isinstance(fate, NotificationSent)
    assert not [mail for _, held in slow for mail in telling.mail.to(held)]
    released.set()
    assert {type(end) for end in await telling.fates(waiting)} == {NotificationSent}


async def test_a_worker_that_is_killed_while_it_sends_loses_nothing_and_repeats_under_the_same_id(
    telling: Telling,
) -> None:
    released = asyncio.Event()
    agencies = [await telling.an_agency() for _ in range(4)]
    asked, swallowed = agencies[:2], [address for _, address in agencies[2:]]
    telling.mail.holds |= {address: released for _, address in asked}
    telling.mail.swallows |= dict.fromkeys(swallowed, released)
    ids = [id for agency, _ in agencies for id in await telling.tell(agency, 2)]
    await telling.mail.until(lambda: len(telling.mail.held) == len(agencies))

    telling.processes.kill("notifications-0")
    released.set()

    fates = await telling.fates(ids)
    assert {type(fate) for fate in fates} == {NotificationSent}
    assert len({fate.notification_id for fate in fates}) == len(fates) == len(ids)
    arrived = {id for _, address in agencies for id in ids_of(telling.mail.to(address))}
    assert arrived == {f"<{fate.mail_id}@staffetta.test>" for fate in fates}
    for address in swallowed:
        assert sorted(Counter(ids_of(telling.mail.to(address))).values()) == [1, 2]


async def test_two_workers_share_the_mails_and_neither_repeats_the_others(telling: Telling) -> None:
    await telling.processes.start("notifications", "1")
    await telling.processes.ready()
    agencies = [await telling.an_agency() for _ in range(10)]

    fates = await telling.fates([id for agency, _ in agencies for id in await telling.tell(agency, 3)])

    assert {type(fate) for fate in fates} == {NotificationSent}
    arrived = [id for _, address in agencies for id in ids_of(telling.mail.to(address))]
    assert sorted(arrived) == sorted(f"<{fate.mail_id}@staffetta.test>" for fate in fates)
    assert await telling.db.parked.count_documents({}) == 0
