"""Who may see which referral, and as what: one table of grants, for the store and for pages."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from contracts import codes

CASEWORKER, SUPERVISOR, COORDINATOR = "caseworker", "supervisor", "coordinator"
NATIONAL, AUDITOR, OPS = "national", "auditor", "ops"
ROLES = frozenset({CASEWORKER, SUPERVISOR, COORDINATOR, NATIONAL, AUDITOR, OPS})

OWING = frozenset({"owing"})
"""As what somebody sees a referral that was taken from their agency, while it owes a receipt for it."""
RECEIPTS = codes.of_field("obligation")
BY_CITY = frozenset(codes.table("sharing")["recipients"][0]["covers_sharing_roles"])
"""Whom a person means who excludes a whole city."""
REVIEW = "coordinator_review"
"""The kind of a task that is for who coordinates, and the next step of one that was handed over to them."""
UNACCEPTED = ("REQUESTED", "ACKNOWLEDGED", "WAITLISTED")
"""In which a receiver has not said yes."""

Row = Mapping[str, Any]
Where = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who has logged in. queues: a caseworker's own; none stands for every queue of the agency.

    cities: those that a coordinator coordinates.
    """

    subject: str
    name: str
    agency: str | None = None
    roles: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    cities: frozenset[str] = frozenset()

    @property
    def works(self) -> bool:
        """Whether the person sends and receives for an agency."""
        return self.agency is not None and bool(self.roles & {CASEWORKER, SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Grant:
    """What a relation lets be seen: rows whose fields are as `where` says (equal, `$in` a list, or `$gt` a value); a
    field that is a list is so when one of its values is."""

    relation: str
    where: Where


def grants(actor: Actor, now: datetime, glass: frozenset[str] = frozenset()) -> tuple[Grant, ...]:
    """Everything the actor may see now. glass: the referrals whose glass they have broken.

    A referral is a grant to its receiver for its purpose and time: `read_until` says how long.
    """
    found: list[Grant] = []
    if actor.works:
        ours = _queues(actor)
        sent: Where = {"sender_agency": actor.agency}
        received: Where = {"receiver_agency": actor.agency, "read_until": {"$gt": now}}
        found.append(Grant("sender", sent | _in("sender_queue", ours)))
        found.append(Grant("receiver", received | _in("receiver_queue", ours)))
    if COORDINATOR in actor.roles and actor.cities:
        found.append(Grant(COORDINATOR, _in("cities", sorted(actor.cities))))
    if glass:
        found.append(Grant("glass", _in("_id", sorted(glass))))
    return tuple(found)


def debts(actor: Actor) -> tuple[Grant, ...]:
    """What the actor's agency owes a receipt for: to be looked at by itself, and among what it has to do."""
    if not actor.works:
        return ()
    owed: Where = {"receiver_agency": actor.agency, "owes": {"$in": sorted(RECEIPTS)}}
    return (Grant("owing", owed | _in("receiver_queue", _queues(actor))),)


def is_of_desk(actor: Actor, agency: str, queue: str | None) -> bool:
    """Whether what came to this queue of an agency is work of the actor's. queue: None where it is not known."""
    ours = _queues(actor)
    return actor.works and agency == actor.agency and (ours is None or queue in ours)


def desks(actor: Actor) -> list[Where]:
    """What the store is asked for what is an agency's work, queue by queue, by its fields `agency` and `queue`."""
    return one_by_one({"agency": actor.agency} | _in("queue", _queues(actor))) if actor.works else []


def _queues(actor: Actor) -> list[str] | None:
    """None for all of the agency."""
    return sorted(actor.queues) if actor.queues and SUPERVISOR not in actor.roles else None


def _in(field: str, values: list[str] | None) -> Where:
    return {} if values is None else {field: {"$in": values}}


def open_to(grant: Grant) -> list[Where]:
    """What the store is asked for the open referrals that a grant shows: the grant's own and no other.

    `shown_to` (`picture`) is the receiver of one that is open and of which it was told.
    """
    where = grant.where | {"open": True}
    if grant.relation == "receiver":
        queue = {field: wanted for field, wanted in grant.where.items() if field == "receiver_queue"}
        where = {"shown_to": grant.where["receiver_agency"]} | queue
    return one_by_one(where)


def one_by_one(where: Where) -> list[Where]:
    """A question for each value of a list: of one value every store has an index, of several none."""
    lists = {field: wanted["$in"] for field, wanted in where.items() if isinstance(wanted, dict) and "$in" in wanted}
    return [where | dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def relations(granted: tuple[Grant, ...], row: Row) -> frozenset[str]:
    """As what the actor sees this row; empty when they may not see it at all."""
    return frozenset(grant.relation for grant in granted if _fits(grant.where, row))


def _fits(where: Where, row: Row) -> bool:
    return all(_holds(wanted, row.get(field)) for field, wanted in where.items())


def _holds(wanted: Any, value: Any) -> bool:
    held = value if isinstance(value, list) else [value]
    if not isinstance(wanted, dict):
        return wanted in held
    if "$in" in wanted:
        return any(one in wanted["$in"] for one in held)
    return value is not None and bool(value > wanted["$gt"])


def is_active(agency: Row) -> bool:
    """Whether it works in the network: it is neither suspended nor has it left."""
    return bool(agency.get("status", "active") == "active")


def is_open(offer: Row, day: str) -> bool:
    """Whether it takes somebody in on a day (ISO)."""
    return bool(offer["status"] == "open" and offer["valid_from"] <= day <= (offer["valid_to"] or day))


def asks_onward(relations: Collection[str], sender: Row, actor: Actor) -> bool:
    """Whether it is theirs to have the next agency asked: as sender, or for one of their city that works no more."""
    return "sender" in relations or (not is_active(sender) and sender.get("city") in actor.cities)


def is_excluded(agency: Row, excluded: Iterable[str]) -> bool:
    """excluded: whom a person does not want to be told, agencies and cities (`sharing.json`)."""
    names = {agency["_id"], *([f"city:{agency['city']}"] if agency["sharing_role"] in BY_CITY else [])}
    return bool(names & {*excluded})


def lost(row: Row) -> frozenset[str]:
    """As what an agency sees this row no more whom the person excluded."""
    return frozenset({COORDINATOR} if row.get("open", True) else {COORDINATOR, "receiver"})


def corrects(actor: Actor, agency: str, city: str | None) -> bool:
    """Whether the actor may put right what the directory says of an offer of this agency, which is in this city."""
    supervises = SUPERVISOR in actor.roles and actor.agency == agency
    return supervises or (COORDINATOR in actor.roles and city in actor.cities)


def completes(actor: Actor, task: Row) -> bool:
    """Whether the actor may say that this task of their agency was done: who only coordinates, of what is for them."""
    reviewed = COORDINATOR in actor.roles and REVIEW in (task["kind"], task.get("next"))
    return task["agency"] == actor.agency and (actor.works or reviewed)


def erases(actor: Actor, agency: str) -> bool:
    """Whether the actor may have a person erased whom this agency met."""
    return SUPERVISOR in actor.roles and actor.agency == agency


def is_party(relation: frozenset[str]) -> bool:
    """Whether what is said between the two agencies may be read: by them, and by who broke the glass."""
    return bool(relation & {"sender", "receiver", "glass"})


def reads_note(relation: frozenset[str], by: str | None, state: str = "") -> bool:
    """Whether a note is for who sees its referral so: the two agencies, and of what it wrote the coordination.

    state: of the referral; what the sender wrote a receiver reads once it has accepted.
    """
    if relation & {"sender", "receiver"}:
        return "sender" in relation or by != "sender" or state not in UNACCEPTED
    return COORDINATOR in relation and by == COORDINATOR
