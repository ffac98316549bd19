"""What the console offers to say: nothing that would be refused whatever is answered."""

import re

import pytest

from tests.console.desk import Town
from tests.console.test_referral import RECEIVER, SENDER, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")

COORDINATOR = "pa.comune:coordinator"
MET = "2026-01-02T10:00"


async def test_the_priority_of_an_emergency_is_offered_to_the_coordination_alone(palermo: Town) -> None:
    [calm], [emergency] = await sent(palermo), await sent(palermo, priority="EMERGENCY")
    async with palermo.desk(SENDER) as sender, palermo.desk(COORDINATOR) as coordinator:
        shown = [(desk, id) for desk in (sender, coordinator) for id in (calm, emergency)]
        pages = [(await desk.get(f"/referrals/{id}")).text for desk, id in shown]
        form = (await sender.get(f"/referrals/{calm}/change_priority")).text

    assert ["/change_priority?" in page for page in pages] == [True, False, True, True]
    assert 'value="URGENT"' in form and 'value="MEDIUM"' not in form


async def test_a_hold_is_asked_for_with_the_days_until_which_it_may_be(palermo: Town) -> None:
    [id] = await sent(palermo)
    async with palermo.desk(RECEIVER) as desk:
        for command, fields in (("accept", {}), ("start", {"first_contact_at": MET, "contact_mode": "desk"})):
            said = await desk.post(f"/referrals/{id}/{command}", **fields)
            assert said.status_code == 303, said.text
            await palermo.settle()
        form = (await desk.get(f"/referrals/{id}/hold")).text
        days = re.search(r'name="review_date"[^>]* type="date" min="([0-9-]+)" max="([0-9-]+)"', form)
        assert days, form
        late = await desk.post(f"/referrals/{id}/hold", hold_reason="service_interrupted", review_date=days[2])
        held = await desk.post(f"/referrals/{id}/hold", hold_reason="temporarily_away", review_date=days[2])

    assert "Al massimo 30 giorni" in form and "al massimo 14 per: Servizio interrotto, Altro motivo" in form
    assert (late.status_code, held.status_code) == (422, 303)
