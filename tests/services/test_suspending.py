"""An agency stops working: what would become of its referrals is shown first, and then becomes of them."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import httpx

from services.chassis.settings import Settings
from tests import nursery
from tests.agency import Agency, Entry
from tests.builders import an_intake
from tests.processes import Processes, plain_http, running
from tests.verified import assert_verified

PALERMO = Path(__file__).parents[1] / "samples" / "directory.palermo.json"
SUSPENDED, ELSEWHERE = "pa.accura", "pa.salute"


async def test_what_a_coordinator_is_shown_before_is_what_becomes_of_the_referrals(
    network: Settings, logs: Path
) -> None:
    async with running(network, logs) as processes:
        sender, accura = (Agency(code, network.kafka_url, f"{network.namespace}-") for code in ("pa.comune", SUSPENDED))
        await asyncio.gather(sender.open(), accura.open())
        waiting, taken = [await _sent(sender, accura) for _ in range(2)]
        await accura.answer(await accura.command(taken, "accept"))
        async with plain_http() as http:
            shown = await _preview(http, processes, "pa.comune", "coordinator")
            strange = await _preview(http, processes, "pa.comune")
            await _suspend(network, logs)
            said = await _reroute(http, processes)

        onward = (await sender.event("referral.sent", predecessor_id=waiting))["value"]
        task = (await sender.event("task.opened", referral_id=taken))["value"]
        await asyncio.gather(sender.close(), accura.close())
        await assert_verified(network)

    of = {row["referral_id"]: (row["state"]["code"], row["rerouted"], row["next"]) for row in shown.json()}
    assert of == {waiting: ("REQUESTED", True, onward["offer"]), taken: ("ACCEPTED", False, None)}
    assert onward["receiver_agency"] == ELSEWHERE
    assert (task["kind"], task["reason"]) == ("coordinator_review", "agency_suspended")
    assert strange.status_code == 404
    assert said.status_code == 202


async def _sent(sender: Agency, receiver: Agency) -> str:
    """A need that the agency was asked for, of a person whose basis covers another one too."""
    intake = an_intake(f"pa.comune/{uuid4().hex}/1", services=("health.primary",))
    basis = intake["tier0"]["sharing_basis"][0]
    intake["tier0"]["sharing_basis"].append(basis | {"basis_id": "b2", "recipient": ELSEWHERE})
    journey = (await sender.answer(await sender.submit(intake)))["value"]["intake_id"]
    return str((await receiver.event("referral.sent", journey_id=journey))["value"]["referral_id"])


async def _preview(http: httpx.AsyncClient, processes: Processes, agency: str, *roles: str) -> httpx.Response:
    url = f"{processes.url('referral')}/v1/agencies/{SUSPENDED}/open-referrals"
    return await http.get(url, headers=processes.bearer(agency, *roles))


async def _suspend(network: Settings, folder: Path) -> None:
    directory: Entry = json.loads(PALERMO.read_text("utf-8"))
    [agency] = [one for one in directory["agencies"] if one["code"] == SUSPENDED]
    file = folder / "suspended.json"
    file.write_text(json.dumps(directory | {"agencies": [agency | {"status": "suspended"}], "offers": []}), "utf-8")
    told = {"KAFKA_URL": network.kafka_url, "STAFFETTA_NAMESPACE": network.namespace, "STAFFETTA_ENV": "test"}
    loaded = await nursery.run("services.directory.load", str(file), environment=told)
    assert loaded.status == 0, loaded.complaint


async def _reroute(http: httpx.AsyncClient, processes: Processes) -> httpx.Response:
    """Once the referral service knows that the agency is suspended."""
    headers = processes.bearer("pa.comune", "coordinator") | {"ce-type": "staffetta.agency.reroute.v1"}
    async with asyncio.timeout(60):
        while True:
            id = uuid4().hex
            body = {"command_id": id, "agency": "pa.comune", "of": SUSPENDED}
            said = await http.post(
                f"{processes.url('gateway')}/v1/commands", json=body, headers=headers | {"ce-id": id}, timeout=30
            )
            if said.status_code != 202 or said.json()["answer"]["outcome"] == "accepted":
                return said
            assert said.json()["answer"]["code"] == "receiver_active"
            await asyncio.sleep(0.2)
