"""What came of one intake as a whole, and what people have to decide: journeys and tasks."""

from uuid import UUID

from contracts.values import AgencyCode, Asked, Code, Message, PublicCode, Ref, Time, Unspoken, Value


class JourneyNeed(Value):
    """What a journey knows of one service asked for: which referral began it, and what it waits for."""

    service: Code
    referral_id: UUID
    depends_on: Code | None = None
    priority: Code | None = None


class BeginJourney(Message):
    """An intake was recorded: these needs are to be answered. excluded: agencies and cities, by the person."""

    TYPE = "staffetta.journey.begin.v1"

    journey_id: UUID
    sender_agency: AgencyCode
    sender_queue: Ref
    city: Code
    needs: tuple[JourneyNeed, ...]
    excluded: tuple[Ref, ...] = ()


class AddNeed(Message):
    """A caseworker's own draft is one more need of the intake that it leans on."""

    TYPE = "staffetta.journey.add_need.v1"

    journey_id: UUID
    need: JourneyNeed


class EndNeed(Message):
    """How the referral (or the search for one) of a need ended, or what became of it meanwhile.

    outcome: served, ended (not served), no_capacity (a successor is tried), no_candidate (final), linked (the person
    has an open referral to the same offer already), sent (the sender did not wait for the service that comes first),
    reopened (it goes on after its end), entered_in_error (it had ended, and should never have been), gave_up (the
    person left because the wait was too long).
    linked_referral_id: the open referral that the need leans on, or leaned on, where this is about that one;
    person_ref: of whose need it is, then.
    """

    TYPE = "staffetta.journey.end_need.v1"

    journey_id: UUID
    need_id: UUID
    service: Code
    referral_id: UUID
    outcome: Code
    reason: Code | None = None
    priority: Code | None = None
    linked_referral_id: UUID | None = None
    person_ref: Ref | None = None


class OpenTask(Message):
    """A worker of `queue` has something to decide. offer: of which, where it is about what the directory says.

    code: what people call the referral that it is about. until: when it is over by itself; what is not says nothing.
    priority: of the need that it is about, where it is about one.
    """

    TYPE = "staffetta.task.open.v1"

    task_id: UUID
    kind: Code
    journey_id: UUID
    referral_id: UUID | None = None
    service: Code
    agency: AgencyCode
    queue: Ref
    city: Code
    reason: Code | None = None
    next: Code | None = None
    documents: tuple[Code, ...] = ()
    offer: Ref | None = None
    code: PublicCode | None = None
    until: Time | None = None
    priority: Code | None = None


class ChaseTask(Message):
    """A step of a task that is not done is due. percent: which step."""

    TYPE = "staffetta.task.chase.v1"

    task_id: UUID
    percent: int


class CompleteTask(Message):
    """The door passes on that a task was done."""

    TYPE = "staffetta.task.command.v1"

    task_id: UUID
    asked: Asked


class SettleTask(Message):
    """What a task stood for was decided elsewhere: there is nothing left to do."""

    TYPE = "staffetta.task.settle.v1"

    task_id: UUID


class JourneyEvent(Message):
    """What every event of a journey says: everything that came of one intake."""

    journey_id: UUID
    version: int
    at: Time
    service: Code
    sender_agency: AgencyCode
    referral_id: UUID | None = None


class RoutingNoCandidate(JourneyEvent):
    """reason: the filter of `routing.json` without which somebody would have been found, else admission or no_offer."""

    TYPE = "staffetta.routing.no_candidate.v1"

    reason: Code | None = None


class UnmetNeedEvent(JourneyEvent):
    """What every event of an unmet need says. final: not at all; else not now, and a successor is tried."""

    final: bool
    reason: Code | None = None


class UnmetNeedRecorded(UnmetNeedEvent):
    """A service could not be given."""

    TYPE = "staffetta.unmet_need.recorded.v1"


class UnmetNeedTakenBack(UnmetNeedEvent):
    """The referral that it was recorded of should never have been: it counts no more."""

    TYPE = "staffetta.unmet_need.taken_back.v1"


class TaskEvent(Message):
    """What every event of a task says: who has to decide what, until when. code: what people call the referral.

    priority: of the need that it is about, where it is about one.
    """

    task_id: UUID
    version: int
    at: Time
    kind: Code
    journey_id: UUID
    referral_id: UUID | None
    service: Code
    agency: AgencyCode
    queue: Ref
    due_at: Time
    offer: Ref | None = None
    code: PublicCode | None = None
    priority: Code | None = None


class TaskOpened(TaskEvent):
    """Said again of a task that another agency has from now on (who had it works no more, or the person excluded it),
    and of one that was done, when another mail has failed.
    """

    TYPE = "staffetta.task.opened.v1"

    reason: Code | None = None
    next: Code | None = None
    documents: tuple[Code, ...] = ()


class TaskDone(TaskEvent):
    TYPE = "staffetta.task.done.v1"


class TaskReminded(TaskEvent):
    """It will soon be over by itself, undecided. percent: of its limit; notify: whom that step tells."""

    TYPE = "staffetta.task.reminded.v1"

    percent: int
    notify: tuple[Code, ...]


class TaskOverdue(TaskEvent):
    """It was not decided in time. percent: of its limit; level: of the tasks' ladder; notify: whom that level tells.

    coordination_withheld: the person excluded who coordinates, who is not told then (on no feed).
    """

    TYPE = "staffetta.task.overdue.v1"

    percent: int
    level: int
    notify: tuple[Code, ...]
    coordination_withheld: Unspoken = False
