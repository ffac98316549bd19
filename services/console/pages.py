"""Pages from templates: words of one language, codes with their labels, times of Italy; all of it escaped."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from contracts import codes
from services.console.domain.correcting import DAYS

Language = Literal["it", "en"]
ROME = ZoneInfo("Europe/Rome")
SOON = timedelta(hours=4)
NOTHING = "-"


@cache
def words() -> dict[str, list[str]]:
    """Each text of the pages in Italian and English."""
    loaded: dict[str, list[str]] = json.loads(files("services.console").joinpath("words.json").read_text("utf-8"))
    return loaded


@pass_context
def say(context: Context, key: str, *values: object) -> str:
    """A text of the pages; `%s` in it are the values in order."""
    text: str = words()[key][context["language"] == "en"]
    return text % values


@pass_context
def label(context: Context, list_: str, code: str | None, part: str = "items") -> str:
    """The words of a code of the reference data; the code itself where there are none."""
    item = codes.codes(list_, part).get(code or "", {})
    return _worded(item.get("label"), context["language"]) or code or NOTHING


@pass_context
def named(context: Context, of: Mapping[str, Any] | None, code: str | None) -> str:
    """The name of an agency, a queue or an offer."""
    return _worded((of or {}).get("name") or (of or {}).get("label"), context["language"]) or code or NOTHING


@pass_context
def desk(context: Context, agencies: Mapping[str, Any], code: str | None) -> str:
    """The name of a queue and of its agency; the code where the directory has no such queue."""
    for agency in agencies.values():
        for queue in agency.get("queues", ()):
            if queue["code"] == code:
                return f"{named(context, queue, code)}, {named(context, agency, None)}"
    return code or NOTHING


@pass_context
def choice(context: Context, field: str, labels: Mapping[str, str], code: str) -> str:
    return _worded(labels, context["language"]) or _word(f"{field}.{code}", context["language"]) or code


@pass_context
def stated(context: Context, field: str, code: str) -> str:
    """The words of what a field of a command held."""
    found = [codes.codes(list_, part).get(code, {}).get("label") for list_, part in codes.LISTS.get(field, ())]
    return choice(context, field, next((labels for labels in found if labels), {}), code)


@pass_context
def todo(context: Context, kind: str) -> str:
    return kind_of_task(kind, context["language"])


def kind_of_task(kind: str, language: str) -> str:
    """What a task asks to decide: what came to an end, or the action that a reason leads to."""
    action = codes.codes("decline_reasons", "next_actions").get(kind, {})
    return _word(f"task.{kind}", language) or _worded(action.get("label"), language) or kind


@pass_context
def reason(context: Context, code: str | None) -> str:
    """The words of a reason, whichever list it is of."""
    found = [codes.codes(list_).get(code or "", {}).get("label") for list_ in codes.REASON_FIELDS]
    labels = [_worded(label, context["language"]) for label in found if label]
    own = [_word(f"{kind}.{code}", context["language"]) for kind in ("filter", "reason")]
    return next((text for text in (*labels, *own) if text), code or NOTHING)


@pass_context
def word(context: Context, key: str, otherwise: str = "") -> str:
    """A text that may have no words of its own."""
    return _word(key, context["language"]) or otherwise


def _word(key: str, language: str) -> str:
    return words()[key][language == "en"] if key in words() else ""


def _worded(labels: Any, language: str) -> str:
    return str(labels.get(language) or labels.get("en") or "") if isinstance(labels, Mapping) else ""


@pass_context
def at(context: Context, instant: datetime | str | None) -> str:
    """With the day of the week. instant: as read, or as JSON says it."""
    instant = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    if instant is None:
        return NOTHING
    here = instant.astimezone(ROME)
    return f"{say(context, f'day.{DAYS[here.weekday()]}')} {here:%d/%m/%Y %H:%M}"


@pass_context
def left(context: Context, due: datetime | None) -> str:
    """How much time is left, or by how much it is late."""
    if due is None:
        return say(context, "no_limit")
    span = due - context["now"]
    return say(context, "in" if span >= timedelta() else "late", _span(context, abs(span)))


@pass_context
def _span(context: Context, span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} {say(context, 'days')} {hours} h" if hours else f"{days} {say(context, 'days')}"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


@pass_context
def haste(context: Context, due: datetime | None) -> str:
    """late, soon or calm: told by colour, icon and words."""
    if due is None:
        return "calm"
    span = due - context["now"]
    return "late" if span < timedelta() else "soon" if span < SOON else "calm"


def bar(value: float, most: float) -> Markup:
    """A bar of a hundred, for the eye; the number stands beside it."""
    wide = round(100 * value / most) if most else 0
    frame = '<svg class="bar" width="102" height="12" aria-hidden="true"><rect x=".5" y=".5" width="101" height="11"/>'
    return Markup(f'{frame}<rect x="1" y="1" width="{wide}" height="10"/></svg>')


@pass_context
def on_a_board(context: Context, service: str) -> str:
    """A service's bus code in words: of a sensitive one only that it is reserved."""
    return label(context, "services", service) if service in codes.codes("services") else say(context, "reserved")


