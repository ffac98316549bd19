"""Who may open which page: one table that refuses, that makes `docs/access.md`, and that tests ask."""

from dataclasses import dataclass

from services.console.domain.access import AUDITOR, CASEWORKER, COORDINATOR, NATIONAL, OPS, OWING, SUPERVISOR

WORKERS = frozenset({CASEWORKER, SUPERVISOR})
CORRECTORS = frozenset({SUPERVISOR, COORDINATOR})
PARTIES = frozenset({"sender", "receiver", COORDINATOR, "glass"})
"""As what somebody may see a referral (`access.grants`)."""
RECEIVER = frozenset({"receiver"})
ACTING = PARTIES - {"glass"}


@dataclass(frozen=True, slots=True)
class Right:
    """roles: one of these is needed, none stands for all. relations: as what a referral must be seen.

    what: the page, in a word for `docs/access.md`.
    """

    what: str
    roles: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()


RIGHTS: dict[str, Right] = {
    "GET /": Right("the way in"),
    "GET /here": Right("whether one is still logged in, asked by a page that is open"),
    "GET /r/{code}": Right("a referral by its code"),
    "GET /queue": Right("what one's queues received", WORKERS),
    "GET /queue/live": Right("the same, live", WORKERS),
    "GET /batch": Right("what would come of one answer to several", WORKERS),
    "POST /batch": Right("give it", WORKERS),
    "GET /sent": Right("what one's agency sent", WORKERS),
    "GET /sent/live": Right("the same, live", WORKERS),
    "GET /city": Right("what is open in one's cities", frozenset({COORDINATOR})),
    "GET /city/live": Right("the same, live", frozenset({COORDINATOR})),
    "GET /board": Right("the numbers of one's cities", frozenset({COORDINATOR})),
    "GET /board/live": Right("the same, live", frozenset({COORDINATOR})),
    "GET /national": Right("counts of the whole network, of five at least", frozenset({NATIONAL})),
    "GET /directory": Right("offers and free places", WORKERS | {COORDINATOR}),
    "GET /directory/live": Right("the same, live", WORKERS | {COORDINATOR}),
    "GET /directory/{offer}": Right("what it says of an own offer, to be put right", CORRECTORS),
    "POST /directory/{offer}": Right("put it right", CORRECTORS),
    "GET /search": Right("what to look for", WORKERS | {COORDINATOR}),
    "POST /search": Right(
        "a referral by its code, by one's own reference, and for who works by the name of the person",
        WORKERS | {COORDINATOR},
    ),
    "GET /new": Right("a new intake", WORKERS),
    "POST /new": Right("say it, or look what is suggested", WORKERS),
    "GET /new/{intake_id}": Right("what comes of it, and whether the person was met before", WORKERS),
    "POST /new/{intake_id}": Right("note how the person of an own meeting is reached, or must not be", WORKERS),
    "GET /new/{intake_id}/live": Right("the same, live", WORKERS),
    "GET /new/{intake_id}/erase": Right("what goes and what stays when the person is erased", frozenset({SUPERVISOR})),
    "POST /new/{intake_id}/erase": Right("have them erased", frozenset({SUPERVISOR})),
    "GET /tasks": Right("what is to be decided", WORKERS | {COORDINATOR}),
    "GET /tasks/live": Right("the same, live", WORKERS | {COORDINATOR}),
    "POST /tasks/{task_id}": Right(
        "say that it was; who only coordinates, of what their agency has for the coordination", WORKERS | {COORDINATOR}
    ),
    "GET /twins": Right("who may be a person met before", WORKERS | {COORDINATOR}),
    "GET /twins/live": Right("the same, live", WORKERS | {COORDINATOR}),
    "POST /twins/{pair_id}": Right("say whether it is", WORKERS | {COORDINATOR}),
    "GET /vital/{intake_id}": Right("a vital interest that a second person has to confirm", WORKERS),
    "POST /vital/{intake_id}": Right("confirm it, or take it back", WORKERS),
    "GET /glossary": Right("what the words of these pages mean"),
    "GET /looks": Right("who broke the glass, who looked", WORKERS | {AUDITOR}),
    "GET /looks/live": Right("the same, live", WORKERS | {AUDITOR}),
    "POST /looks": Right("break the glass", WORKERS),
    "GET /ops": Right("how the services are, and messages set aside", frozenset({OPS})),
    "GET /ops/now": Right("the same, asked for every few seconds", frozenset({OPS})),
    "POST /ops/{service}/{message_id}/{action}": Right("have one handled again, or discard it", frozenset({OPS})),
    "GET /referrals/{referral_id}": Right("a referral", relations=PARTIES | OWING),
    "GET /referrals/{referral_id}/live": Right("the same, live", relations=PARTIES),
    "GET /referrals/{referral_id}/person": Right("name and contact", relations=RECEIVER),
    "POST /referrals/{referral_id}/person": Right("note how the person is reached, or must not be", relations=RECEIVER),
    "GET /referrals/{referral_id}/notes/{text_id}": Right("what was written to one's side", relations=ACTING),
    "GET /referrals/{referral_id}/{command}": Right("the questions of a command", relations=ACTING | OWING),
    "POST /referrals/{referral_id}/{command}": Right("say a command", relations=ACTING | OWING),
}
