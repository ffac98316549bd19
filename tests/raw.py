"""Batches of records as no client of Python's would write them, and others' do."""

import struct
import time
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from services.chassis.settings import Settings

GZIP, LZ4 = 1, 3
LENGTH, CRC, ATTRIBUTES, HEAD = 8, 17, 21, 61
"""Where they stand in a batch, and where its records begin."""
FRAME = bytes.fromhex("04224d18604082")
"""How an LZ4 frame begins."""


class Unnamed(str):
    """A header's name that is not UTF-8."""

    def encode(self, *_how: Any) -> bytes:
        return b"\xff\xfe"


def batch(value: bytes, headers: list[tuple[str, bytes]], codec: int = 0) -> bytes:
    """Of one record."""
    built = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0 if codec == LZ4 else codec, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2 * len(value) + 1000,
    )  # fmt: skip
    built.append(0, int(time.time() * 1000), b"bad", value, headers)
    return _in_lz4(bytes(built.build())) if codec == LZ4 else bytes(built.build())


def _in_lz4(plain: bytes) -> bytes:
    """In a frame of one block that is left as it is: no library for it is among ours."""
    records = plain[HEAD:]
    frame = FRAME + struct.pack("<I", len(records) | 0x8000_0000) + records + bytes(4)
    covered = struct.pack(">h", LZ4) + plain[ATTRIBUTES + 2 : HEAD] + frame
    length = struct.pack(">i", CRC - LENGTH - 4 + 4 + len(covered))
    return plain[:LENGTH] + length + plain[LENGTH + 4 : CRC] + struct.pack(">I", calc_crc32c(covered)) + covered


async def produce(settings: Settings, topic: str, partition: int, records: bytes) -> int:
    """The broker's answer: 0, or its code of what is wrong."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        leader = producer.client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(None, 1, 5000, [(topic, [(partition, records)])])
        [(_, [(_, error, *_)])] = (await producer.client.send(leader, request)).topics
        return int(error)
    finally:
        await producer.stop()
