"""A store with more memory than the local one has, for measurements among a great deal."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from deploy.local.store import start_store
from services.chassis.settings import Settings, from_environment
from tests.bench.hop import store_process


@contextmanager
def roomy(cache: str) -> Iterator[Settings]:
    """Settings of a store of its own: with its 256 MB the local one stands still after some 65,000 referrals."""
    settings = from_environment()
    if store_process(settings) is None:  # somebody's own
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder:
        own = start_store(Path(folder), cache=cache)
        try:
            yield settings.model_copy(update={"mongo_url": SecretStr(own.url)})
        finally:
            own.stop()
