"""The directory as it runs: loaded from files, said on a compacted topic, read by everybody."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from contracts.answers import CommandAccepted, CommandRejected
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.values import Asked
from services.chassis.settings import Settings
from services.directory.load import load
from tests.builders import an_agency, an_offer
from tests.processes import Processes, free_port, plain_http, running
from tests.services.bus import Bus, bus

SAMPLES = Path(__file__).parents[1] / "samples"
ASKED = Asked(command_id="l-1")


@dataclass
class Directory:
    bus: Bus
    processes: Processes

    async def get(self, path: str) -> httpx.Response:
        async with plain_http(self.processes.url("directory")) as client:
            return await client.get(path)


@pytest.fixture
async def directory(network: Settings, logs: Path) -> AsyncIterator[Directory]:
    async with running(network, logs, ("directory",), load=()) as processes, bus(network, "directory") as talk:
        yield Directory(talk, processes)


async def test_an_entry_is_answered_and_said_and_one_that_is_as_it_was_is_only_answered(directory: Directory) -> None:
    put = PutAgency(asked=ASKED, agency=an_agency())
    first = await directory.bus.said(await directory.bus.ask(put), 2)

    again = await directory.bus.ask(put)
    changed = await directory.bus.ask(PutAgency(asked=ASKED, agency=an_agency(status="suspended")))

    after = await directory.bus.said(changed, 2)
    assert [m.message.version for m in first + after if isinstance(m.message, Agency)] == [1, 2]
    assert isinstance(after[1].message, Agency)
    assert after[1].message.status == "suspended"
    [answer] = await directory.bus.said(again)
    assert isinstance(answer.message, CommandAccepted)
    assert (answer.message.asked, answer.message.version) == (ASKED, 1)


async def test_compaction_never_takes_an_answer_for_an_entry(directory: Directory) -> None:
    agency, offer = PutAgency(agency=an_agency()), PutOffer(asked=ASKED, offer=an_offer(service="no.such.service"))

    taken = await directory.bus.said(await directory.bus.ask(agency), 2)
    refused = await directory.bus.said(await directory.bus.ask(offer))

    assert [m.key for m in taken] == [b"answer/agency/pa.accura", b"agency/pa.accura"]
    assert [m.key for m in refused] == [b"answer/offer/pa.accura.primary"]
    assert isinstance(refused[0].message, CommandRejected)
    assert (refused[0].message.code, refused[0].message.pointer) == ("unknown_code", "/offer/service")


async def test_an_agency_that_differs_from_a_known_one_only_in_a_dot_is_refused(directory: Directory) -> None:
    one, other = (PutAgency(asked=ASKED, agency=an_agency(code)) for code in ("pa.casa.donne", "pa.casa_donne"))
    await directory.bus.said(await directory.bus.ask(one), 2)

    [said] = await directory.bus.said(await directory.bus.ask(other))

    assert isinstance(said.message, CommandRejected)
    assert (said.message.code, said.message.pointer) == ("inconsistent_data", "/agency/code")


async def test_files_are_loaded_and_loading_them_again_changes_nothing(
    directory: Directory, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [SAMPLES / "directory.palermo.json", SAMPLES / "directory.network.json"]

    assert await load(files, directory.bus.settings) == 0
    assert await load(files, directory.bus.settings) == 0

    told = "69 agencies and 171 offers are in the directory"
    assert capsys.readouterr().out == f"{told}: 240 new\n{told}: 240 unchanged\n"
    last = PutAgency(asked=ASKED, agency=an_agency("zz.last"))
    await directory.bus.said(await directory.bus.ask(last), 2)
    entries = [m.key for m in directory.bus.heard if isinstance(m.message, Agency | Offer)]
    assert len(entries) == len(set(entries)) == 69 + 171 + 1


async def test_an_entry_that_was_changed_in_its_file_is_told_as_changed(
    directory: Directory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = json.loads((SAMPLES / "directory.palermo.json").read_text("utf-8"))
    stated |= {"agencies": stated["agencies"][:1], "offers": []}
    file = tmp_path / "directory.json"
    file.write_text(json.dumps(stated), "utf-8")
    await load([file], directory.bus.settings)

    stated["agencies"][0]["contact"]["email"] = "another@example.org"
    file.write_text(json.dumps(stated), "utf-8")
    await load([file], directory.bus.settings)

    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 agency and 0 offers are in the directory: 1 new"
    assert second == "1 agency and 0 offers are in the directory: 1 changed"


async def test_a_broker_that_does_not_answer_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Settings(kafka_url=f"127.0.0.1:{free_port()}")

    assert await load([SAMPLES / "directory.palermo.json"], nowhere) == 1

    assert capsys.readouterr().err.startswith(f"Kafka does not answer at {nowhere.kafka_url} (")


async def test_one_wrong_entry_and_nothing_is_loaded(
    directory: Directory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = json.loads((SAMPLES / "directory.palermo.json").read_text("utf-8"))
    stated["offers"][3]["queue"] = "pa.nowhere"
    wrong = tmp_path / "directory.json"
    wrong.write_text(json.dumps(stated), "utf-8")

    assert await load([SAMPLES / "directory.network.json", wrong], directory.bus.settings) == 1

    assert f"{wrong}: /offers/3/queue: must be a queue of the offer's agency (unknown_code)" in capsys.readouterr().err
    await directory.bus.said(await directory.bus.ask(PutAgency(agency=an_agency("zz.last"))), 2)
    assert [m.key for m in directory.bus.heard if isinstance(m.message, Agency | Offer)] == [b"agency/zz.last"]


async def test_everybody_may_read_who_offers_what_where(directory: Directory) -> None:
    await load([SAMPLES / "directory.palermo.json", SAMPLES / "directory.network.json"], directory.bus.settings)

    offers = (await directory.get("/v1/offers?service=lab.tailoring&city=palermo")).json()
    agency = (await directory.get("/v1/agencies/pa.penc")).json()

    assert {offer["service"]["id"] for offer in offers} == {"lab.tailoring"}
    assert all(offer["any_network_city"] or {"name": "palermo"} in offer["service_areas"] for offer in offers)
    assert (agency["id"], agency["city"]) == ("pa.penc", "palermo")
    assert agency["locations"][0]["schedules"][0]["byday"] == "MO,TU,WE,TH,FR"
    assert len((await directory.get("/v1/agencies?city=palermo")).json()) == 9
    assert (await directory.get("/v1/agencies/pa.nessuno")).status_code == 404


async def test_the_offers_of_one_agency_may_be_asked_for_alone_or_of_one_service(directory: Directory) -> None:
    await load([SAMPLES / "directory.palermo.json"], directory.bus.settings)

    offers = (await directory.get("/v1/offers?agency=pa.accura")).json()
    one = (await directory.get("/v1/offers?agency=pa.accura&service=health.primary")).json()

    assert {offer["organization_id"] for offer in offers} == {"pa.accura"}
    assert len(offers) > len(one) == 1
    assert (await directory.get("/v1/offers?agency=pa.nessuno")).json() == []