@pass_context
def service_of(context: Context, row: Mapping[str, Any]) -> str:
    """What a referral, a task or a pair asks for; who is no party reads of a sensitive one that it is reserved."""
    return say(context, "reserved") if row.get("reserved") else label(context, "services", row["service"])


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("services.console", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.globals |= {"t": say, "label": label, "named": named, "desk": desk, "left": left, "haste": haste, "at": at,
                     "choice": choice, "stated": stated, "word": word, "todo": todo, "reason": reason, "bar": bar,
                     "span": _span, "on_a_board": on_a_board, "service_of": service_of}  # fmt: skip
    return made


def draw(request: Request, template: str, now: datetime, **values: Any) -> str:
    session = request.state.session
    csrf = getattr(request.state, "csrf", session.csrf if session else "")
    known = {"language": request.state.language, "now": now, "path": request.url.path, "csrf": csrf,
             "actor": session.actor if session else None,
             "translated": _translated(request),
             "twins": getattr(request.state, "twins", False),
             "unseen": getattr(request.state, "unseen", 0)}  # fmt: skip
    return _templates().get_template(template).render(known | values)


def _translated(request: Request) -> tuple[Language, str] | None:
    """The other language, and where the same page is in it; None for what answers a form: no address brings it back."""
    if request.method not in ("GET", "HEAD"):
        return None
    other: Language = "en" if request.state.language == "it" else "it"
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return other, f"?{urlencode([*asked, ('lang', other)])}"


def page(request: Request, template: str, now: datetime, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(draw(request, template, now, **values), status)


def notice(request: Request, key: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A page that says one thing and where to go from there."""
    return page(request, "notice.html", datetime.now(ROME), status, key=key)


def problem(request: Request, status: HTTPStatus) -> Response:
    """What was not found and what may not be seen look the same; what was sent is never shown."""
    key = f"http_{status.value}"
    return notice(request, key if key in words() else "http_500", status)


MEANT: dict[tuple[str, str | None], str] = {
    ("no_candidate", "/next_agency"): "chosen_cannot", ("agency_already_tried", None): "everyone_tried",
    ("invalid_value", "/escalation_level"): "level_told", ("invalid_format", "/linked_referral_id"): "code_unknown",
    ("idempotency_conflict", "/idempotency_key"): "form_said_before",
    ("missing_field", "/tier1/caregiver"): "minor_of_whom", ("missing_field", "/tier0/services"): "services_none",
    ("missing_field", "/contact/value"): "contact_value_none",
}  # fmt: skip


def refusal(request: Request, code: str, pointer: str | None = None) -> str:
    """The words of a refusal code, and where it says too little, of what it means there."""
    if meant := MEANT.get((code, pointer)):
        return _word(meant, request.state.language)
    return _worded(codes.codes("rejection_codes").get(code, {}).get("label"), request.state.language) or code
