"""What a network leaves behind on the broker that tests share."""

from aiokafka.admin import AIOKafkaAdminClient

from services.chassis.settings import Settings


async def forget(settings: Settings) -> None:
    """Delete its topics: every service that reads by a pattern would go on hearing of them."""
    ours = f"{settings.namespace}-"
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_url)
    await admin.start()
    if topics := [name for name in await admin.list_topics() if name.startswith(ours)]:
        await admin.delete_topics(topics)
    await admin.close()
