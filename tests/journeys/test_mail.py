"""From an intake to the mails: the receiver is told, the sender hears the answer, and a mail that fails is a task."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from contracts.codes import bus_code
from services.chassis.settings import Settings
from tests.agency import Agency
from tests.builders import an_intake
from tests.mail_server import mail_server
from tests.processes import RELAY, running

CLINIC, DESK = "pa-accura-clinic@example.org", "pa-comune-desk@example.org"
NEEDED = (*RELAY, "programmes", "notifications")


async def test_the_desks_are_told_by_mail_and_a_mail_that_fails_becomes_a_task(network: Settings, logs: Path) -> None:
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(mail_server())
        relay = running(network, logs, NEEDED, environment={"SMTP_URL": mail.url})
        (await stack.enter_async_context(relay)).move_clock(timedelta(minutes=2))
        prefix = f"{network.namespace}-"
        sender, receiver = (Agency(code, network.kafka_url, prefix) for code in ("pa.comune", "pa.accura"))
        for agency in (sender, receiver):
            await agency.open()
            stack.push_async_callback(agency.close)

        intake = an_intake("pa.comune/mail/1")
        await sender.submit(intake)
        asked = await receiver.event("referral.sent")
        await mail.until(lambda: bool(mail.to(CLINIC)))
        await receiver.command(asked["value"]["referral_id"], "accept")
        await mail.until(lambda: bool(mail.to(DESK)))

        (new,), (answer,) = mail.to(CLINIC), mail.to(DESK)
        code = new["Subject"].removeprefix("Nuovo invio ")
        assert answer["Subject"] == f"Invio accettato {code}"
        assert bus_code("health.primary") in new.get_content()
        given = intake["tier1"]["name"]["given"]
        for secret in (given, "pa.comune/mail/1", asked["value"]["referral_id"], asked["value"]["person_ref"]):
            assert secret not in new.as_string() + answer.as_string()

        mail.refuses[CLINIC] = "550 5.1.1 no such person"
        await sender.submit(an_intake("pa.comune/mail/2"))
        task = await sender.event("task.opened", kind="receiver_not_told")
        second = await receiver.event("referral.sent", referral_id=task["value"]["referral_id"])

        assert second["value"]["referral_id"] != asked["value"]["referral_id"]
        assert task["value"]["reason"] == "refused"
