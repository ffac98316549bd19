"""One round after another: cases that Hypothesis makes of a document, each said by somebody, each answer held to it."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi import checks as _loaded  # noqa: F401  (the checks below are registered by it)
from schemathesis.specs.openapi import checks

from services.gateway.api import LONGEST_POLL_S
from tests.fuzz.scene import STRANGERS, Scene

PROBLEM = "application/problem+json"
HELD_TO = [
    schemathesis.checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_headers_conformance, checks.response_schema_conformance, checks.negative_data_rejection,
]  # fmt: skip
AT_ONCE = 40
"""How many cases of one operation come after another, where it is not among those that are asked more or less."""
WEIGHTS = {"/v1/commands": 3, "/v1/feed": 2, "/v1/reads": 2, "/live": 0.1, "/ready": 0.1, "/ops/parked": 0.3}
OPEN = ("/live", "/ready", "/v1/agencies", "/v1/agencies/{code}", "/v1/offers")
WAIT_S, PATIENCE_S = 0.1, 30
REFERRAL = "staffetta.referral.{}.v1"
COMMANDS = ("acknowledge", "accept", "decline", "start", "close", "withdraw", "revoke", "add_note", "pass_on", "x")


@dataclass
class Seen:
    """cases: by operation. statuses: of the answers. faults: what is wrong with which operation, with one example."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.cases.total()

    def add(self, more: "Seen") -> None:
        self.cases += more.cases
        self.statuses += more.statuses
        self.faults |= more.faults


Operation = Any
Round = tuple[Operation, GenerationMode]
Said = tuple[str, dict[str, Any]] | None


def ask(scene: Scene, cases: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Seen:
    """So many cases over the operations of all services; what has no more to vary is asked less.

    One service after another: the parser of Python 3.11, which Hypothesis uses, fails in threads.
    """
    rounds = {url: _rounds(url) for url in scene.urls.values()}
    whole, all_seen = sum(_weight(of) for of in rounds.values()), Seen()
    with ThreadPoolExecutor(1) as pool:
        shares = {url: round(cases * _weight(of) / whole) for url, of in rounds.items()}
        shares[next(iter(rounds))] += cases - sum(shares.values())
        asked = [pool.submit(_ask, scene, url, of, shares[url], seed, say) for url, of in rounds.items()]
    for one in asked:
        all_seen.add(one.result())
    return all_seen


def _rounds(url: str) -> list[Round]:
    told = [operation.ok() for operation in _document(url).get_all_operations()]
    return [(operation, mode) for operation in told for mode in _modes(operation)]


def _weight(rounds: list[Round]) -> float:
    return sum(WEIGHTS.get(operation.path, 1) for operation, _ in rounds)


def _ask(scene: Scene, url: str, rounds: list[Round], cases: int, seed: int, say: Callable[[str], None]) -> Seen:
    """One service."""
    seen, session, number = Seen(), requests.Session(), 0
    at_once = max(1, min(AT_ONCE, int(cases / _weight(rounds))))
    while seen.total < cases:
        for operation, mode in tuple(rounds):
            number += 1
            some = min(max(1, int(at_once * WEIGHTS.get(operation.path, 1))), cases - seen.total)
            try:
                if some:
                    _round(scene, url, operation, mode, some, seed * 1_000_000 + number, seen, session)
            except Unsatisfiable:  # there is nothing in it that could be wrong
                rounds.remove((operation, mode))
            except SystemError as fault:  # Python 3.11 counts the depth of its parser wrongly in threads: go on
                if "recursion depth mismatch" not in str(fault):
                    raise
        say(f"{url}: {seen.total:,} of {cases:,} cases, {len(seen.faults)} faults " + "; ".join(seen.faults))
    return seen


def _document(url: str) -> Any:
    """As the service serves it; who speaks is ours to say."""
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)


def _modes(operation: Operation) -> list[GenerationMode]:
    """Where any text will do, none can be wrong."""
    kept = any(p.definition.get("schema", {}).keys() - {"type", "title"} for p in operation.path_parameters)
    can_be_wrong = kept or operation.query or operation.headers or operation.body
    return [*GenerationMode] if can_be_wrong else [GenerationMode.POSITIVE]


