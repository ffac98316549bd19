"""Every topic: who writes it, what its key is, how long it keeps messages, and who may read it.

Rights on the broker follow it (docs/operating.md). `{agency}` stands for an agency's code: each agency with a system
has two topics.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["commands", "events", "state", "door", "feed"]


@dataclass(frozen=True, slots=True)
class Topic:
    """kind: commands (asked of `owner`), events (said by `owner`), state (compacted, and read to its end before other
    work is taken), door and feed (one agency's).

    also_by: who writes there beside the owner. asked_by: of commands, the services that ask.
    """

    name: str
    kind: Kind
    owner: str
    key: str
    partitions: int
    retention_days: int | None
    readers: tuple[str, ...]
    personal: bool = False
    also_by: tuple[str, ...] = ()
    asked_by: tuple[str, ...] = ()

    def of(self, agency: str) -> str:
        """The name of one agency's topic."""
        return self.name.format(agency=agency)

    @property
    def writers(self) -> tuple[str, ...]:
        return self.asked_by or (self.owner, *self.also_by)

    @property
    def one_per_agency(self) -> bool:
        return "{agency}" in self.name


AGENCY_COMMANDS = Topic("agencies.{agency}.commands", "door", "agency", "any", 1, 7, ("gateway",), personal=True,
                        also_by=("gateway",))  # fmt: skip
AGENCY_FEED = Topic("agencies.{agency}.feed", "feed", "gateway", "aggregate id", 1, 30, ("agency", "gateway"))

PEOPLE_COMMANDS = Topic("people.commands", "door", "gateway", "any", 1, 7, ("gateway",), personal=True)
"""What supervisors and coordinators say over HTTP: the gateway alone writes it, so its headers say who they are."""

INTAKE_COMMANDS = Topic("intake.commands", "commands", "intake", "aggregate id", 6, 7, ("intake",), personal=True,
                        asked_by=("gateway", "intake"))  # fmt: skip
REFERRAL_COMMANDS = Topic("referral.commands", "commands", "referral", "aggregate id", 6, 30, ("referral",),
                          asked_by=("gateway", "intake", "referral"))  # fmt: skip
DIRECTORY_COMMANDS = Topic("directory.commands", "commands", "directory", "entry", 1, 30, ("directory",),
                           asked_by=("gateway",))  # fmt: skip
HOUSING_COMMANDS = Topic("housing.commands", "commands", "housing", "places_id", 6, 30, ("housing",),
                         asked_by=("housing",))  # fmt: skip
PROGRAMMES_COMMANDS = Topic("programmes.commands", "commands", "programmes", "places_id", 6, 30, ("programmes",),
                            asked_by=("programmes",))  # fmt: skip
NOTIFICATIONS_COMMANDS = Topic("notifications.commands", "commands", "notifications", "mailbox_id", 6, 30,
                               ("notifications",), asked_by=("notifications",))  # fmt: skip

INTAKES = Topic("intakes", "events", "intake", "intake_id", 6, 30, ("referral", "gateway", "console"))
REFERRALS = Topic("referrals", "events", "referral", "aggregate id", 6, 30,
                  ("gateway", "intake", "housing", "programmes", "notifications", "console"))  # fmt: skip
CAPACITY = Topic("capacity", "events", "housing", "places_id", 6, 30, ("referral", "console"), also_by=("programmes",))
NOTIFICATIONS = Topic("notifications", "events", "notifications", "mailbox_id", 6, 30, ("referral", "console"))
DIRECTORY = Topic("directory", "state", "directory", "entry", 1, None,
                  ("gateway", "intake", "referral", "housing", "programmes", "notifications", "console"))  # fmt: skip

TOPICS = (
    AGENCY_COMMANDS,
    AGENCY_FEED,
    PEOPLE_COMMANDS,
    INTAKE_COMMANDS,
    REFERRAL_COMMANDS,
    DIRECTORY_COMMANDS,
    HOUSING_COMMANDS,
    PROGRAMMES_COMMANDS,
    NOTIFICATIONS_COMMANDS,
    INTAKES,
    REFERRALS,
    CAPACITY,
    NOTIFICATIONS,
    DIRECTORY,
)


def said_by(service: str) -> Topic:
    """The topic on which a service says what happened and answers its commands."""
    return next(t for t in TOPICS if service in t.writers and t.kind in ("events", "state"))
