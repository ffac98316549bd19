"""Named crash points: FAILPOINT=name:nth ends the process at the nth visit. Production refuses the setting."""

import os

NAMES = (
    "fetched",
    "in_txn_inbox",
    "in_txn_before_commit",
    "committed_not_published",
    "before_publish",
    "mid_publish",
    "published_not_deleted",
    "before_offset_commit",
)
EXIT_CODE = 77

_armed: list[str] = []


def arm(setting: str) -> None:
    """setting: `name:nth` (nth 1 when absent), or empty for none."""
    name, _, nth = setting.partition(":")
    if name and name not in NAMES:
        raise SystemExit(f"FAILPOINT names no crash point: use one of {', '.join(NAMES)}")
    _armed[:] = [name] * int(nth or 1) if name else []


def hit(name: str) -> None:
    if _armed and _armed[0] == name:
        _armed.pop()
        if not _armed:
            os._exit(EXIT_CODE)
