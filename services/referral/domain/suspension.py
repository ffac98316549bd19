"""An agency that stopped working: what lies there goes elsewhere, or before the coordination of its city."""

from contracts.commands import ReferralCommand, RerouteAgency
from contracts.directory import Agency
from contracts.journeys import OpenTask
from contracts.refusals import Refusal
from services.referral.domain import aftermath, table
from services.referral.domain.referral import Referral

REASON = "agency_suspended"
COMMAND = "decline_suspended"
COORDINATOR = "coordinator"


def check(command: RerouteAgency, agency: Agency | None, lead: Agency | None) -> None:
    """Raises Refusal: only a coordinator of its city may say so, of an agency that works, and only of one that is
    suspended or has left.
    """
    leads = lead is not None and lead.status == "active" and lead.code == command.asked.agency
    coordinates = leads and COORDINATOR in command.asked.roles
    if agency is None or not coordinates:
        raise Refusal("not_authorised", "/agency")
    if agency.status == "active":
        raise Refusal("receiver_active", "/of")


def leave(referral: Referral, lead: Agency | None) -> ReferralCommand | OpenTask:
    """What nobody has decided is declined for the agency; where a person is taken in already, people have to talk."""
    if goes_on(referral):
        return ReferralCommand(referral_id=referral.referral_id, command=COMMAND, role="system", decline_reason=REASON)
    task = aftermath.task(referral, aftermath.REVIEW, REASON)
    return aftermath.coordinated(task, lead) if lead else task


def goes_on(referral: Referral) -> bool:
    return any(referral.state in row.origins for row in table.rows_of(COMMAND))
