"""What is told of a person to who is asked to take them in, and to who has done so."""

import re
from uuid import uuid4

import pytest

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
