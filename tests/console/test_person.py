"""What is told of a person to who is asked to take them in, and to who has done so."""

import re
from uuid import uuid4, uuid5

import pytest

from services.gateway.domain.door import INTAKES
from tests.builders import an_intake
from tests.console.desk import Town
from tests.console.test_referral import RECEIVER, part, rows, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_takes_somebody_in_reads_what_they_need_and_whether_it_is_safe_to_call(palermo: Town) -> None:
    key, needs = f"pa.comune/{uuid4().hex}/1", ["step_free", "low_literacy"]
    stated = an_intake(key, services=("health.primary",), interpreter_needed=True, accessibility=needs)
    stated["tier1"] |= {
        "contact": {"channel": "phone", "value": "+39 000 77", "safe": False, "may_leave_message": False},
        "caregiver": {"name": {"given": "Zia", "family": "Prova"}, "contact": "+39 000 88"},
    }
    async with palermo.desk(RECEIVER) as desk:
        before = await rows(desk)
        await palermo.submit(stated)
        [id] = await rows(desk) - before
        page = (await desk.get(f"/referrals/{id}")).text
        await desk.post(f"/referrals/{id}/accept")
        await palermo.settle()
        who = re.sub(r"\s+", " ", (await desk.get(f"/referrals/{id}/person")).text)

    told = part(page, "La persona")
    assert "<dt>Serve un interprete</dt><dd>Sì</dd>" in told
    assert "<dt>Accessibilità</dt><dd>Senza gradini, Difficoltà di lettura</dd>" in told
    assert re.search(
        r"<dt>Contatto</dt><dd>Telefono: \+39 000 77<br>.*Non è sicuro chiamare.*Non lasciare messaggi", who
    )
    assert re.search(r"<dt>Adulto di riferimento[^<]*</dt><dd>Zia Prova</dd>.*<dd>\+39 000 88</dd>", who)


async def test_of_an_interpreter_nobody_spoke_of_the_page_says_that_it_is_not_stated(palermo: Town) -> None:
    [id] = await sent(palermo, interpreter_needed=None)
    async with palermo.desk(RECEIVER) as desk:
        page = (await desk.get(f"/referrals/{id}")).text

    assert "<dt>Serve un interprete</dt><dd>non indicato</dd>" in page and "Accessibilità" not in page


async def test_who_took_somebody_in_notes_that_a_phone_is_not_safe_and_who_met_them_reads_by_whom(
    palermo: Town,
) -> None:
    key = f"pa.comune/{uuid4().hex}/1"
    stated = an_intake(key, services=("health.primary",))
    stated["tier1"] |= {"contact": {"channel": "phone", "value": "+39 000 66", "safe": True}}
    async with palermo.desk(RECEIVER) as desk, palermo.desk("pa.comune:caseworker") as sender:
        before = await rows(desk)
        await palermo.submit(stated)
        [id] = await rows(desk) - before
        at = f"/referrals/{id}/person"
        too_early = await desk.post(at, number="1", why="unsafe")
        await desk.post(f"/referrals/{id}/accept")
        await palermo.settle()
        form = (await desk.get(at)).text
        marked = await desk.post(at, number="1", why="unsafe")
        wrong = await desk.post(at, channel="phone", value="")
        nothing = await desk.post(at)
        further = {"channel": "phone", "value": "+39 000 67", "safe": "yes", "safe_hours": "9-12"}
        further |= dict(re.findall(r'name="(command_id)" value="(\w+)"', form))
        added, twice = [await desk.post(at, **further) for _ in range(2)]
        await palermo.settle()
        who = re.sub(r"\s+", " ", (await desk.get(at)).text)
        told = (await sender.get(f"/referrals/{id}")).text
        met = f"/new/{uuid5(INTAKES, f'pa.comune/{key}')}"
        meeting = (await sender.get(met)).text
        not_theirs = (await desk.get(f"/referrals/{id}")).text

    assert too_early.status_code == 422 and "+39 000 66" not in too_early.text
    assert 'name="number" value="1"' in form and "Non usare: non è sicuro" in form
    assert {answer.headers["location"] for answer in (marked, added, twice)} == {f"{at}?said=done"}
    assert (wrong.status_code, nothing.status_code) == (422, 422) and "+39 000 66" in wrong.text
    assert "scrivi il numero" in wrong.text, "what is missing is said"
    facts = who.partition('<dl class="facts">')[2].partition("</dl>")[0]
    first, second = (part for part in facts.split("<dt>") if part.startswith("Contatto"))
    assert "+39 000 66" in first and '<strong class="late">' in first and "Non usare: non è sicuro" in first
    assert "<form" not in first and "È sicuro chiamare" not in first
    assert "+39 000 67" in second and "È sicuro chiamare" in second and "Centro Accura" in second
    assert "<dd>9-12" in facts and 'name="number" value="2"' in second
    for page in (told, meeting):
        noted = page.partition("Recapiti annotati dopo")[2].partition("</ul>")[0]
        assert noted.count("Centro Accura") == 2 and "recapito n. 1 (Non usare: non è sicuro)" in noted
        assert "aggiunto il recapito n. 2" in noted and "+39" not in page
    assert "Recapiti annotati" not in not_theirs


