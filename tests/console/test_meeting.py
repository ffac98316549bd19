"""What becomes of the form of a meeting: refused, mended, sent twice, sent again with other content."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.console.desk import Desk, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKER = "pa.comune:caseworker"
HIDDEN = re.compile(r'name="(key|begun)" value="([^"]*)"')


def hidden(page: str) -> dict[str, str]:
    """What a form carries that nobody types."""
    return dict(HIDDEN.findall(page))


async def a_form(desk: Desk, **typed: Any) -> dict[str, Any]:
    """As it is drawn for a new meeting, with enough typed in for it to be taken."""
    known = {"services": "material.food", "basis": "public_task", "sender_ref": f"R-{uuid4().hex[:8]}"}
    return known | hidden((await desk.get("/new")).text) | typed


async def test_a_form_that_was_refused_is_taken_once_it_is_mended(palermo: Town) -> None:
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk, age_band="14-17")
        refused = await desk.post("/new", **form)
        mended = await desk.post("/new", **form | hidden(refused.text) | {"caregiver": "Zia Prova"})

    assert refused.status_code == 422 and "Minore solo o separato»" in refused.text, "nobody is to be invented"
    assert '<a href="#f-caregiver">Adulto di riferimento' in refused.text
    assert re.search(r'<input id="f-caregiver"[^>]* aria-invalid="true"', refused.text)
    assert ">English<" not in refused.text, "a link would lose what was typed"
    assert mended.status_code == 303, mended.text
    assert mended.headers["location"].startswith("/new/")


async def test_the_very_same_form_sent_twice_is_one_intake(palermo: Town) -> None:
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk)
        first, second = await asyncio.gather(desk.post("/new", **form), desk.post("/new", **form))
        again = await desk.post("/new", **form)

    assert [said.status_code for said in (first, second, again)] == [303, 303, 303], again.text
    assert first.headers["location"] == again.headers["location"]


async def test_a_form_that_was_recorded_and_is_sent_with_other_content_says_that_it_is_a_new_meeting(
    palermo: Town,
) -> None:
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk)
        first = await desk.post("/new", **form)
        changed = await desk.post("/new", **form | {"language": "wo"})
        anew = await desk.post("/new", **form | {"language": "wo"} | hidden(changed.text))

    assert changed.status_code == 422 and "guarda prima fra gli inviati" in changed.text
    assert anew.status_code == 303 and anew.headers["location"] != first.headers["location"]


async def test_each_service_is_shown_and_asked_for_with_the_priority_of_its_need(palermo: Town) -> None:
    ticked = {"services": ["health.mental", "health.primary"], "needs": ["risk_to_self", "needs_doctor"]}
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk, **ticked)
        shown = (await desk.post("/new", **form, suggest="yes")).text
        changed = await desk.post("/new", **form | {"priority.health.primary": "URGENT"})
        said = await desk.post("/new", **form)
        await palermo.settle()
        rows = re.findall(r"<tr.*?</tr>", (await desk.get("/sent")).text, re.S)
        cases = [row for row in rows if form["sender_ref"] in row]

    assert "(Rischio di farsi del male)</span> <strong>Emergenza<" in shown
    of_needs = r'name="priority.health.primary"[^>]*><option value="">Media \(dai bisogni\)<'
    assert re.search(of_needs, shown) and 'name="priority.health.mental"' not in shown
    assert not re.search(r'<option value="[A-Z]+" selected', shown), "nothing was chosen by hand"
    assert changed.status_code == 422 and "Motivo della base" in changed.text.partition("Da rivedere")[2][:80]
    assert said.status_code == 303, said.text
    assert sorted("Emergenza" in row for row in cases) == [False, True], cases


async def test_a_form_whose_needs_changed_after_it_was_drawn_is_shown_anew_before_it_is_sent(palermo: Town) -> None:
    shown = re.compile(r'name="(shown\.[a-z.]+)" value="([A-Z]+)"')
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk, services="health.mental", needs="risk_to_self")
        drawn = (await desk.post("/new", **form, suggest="yes")).text
        ticked = form | {"needs": "distress"}
        changed = await desk.post("/new", **ticked | dict(shown.findall(drawn)))
        said = await desk.post("/new", **ticked | hidden(changed.text) | dict(shown.findall(changed.text)))

    assert ("shown.health.mental", "EMERGENCY") in shown.findall(drawn)
    assert changed.status_code == 422 and "Le priorità sono cambiate con i bisogni: ricontrolla" in changed.text
    assert ("shown.health.mental", "MEDIUM") in shown.findall(changed.text)
    assert hidden(changed.text) == hidden(drawn) and said.status_code == 303, said.text


async def test_what_depends_on_something_unsaid_is_shown_and_not_ticked_and_what_is_excluded_is_neither(
    palermo: Town,
) -> None:
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk, needs="isolation", suggest="yes")
        unsaid, of_a_man = (await desk.post("/new", **form)).text, (await desk.post("/new", **form, gender="male")).text

    depends = '<span class="calm">(È isolata, isolato)</span> <span class="soon">dipende dal genere'
    assert f'value="lab.dance"> <span id="t-lab.dance">Laboratorio di ballo {depends}' in unsaid
    assert 'value="civic.citizenship" checked' in unsaid
    assert 'value="lab.dance"> <span id="t-lab.dance">Laboratorio di ballo</span>' in of_a_man


async def test_what_a_person_needs_to_get_in_and_where_they_would_go_is_taken_and_comes_back_when_it_is_refused(
    palermo: Town,
) -> None:
    said = {"accessibility": ["step_free"], "other_languages": ["fr", "ar"], "willing_to_travel": ["torino"]}
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk, needs="no_place_tonight", ethos="ethos_01", **said)
        refused = await desk.post("/new", **form | {"services": ""})
        taken = await desk.post("/new", **form | hidden(refused.text))

    ticked = re.findall(r'name="(\w+)" value="(\w+)" checked', refused.text)
    assert {(name, code) for name, values in said.items() for code in values} <= set(ticked)
    assert '<option value="ethos_01" selected>' in refused.text
    assert (refused.status_code, taken.status_code) == (422, 303), taken.text


async def test_a_form_keeps_its_key_while_services_are_suggested_and_while_somebody_is_away(palermo: Town) -> None:
    processes = palermo.processes
    async with palermo.desk(WORKER) as desk:
        form = await a_form(desk)
        suggested = hidden((await desk.post("/new", **form, needs="ill_now", suggest="yes")).text)
        processes.again = False
        processes.kill("gateway-0")
        await processes.workers["gateway-0"].wait()
        away = await desk.post("/new", **form)
        await processes.start("gateway")
        await processes.ready(only="gateway")
        taken = await desk.post("/new", **form | hidden(away.text))

    assert suggested == hidden(away.text) == {name: form[name] for name in ("key", "begun")}
    assert "un servizio non risponde" in away.text and taken.status_code == 303


async def test_a_service_that_is_offered_here_only_with_a_consent_of_its_own_says_so_before_it_is_asked_for(
    palermo: Town,
) -> None:
    async with palermo.desk(WORKER) as desk:
        shown = (await desk.post("/new", **await a_form(desk, needs="violence"), suggest="yes")).text
    async with palermo.desk("pa.levante:caseworker") as desk:
        own = (await desk.get("/new")).text

    of_service = shown.partition('id="a-protection.gbv"')[2].partition("</p>")[0]
    assert "solo enti che ricevono con un consenso per nome" in of_service and 'href="#c-pa.levante"' in of_service
    assert 'id="a-health.primary"' not in shown, "for that the ground for the city is enough"
    assert 'id="c-pa.levante"' in shown.partition("<details open>")[2].partition("</details>")[0]
    assert 'id="c-pa.levante"' in own, "who offers it asks its own desk with a consent too"
    assert 'name="withhold" value="pa.levante"' in shown and 'name="withhold" value="pa.levante"' not in own