def _round(
    scene: Scene, url: str, operation: Operation, mode: GenerationMode, cases: int, seed: int, seen: Seen,
    session: requests.Session,
) -> None:  # fmt: skip
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=mode), voice=st.sampled_from(sorted(scene.headers)),
        known=st.fixed_dictionaries({name: st.sampled_from([None, *values]) for name, values in scene.known.items()}),
        said=st.sampled_from(_said(scene) if operation.path == "/v1/commands" else [None]),
        number=st.integers(1, 10**6),
    )  # fmt: skip
    def one(case: Case, voice: str, known: dict[str, str | None], said: Said, number: int) -> None:
        if seen.cases.total() >= limit:
            return
        _fill(case, known, said and (said[0], said[1] | {"command_id": f"fuzz-{number}"}), mode)
        seen.cases[f"{url} {operation.label}"] += 1
        _hold(case, url, voice, scene.headers[voice], seen, session)

    limit = seen.total + cases
    one()


def _said(scene: Scene) -> list[Said]:
    """Messages that are as they should be, beside whatever the document makes."""
    of = [
        {"referral_id": id, "agency": agency}
        for id in scene.known["referral_id"]
        for agency in ("pa.comune", "pa.accura")
    ]
    commands = [(REFERRAL.format(name), one | {"command": name}) for one in of for name in COMMANDS]
    return [None, *commands]


def _fill(case: Case, known: dict[str, str | None], said: Said, mode: GenerationMode) -> None:
    """Things that are there, in the place of made-up ones; only where what the document asks for is kept."""
    for name, value in known.items():
        if value and name in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters[name] = value
        if value and name in case.query and mode is GenerationMode.POSITIVE:
            case.query[name] = value
    wait = case.query.get("wait")
    if isinstance(wait, int | float) and WAIT_S < wait <= LONGEST_POLL_S:  # what is too long stays so
        case.query["wait"] = WAIT_S
    if said and mode is GenerationMode.POSITIVE:
        case.headers["ce-type"], case.body = said


def _hold(case: Case, url: str, voice: str, headers: dict[str, str], seen: Seen, session: requests.Session) -> None:
    try:
        answer = case.call(url, session, headers, timeout=PATIENCE_S)
        seen.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, HELD_TO, headers=headers, transport_kwargs={"base_url": url})
        except FailureGroup as found:
            for fault in found.exceptions:
                _note(seen, case, f"{type(fault).__name__} {answer.status_code}", voice, str(fault))
        for wrong in _wrong(case, voice, answer):
            _note(seen, case, wrong, voice, answer.text[:300])
    except requests.RequestException as fault:
        _note(seen, case, type(fault).__name__, voice, str(fault))


def _wrong(case: Case, voice: str, answer: Any) -> Iterator[str]:
    """What no document says: how every refusal looks, and who is refused."""
    status, kind = answer.status_code, answer.headers.get("content-type", [""])[0]
    if status >= 400:
        said = answer.json() if kind == PROBLEM else {}
        if not {"type", "title", "status"} <= said.keys() or said["status"] != status:
            yield f"{status} is no problem document"
    is_open = case.operation.path in OPEN or (status == 404 and _leads_elsewhere(case))
    if voice in STRANGERS and not is_open and (status != 401 or "www-authenticate" not in answer.headers):
        yield f"{status} for somebody whom nobody knows"


def _leads_elsewhere(case: Case) -> bool:
    """A line break is in no path of ours, and steps (`..`) are taken before anything is sent."""
    said = [str(value) for value in case.path_parameters.values()]
    return any("\n" in one or {".", ".."} & set(one.split("/")) for one in said)


def _note(seen: Seen, case: Case, what: str, voice: str, more: str) -> None:
    seen.faults.setdefault(f"{case.operation.label}: {what}", f"{voice}: {more}\n{case.as_curl_command()}"[:1500])
