"""What the page of a referral tells beside its own state: of its family, of whom routing passed over, of mails."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.notifications import NotificationFailed, NotificationSent
from tests.builders import an_intake
from tests.console.desk import Desk, Town
from tests.services.bus import bus

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENDER, RECEIVER, NEXT = "pa.comune:caseworker", "pa.accura:caseworker", "pa.salute:caseworker"
CITY = "pa.comune:coordinator"
ROW = re.compile(r'href="/referrals/([0-9a-f-]{36})"><strong>')


async def rows(desk: Desk, page: str = "/queue") -> set[str]:
    return set(ROW.findall((await desk.get(page)).text))


async def sent(town: Town, *services: str, **tier0: Any) -> list[str]:
    """What comes of one intake of pa.comune, first the referral of health.primary, for which pa.accura is asked."""
    stated = an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.primary", *services), **tier0)
    async with town.desk(SENDER) as sender, town.desk(RECEIVER) as receiver:
        before = await rows(sender, "/sent")
        await town.submit(stated)
        new, asked = await rows(sender, "/sent") - before, await rows(receiver)
    return sorted(new, key=lambda id: id not in asked)


def part(page: str, heading: str) -> str:
    """What stands below a heading of the second rank."""
    return page.partition(f">{heading}</h2>")[2].partition("<h2")[0]


async def test_whom_the_person_excluded_the_sender_and_the_coordination_read_and_nobody_else(palermo: Town) -> None:
    [id] = await sent(palermo, withhold=["pa.salute"])
    shown: dict[str, str] = {}
    for who in (SENDER, CITY, RECEIVER, "pa.penc:caseworker"):
        async with palermo.desk(who) as desk:
            if who == "pa.penc:caseworker":
                code = shown[SENDER].partition("<h1>")[2][:9]
                assert (await desk.post("/looks", code=code, reason="Ricovero d'urgenza")).status_code == 303
            shown[who] = (await desk.get(f"/referrals/{id}")).text

    for page in shown.values():
        assert "Centro Accura" in page and "scelta" in page
    assert ["la persona non vuole" in page for page in shown.values()] == [True, True, False, False]
    assert ["Perché non altrove" in page for page in shown.values()] == [True, True, False, False]
    assert "Salute" not in shown[RECEIVER]


async def test_what_a_sensitive_service_is_the_two_agencies_read_and_the_coordination_does_not(palermo: Town) -> None:
    """Neither its name nor those of the offer and the desk, wherever the coordination meets it."""
    names = ("Salute mentale", "Sostegno psicologico", "Colloquio psicologico")
    async with palermo.desk(SENDER) as sender, palermo.desk(RECEIVER) as receiver, palermo.desk(CITY) as city:
        before = await rows(sender, "/sent")
        await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.mental",)))
        nobody = ["pa.accura", "pa.salute"]
        await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.mental",), withhold=nobody))
        [id] = await rows(sender, "/sent") - before
        for desk in (sender, receiver):
            assert "Salute mentale" in (await desk.get(f"/referrals/{id}")).text
        assert "Salute mentale" in (await sender.get("/tasks")).text
        pages = {at: (await city.get(at)).text for at in (f"/referrals/{id}", "/city", "/tasks")}
        code = pages[f"/referrals/{id}"].partition("<h1>")[2][:9]
        pages |= {at: (await city.get(at)).text for at in (f"/referrals/{id}/withdraw", f"/referrals/{id}/add_note")}

    assert {at: [name for name in names if name in page] for at, page in pages.items()} == {at: [] for at in pages}
    assert {at: "Servizio riservato" in page for at, page in pages.items()} == dict.fromkeys(pages, True)
    assert code in pages["/city"] and "Centro Accura" in pages[f"/referrals/{id}"]


async def test_what_came_of_the_same_meeting_and_what_went_before_lead_to_each_other(palermo: Town) -> None:
    [first, other] = await sent(palermo, "material.food")
    async with palermo.desk(RECEIVER) as receiver, palermo.desk(NEXT) as next_:
        before = await rows(next_)
        said = await receiver.post(f"/referrals/{first}/pass_on", next_agency="pa.salute", decline_reason="out_of_area")
        assert said.status_code == 303, said.text
        await palermo.settle()
        [after] = await rows(next_) - before
        of_receiver, of_next = [(await d.get(f"/referrals/{id}")).text for d, id in ((receiver, first), (next_, after))]
    async with palermo.desk(SENDER) as sender:
        pages = {id: part((await sender.get(f"/referrals/{id}")).text, FAMILY) for id in (first, other, after)}

    link = {id: f'href="/referrals/{id}"' for id in pages}
    assert {id: {of for of in pages if link[of] in page} for id, page in pages.items()} == {
        first: {other, after}, other: {first, after}, after: {first, other},
    }  # fmt: skip
    line = {id: [one for one in page.splitlines() if "<li>" in one] for id, page in pages.items()}
    assert [("prosegue qui" in one, link[after] in one) for one in line[first]].count((True, True)) == 1
    assert [("prima di questo" in one, link[first] in one) for one in line[after]].count((True, True)) == 1
    assert "prosegue qui" not in pages[other] + pages[after] and "prima di questo" not in pages[other] + pages[first]
    assert FAMILY not in of_receiver + of_next


FAMILY = "Altri invii dello stesso colloquio"


async def test_each_reads_which_of_their_queues_were_told_by_mail_and_which_could_not_be(palermo: Town) -> None:
    [id] = await sent(palermo)
    known = {"version": 1, "at": datetime.now(UTC), "channel": "mail", "referral_id": UUID(id), "journey_id": uuid4(),
             "about": "accepted", "attempts": 1, "mail_id": uuid4()}  # fmt: skip
    told = {"queue": "pa.comune.desk", "agency": "pa.comune", "notification_id": uuid4()}
    not_told = {"queue": "pa.accura.clinic", "agency": "pa.accura", "notification_id": uuid4(), "reason": "unreachable"}
    async with bus(palermo.settings, "notifications") as notifications:
        await notifications.ask(NotificationSent.model_validate(known | told))
        await notifications.ask(NotificationFailed.model_validate(known | not_told))
    async with palermo.desk(SENDER) as sender, palermo.desk(RECEIVER) as receiver, asyncio.timeout(30):
        while "Ambulatorio, Centro Accura" not in (said := part((await sender.get(f"/referrals/{id}")).text, MAILS)):
            await asyncio.sleep(0.1)
        own = part((await receiver.get(f"/referrals/{id}")).text, MAILS)

    [of_comune, of_accura] = sorted(re.findall("<li>.*?</li>", said), key=lambda line: "Accura" in line)
    assert "Sportello di accesso, Comune di Palermo" in of_comune and "non recapitato" not in of_comune
    assert "non recapitato" in of_accura
    assert "Ambulatorio" in own and "Sportello" not in own


async def test_the_coordination_reads_that_it_was_told_and_a_sender_does_not(palermo: Town) -> None:
    await palermo.submit(an_intake(f"pa.penc/{uuid4().hex}/1", sender="pa.penc", services=("health.primary",)))
    async with palermo.desk("pa.penc:caseworker") as sender, palermo.desk("pa.comune:coordinator") as coordinator:
        [id, *_] = await rows(sender, "/sent")
        told = {"queue": "pa.comune.coordination", "agency": "pa.comune", "notification_id": uuid4(), "version": 1,
                "at": datetime.now(UTC), "channel": "mail", "referral_id": UUID(id), "journey_id": uuid4(),
                "about": "raised", "attempts": 1, "mail_id": uuid4()}  # fmt: skip
        async with bus(palermo.settings, "notifications") as notifications, asyncio.timeout(30):
            await notifications.ask(NotificationSent.model_validate(told))
            while "Coordinamento cittadino" not in part((await coordinator.get(f"/referrals/{id}")).text, MAILS):
                await asyncio.sleep(0.1)
        assert "Coordinamento cittadino" not in part((await sender.get(f"/referrals/{id}")).text, MAILS)


MAILS = "Chi è stato avvisato"


# -- what goes on ------------------------------------------------------------------------------------------------------
async def test_what_the_sender_calls_it_stands_in_its_lists_and_in_nobody_elses(palermo: Town) -> None:
    mark = f"CART-{uuid4().hex[:8]}"
    [id] = await sent(palermo, sender_ref=mark)
    shown = {}
    for who in (SENDER, RECEIVER, "pa.comune:coordinator"):
        async with palermo.desk(who) as desk:
            pages = [await desk.get(path) for path in ("/queue", "/sent", "/city", f"/referrals/{id}")]
            shown[who] = [mark in page.text for page in pages]

    assert shown[SENDER] == [False, True, False, True]
    assert not any(shown[RECEIVER]), "the receiver is told no reference of the sender"


async def test_a_decline_that_leaves_the_choice_to_the_sender_is_a_task_from_which_another_is_asked(
    palermo: Town,
) -> None:
    mark = f"CART-{uuid4().hex[:8]}"
    [id] = await sent(palermo, sender_ref=mark)
    async with palermo.desk(RECEIVER) as receiver:
        reason = {"decline_reason": "other", "text": "Si trasloca"}
        said = await receiver.post(f"/referrals/{id}/decline", **reason)
        assert said.status_code == 303, said.text
        await palermo.settle()
    async with palermo.desk(SENDER) as sender:
        [task] = [row for row in ROWS.findall((await sender.get("/tasks")).text) if mark in row]
        form = (await sender.get(f"/referrals/{id}/open")).text
        before = await rows(sender, "/sent")
        asked = await sender.post(f"/referrals/{id}/open", next_agency="pa.salute")
        await palermo.settle()
        [after] = await rows(sender, "/sent") - before
        page, tasks = (await sender.get(f"/referrals/{id}")).text, (await sender.get("/tasks")).text

    assert f'href="/referrals/{id}/open"' in task and f'href="/referrals/{id}"><strong>PA-' in task
    assert re.findall(r'<option value="(\w*\.?\w*)"', form.partition('name="next_agency"')[2]) == ["", "pa.salute"]
    assert asked.headers["location"].endswith("&did=open")
    assert f'Prosegue con <a href="/referrals/{after}">' in page
    assert mark not in tasks, "it is done"


async def test_a_task_about_a_need_that_came_to_nobody_says_whose_it_is(palermo: Town) -> None:
    mark = f"CART-{uuid4().hex[:8].upper()}"
    nobody = ("pa.accura", "pa.salute")
    await palermo.submit(
        an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.primary",), withhold=nobody, sender_ref=mark)
    )
    async with palermo.desk(SENDER) as sender, palermo.desk("pa.comune:coordinator") as coordinator:
        [task] = [row for row in ROWS.findall((await sender.get("/tasks")).text) if mark in row]
        link = re.search(r'href="(/new/[0-9a-f-]{36})"><strong>(PA-[0-9A-Z]{6})<', task)
        assert link
        said = (mark, mark.lower(), link[2].lower())
        called = [(await sender.post("/search", q=q)).headers.get("location") for q in said]
        stranger = [(await coordinator.post("/search", q=q)).headers.get("location") for q in (mark, link[2])]
        meeting, of_city = await sender.get(link[1]), (await coordinator.get("/tasks")).text
        done = await sender.post(task.partition('action="')[2].partition('"')[0])

    assert done.headers["location"] == f"/tasks?said=done&of={link[2]}", "which one it was is told"
    assert "Nessun ente può rispondere" in task and 'href="/new">' in task
    shown = meeting.text.partition("<h1>")[2]
    assert "Nessun ente può rispondere" in shown and link[2] in shown and "Ancora nulla" not in shown
    assert link[2] in of_city, "who coordinates the city may speak of it by its code"
    assert link[1] not in of_city and 'href="/new"' not in of_city, "and is led to no page that is not theirs"
    [beside] = [row for row in ROWS.findall(of_city) if link[2] in row]
    assert 'action="/tasks/' in task and 'action="/tasks/' not in beside, "nor asked to say that it was done"
    assert (called, stranger) == ([link[1]] * 3, [None, None])


ROWS = re.compile(r"<tr.*?</tr>", re.S)


async def test_whom_routing_does_not_admit_is_not_proposed_and_a_refusal_says_that_the_choice_was_it(
    palermo: Town,
) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(RECEIVER) as receiver:
        form = (await receiver.get(f"/referrals/{id}/pass_on")).text
        refused = await receiver.post(f"/referrals/{id}/pass_on", next_agency="pa.mobile", decline_reason="out_of_area")

    proposed = re.findall(r'<option value="(pa\.\w+)"', form)
    assert set(proposed) == {"pa.salute"}
    assert refused.status_code == 422 and "l&#39;ente scelto non può riceverlo" in refused.text


async def test_another_referral_is_named_by_the_code_that_people_say(palermo: Town) -> None:
    [first], [again] = await sent(palermo), await sent(palermo)
    async with palermo.desk(RECEIVER) as receiver:
        code = CODE.search((await receiver.get(f"/referrals/{first}")).text)
        assert code
        unknown, known = [
            await receiver.post(
                f"/referrals/{again}/decline", decline_reason="already_served", linked_referral_id=named
            )
            for named in ("PA-000000", code[0].lower())
        ]

    assert unknown.status_code == 422 and 'aria-invalid="true"' in unknown.text
    assert "fra gli invii che vedi nessuno ha questo codice" in unknown.text
    assert known.status_code == 303, known.text


async def test_which_documents_are_missing_the_two_sides_read_and_nobody_else(palermo: Town) -> None:
    [id] = await sent(palermo)
    shown, typed = {}, {"decline_reason": "missing_documents", "documents": ["stp", "eni"]}
    async with palermo.desk(RECEIVER) as desk:
        late = await desk.post(f"/referrals/{id}/decline", **typed, version="99")
        await desk.post(f"/referrals/{id}/decline", **typed)
        await palermo.settle()
    for who in (SENDER, RECEIVER, "pa.comune:coordinator"):
        async with palermo.desk(who) as desk:
            shown[who] = part((await desk.get(f"/referrals/{id}")).text, "Che cosa è accaduto")

    chosen = re.findall(r'<option value="(\w+)" selected', late.text)
    assert (late.status_code, chosen) == (422, ["missing_documents", "stp", "eni"]), "a refused form keeps all of them"
    assert all("Documenti mancanti" in page for page in shown.values())
    assert ["STP" in page for page in shown.values()] == [True, True, False]


async def test_a_duplicate_is_withdrawn_with_the_code_of_the_one_that_was_there(palermo: Town) -> None:
    [first], [again] = await sent(palermo), await sent(palermo)
    async with palermo.desk(SENDER) as desk:
        code = CODE.search((await desk.get(f"/referrals/{first}")).text)
        assert code
        said = {"withdraw_reason": "duplicate", "requested_by": "sender", "linked_referral_id": code[0]}
        withdrawn = await desk.post(f"/referrals/{again}/withdraw", **said)
        await palermo.settle()
        page = (await desk.get(f"/referrals/{again}")).text

    assert withdrawn.status_code == 303, withdrawn.text
    assert ">Ritirato</a></strong>" in page


async def test_where_nobody_else_offers_it_there_is_nobody_to_pass_on_to_and_the_page_says_so(palermo: Town) -> None:
    await palermo.submit(an_intake(f"pa.comune/{uuid4().hex}/1", services=("material.food",)))
    async with palermo.desk("pa.mobile:caseworker") as desk:
        [id, *_] = await rows(desk)
        form = (await desk.get(f"/referrals/{id}/pass_on")).text

    assert "Nessun altro ente offre qui questo servizio" in form and f"/referrals/{id}/decline" in form
    assert 'name="decline_reason"' not in form


async def test_what_is_said_of_a_suspended_agency_is_offered_of_no_other(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk("pa.comune:coordinator") as coordinator, palermo.desk(RECEIVER) as receiver:
        page = (await coordinator.get(f"/referrals/{id}")).text
        form = (await receiver.get(f"/referrals/{id}/decline")).text

    assert "/decline_suspended" not in page and "/escalate" in page
    assert "agency_suspended" not in form and "no_capacity" in form


CODE = re.compile(r"PA-[0-9A-Z]{6}")


async def test_an_answer_to_several_says_of_which_it_asks_for_more_and_of_which_it_is_not_possible(
    palermo: Town,
) -> None:
    [calm], [emergency] = await sent(palermo), await sent(palermo, priority="EMERGENCY")
    chosen = f"/batch?command=acknowledge&of={calm}&of={emergency}"
    async with palermo.desk(RECEIVER) as desk:
        code = CODE.search((await desk.get(f"/referrals/{emergency}")).text)
        assert code
        async with palermo.desk("auditor") as auditor:
            looks = [(await auditor.get(f"/looks?code={code[0]}")).text]
            preview = (await desk.get(chosen)).text
            looks.append((await auditor.get(f"/looks?code={code[0]}")).text)
        await desk.post(f"/referrals/{calm}/acknowledge")
        await palermo.settle()
        after = (await desk.get(chosen)).text

    assert "Conferma per 1<" in preview and preview.count("chiede altro") == 1 and "non possibile" not in preview
    assert "Comune di Palermo" in preview and "da 25 a 39 anni" in preview
    assert "non possibile ora" in after and "Conferma" not in after
    before, then = [page.count("Operatrice, Centro Accura") for page in looks]
    assert then == before + 1, "that the preview showed them is kept"


async def test_a_note_of_the_sender_is_offered_to_the_receiver_once_it_has_accepted(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(RECEIVER) as receiver, palermo.desk(SENDER) as sender:
        await sender.post(f"/referrals/{id}/add_note", text="Chiamare prima delle dieci")
        await palermo.settle()
        before, own = (await receiver.get(f"/referrals/{id}")).text, (await sender.get(f"/referrals/{id}")).text
        await receiver.post(f"/referrals/{id}/accept")
        await palermo.settle()
        after = (await receiver.get(f"/referrals/{id}")).text

    assert [f"/referrals/{id}/notes/" in page for page in (before, own, after)] == [False, True, True]


async def test_who_answers_after_somebody_else_is_led_to_how_it_stands(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(RECEIVER) as desk, palermo.desk(SENDER) as sender:
        await desk.post(f"/referrals/{id}/decline", decline_reason="no_capacity")
        await palermo.settle()
        form, late = await desk.get(f"/referrals/{id}/accept"), await desk.post(f"/referrals/{id}/accept")
        page = (await desk.get(late.headers["location"])).text
        never = await sender.get(f"/referrals/{id}/accept")

    assert (form.status_code, late.status_code, never.status_code) == (303, 303, 404)
    assert "ora non è possibile: ecco come sta" in page


async def test_of_appointments_is_asked_what_there_is_to_say_of_those_that_are_fixed(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(RECEIVER) as desk:
        pages = [(await desk.get(f"/referrals/{id}")).text]
        asked = (await desk.get(f"/referrals/{id}/accept")).text
        for command, starts_at in (("accept", "2031-02-03T10:00"), ("schedule_appointment", "2031-02-01T09:30")):
            fixed = await desk.post(f"/referrals/{id}/{command}", starts_at=starts_at)
            assert fixed.status_code == 303, fixed.text
            await palermo.settle()
            pages.append((await desk.get(f"/referrals/{id}")).text)
        late = (await desk.get(f"/referrals/{id}/schedule_appointment")).text
        form = (await desk.get(f"/referrals/{id}/cancel_appointment")).text
        await desk.post(f"/referrals/{id}/cancel_appointment", appointment="1")
        await palermo.settle()
        pages.append((await desk.get(f"/referrals/{id}")).text)
        closing = (await desk.get(f"/referrals/{id}/close")).text

    assert "«Persona non raggiungibile»: si può dire dopo 3 tentativi senza risposta, con almeno 2 canali" in closing
    assert 'aria-describedby="f-closure_outcome-' in closing and 'id="f-closure_outcome-person_unreachable"' in closing
    assert "«Mai presentata dopo i tentativi previsti»: si può dire dopo 2 assenze segnate" in closing
    assert 'name="starts_at" value="" type="datetime-local" min="2' in asked, "who accepts may say it at once"
    assert 'type="datetime-local" required' in late, "one that was missed is noted afterwards"
    offered = [(f'href="/referrals/{id}/cancel_' in page, f'action="/referrals/{id}/cancel_' in page) for page in pages]
    assert offered == [(False, False), (False, True), (True, False), (False, True)], "asked, or said at once"
    assert re.findall(r'<option value="(\d)">[^<]*(\d\d:\d\d)', form) == [("2", "09:30"), ("1", "10:00")]
    assert [APPOINTMENTS in page for page in pages] == [False, True, True, True]
    assert "sab 01/02/2031 09:30" in pages[3].partition(APPOINTMENTS)[2].partition("</dl>")[0]


APPOINTMENTS = "<dt>Appuntamenti</dt>"


async def test_who_waits_for_a_place_is_in_the_queue_whose_place_it_is_also_where_none_was_free(palermo: Town) -> None:
    only_there: dict[str, Any] = {"services": ("health.mental",), "withhold": ["pa.accura"]}
    await palermo.submit(*[an_intake(f"pa.comune/{uuid4().hex}/1", **only_there) for _ in range(4)])
    async with palermo.desk(SENDER) as sender, palermo.desk(NEXT) as desk:
        before = [row for row in ROWS.findall((await desk.get("/queue")).text) if "Salute mentale" in row]
        [waits] = [row for row in before if WAITS in row]
        id, served = (ROW.findall(row)[0] for row in (waits, next(row for row in before if "Accetta" in row)))
        said = await desk.post(f"/referrals/{id}/confirm_interest")
        await sender.post(f"/referrals/{served}/withdraw", withdraw_reason="need_resolved", requested_by="person")
        await palermo.settle()
        [offered] = [row for row in ROWS.findall((await desk.get("/queue")).text) if id in row]
        page = (await desk.get(f"/referrals/{id}")).text

    assert said.status_code == 303, said.text
    assert "Interesse confermato" in page
    assert ["Conferma il posto" in row and "Libera il posto" in row for row in (waits, offered)] == [False, True]


WAITS = "In lista d&#39;attesa"
