"""(scratch, the gateway's founder replaces this)"""
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class Speaker:
    agency: str | None
    actor: str
    roles: frozenset[str]
async def speaker() -> Speaker:
    return Speaker(None, "x", frozenset({"ops", "network"}))
