"""What each demonstration agency does with a referral that it receives: the same every time, so that a run repeats."""

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One command and its fields."""

    command: str
    fields: Body = field(default_factory=dict)


def steps(sent: Body) -> list[Step]:
    """The receiver's commands, in order, given the event that asked it (`referral.sent`)."""
    seen = Step("acknowledge", {"phone_call_recorded_at": sent["at"]} if sent["priority"] == "EMERGENCY" else {})
    match sent["receiver_agency"], sent["service"], sent["sender_agency"]:
        case "pa.accura", "health.primary", _ if sent["priority"] == "MEDIUM":
            return [seen, Step("decline", {"decline_reason": "no_capacity"})]
        case "pa.comune", "legal.documents", "pa.salute":
            return [seen, Step("decline", {"decline_reason": "missing_documents", "documents": ["stp"]})]
        case "pa.comune", "legal.documents", "pa.penc":
            return [Step("pass_on", {"next_agency": "pa.legale", "decline_reason": "no_capacity"})]
        case "pa.comune", "material.transport", _:
            return [seen]
        case "pa.penc", "civic.citizenship", _:
            return [seen, Step("accept"), Step("close", {"closure_outcome": "no_longer_needed"})]
        case _:
            return [seen, Step("accept"), *_served(sent)]


def _served(sent: Body) -> list[Step]:
    """First contact is stated as of the moment of asking: a command said again must be word for word the same."""
    outcome = "enrolled_ongoing" if sent["service"].startswith("lab.") else "served_completed"
    start = Step("start", {"first_contact_at": sent["at"], "contact_mode": "phone"})
    return [start, Step("close", {"closure_outcome": outcome})]


def sender_steps(acknowledged: Body) -> list[Step]:
    """What the sender says once the receiver has seen it: here somebody gave the person a lift."""
    if acknowledged["service"] == "material.transport":
        return [Step("withdraw", {"withdraw_reason": "need_resolved", "requested_by": "person"})]
    return []