async def test_who_met_a_person_notes_themselves_that_a_number_has_changed_and_nobody_else_does_there(
    palermo: Town,
) -> None:
    key = f"pa.comune/{uuid4().hex}/1"
    stated = an_intake(key, services=("health.primary",))
    stated["tier1"] |= {"contact": {"channel": "phone", "value": "+39 000 55", "safe": True}}
    met = f"/new/{uuid5(INTAKES, f'pa.comune/{key}')}"
    async with palermo.desk(RECEIVER) as desk, palermo.desk("pa.comune:caseworker") as sender:
        before = await rows(desk)
        await palermo.submit(stated)
        [id] = await rows(desk) - before
        form, of_others = (await sender.get(met)).text, (await desk.get(met)).text
        added = await sender.post(met, channel="sms", value="+39 000 56")
        marked = await sender.post(met, number="1", why="wrong")
        nothing = await sender.post(met, number="7", why="wrong")
        by_others = await desk.post(met, number="1", why="unsafe")
        await palermo.settle()
        noted = (await sender.get(met)).text
        await desk.post(f"/referrals/{id}/accept")
        await palermo.settle()
        who = (await desk.get(f"/referrals/{id}/person")).text
        page, ours = (await desk.get(f"/referrals/{id}")).text, (await sender.get(f"/referrals/{id}")).text
        await sender.post(met, number="2", why="unsafe")
        await palermo.settle()
        then = re.sub(r"\s+", " ", (await desk.get(f"/referrals/{id}")).text)
        async with palermo.desk("pa.comune:coordinator") as coordinator:
            of_city = (await coordinator.get(f"/referrals/{id}")).text

    assert 'name="number"' in form and 'name="channel"' in form and '<option value="2"' not in form
    assert 'name="channel"' not in of_others and by_others.status_code == 404
    assert added.headers["location"] == marked.headers["location"] == f"{met}?said=done"
    assert nothing.status_code == 422 and '<option value="7"' not in nothing.text
    assert "recapito n. 1 (Non usare: è sbagliato)" in noted and "aggiunto il recapito n. 2" in noted
    assert '<option value="2"' in noted and "+39" not in noted
    assert "+39 000 55" in who and "+39 000 56" in who and who.count("Non usare: è sbagliato</strong>") == 1
    assert f'href="{met}"' in ours and f'href="{met}"' not in page, "who met them finds back to the meeting"
    assert CHANGED not in page, "who has them now reads of it already"
    assert CHANGED in of_city and "recapito n." not in of_city, "the coordination reads nothing of the person"
    warned = ["guarda qui prima di chiamare" in seen for seen in (page, of_city, then)]
    assert warned == [False, False, True], "beside the button that leads to the contacts"
    assert f"{CHANGED} · recapito n. 2 (Non usare: non è sicuro)" in then and "+39" not in then


CHANGED = "Come raggiungere la persona è cambiato"


async def test_on_the_page_of_an_older_referral_the_contacts_of_the_later_meeting_are_told_and_marked(
    palermo: Town,
) -> None:
    one, two = (
        an_intake(f"pa.comune/{uuid4().hex}/1", services=(s,)) for s in ("health.primary", "mediation.language")
    )
    two["tier0"]["person_ref"] = one["tier0"]["person_ref"]
    one["occurred_at"] = "2026-01-02T09:00:00Z"
    for number, stated in enumerate((one, two)):
        stated["tier1"] = one["tier1"] | {"contact": {"channel": "phone", "value": f"+39 000 1{number}", "safe": True}}
    async with palermo.desk(RECEIVER) as desk:
        ids = []
        for stated in (one, two):
            before = await rows(desk)
            await palermo.submit(stated)
            ids += [*await rows(desk) - before]
            await desk.post(f"/referrals/{ids[-1]}/accept")
            await palermo.settle()
        at = [f"/referrals/{id}/person" for id in ids]
        older, later = [(await desk.get(page)).text for page in at]
        shown = re.findall(r'name="met" value="([0-9a-f-]{36})"', older)
        marked = await desk.post(at[0], number="1", why="unsafe", met=shown[0])
        await palermo.settle()
        then = [(await desk.get(page)).text for page in at]

    assert marked.headers["location"] == f"{at[0]}?said=done"
    assert {*shown} == {str(uuid5(INTAKES, f"pa.comune/{two['idempotency_key']}"))}
    assert ["più recente di questo invio" in page for page in (older, later)] == [True, False]
    for page in then:
        assert "+39 000 11" in page and "+39 000 10" not in page and page.count("Non usare: non è sicuro</strong>") == 1
