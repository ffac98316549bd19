"""Who may open which page of the console, as a page that people read."""

from collections.abc import Iterator

from deploy.documents.tables import table
from services.console.domain.access import AUDITOR, CASEWORKER, COORDINATOR, NATIONAL, OPS, SUPERVISOR
from services.console.domain.rights import RIGHTS, Right

ROLES = (CASEWORKER, SUPERVISOR, COORDINATOR, NATIONAL, AUDITOR, OPS)
RELATIONS = ("sender", "receiver", COORDINATOR, "glass", "owing")

HEAD = """# Who sees what in the console

Made from `services/console/domain/rights.py` by `python -m deploy.documents`; do not edit.
`tests/console/test_access.py` asks every cell over HTTP, `test_receipts.py` those of *owing*. A page that the table
does not name is not served.

As what somebody sees a referral:

- *sender*: a caseworker or supervisor of the agency that sent it; *receiver*: of the agency that is asked, from when it
  is told, while the referral is open, and 30 days after its end; at once no more when it is revoked or was entered in
  error, or when the person excludes that agency. A caseworker who has queues of their own sees those queues, of what is
  to be decided and of whom the agency met too; a supervisor the whole agency.
- *coordinator*: of the sender's or the receiver's city; of notes only those that the coordination wrote, which both
  agencies read too; of a sensitive service that it is reserved, and neither offer nor desk; and never which
  documents are missing. Nothing, tasks and likely pairs included, where the person excluded the coordinator's own
  agency, which gives no command about them then either; counts stay.
- *glass*: who broke the glass, for four hours; nobody of an agency that the person excluded, or that is suspended or
  has left.
- *owing*: of the agency from which it was taken, while it owes a receipt for it: by itself, and among what is
  to be decided, its code, its service and what is owed, and nothing of the person.

Nobody else sees it, and what is not there and what may not be seen look the same (404).
"""


def page() -> str:
    return "\n".join([HEAD, "## By role\n", *_by_role(), "\n## By relation to a referral\n", *_by_relation()]) + "\n"


def _by_role() -> Iterator[str]:
    pages = [(name, right) for name, right in RIGHTS.items() if not right.relations]
    rows = ((f"`{name}`", right.what, *(_may(right, role) for role in ROLES)) for name, right in pages)
    yield from table(("Page", "What", *ROLES), rows)


def _may(right: Right, role: str) -> str:
    return "yes" if not right.roles or role in right.roles else ""


def _by_relation() -> Iterator[str]:
    pages = [(name, right) for name, right in RIGHTS.items() if right.relations]
    rows = ((f"`{name}`", right.what, *("yes" if one in right.relations else "" for one in RELATIONS))
            for name, right in pages)  # fmt: skip
    yield from table(("Page", "What", *RELATIONS), rows)
