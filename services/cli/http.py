"""Asking a service over HTTP; what goes wrong becomes a sentence."""

from collections.abc import Mapping
from typing import Any

from services.cli.endpoints import Endpoints
from services.cli.faults import AWAY, CannotDo

PATIENCE_S = 15
NOT_LET_IN = "The token in STAFFETTA_TOKEN, or the local issuer's key, is not one that the service trusts."


def ask(
    where: Endpoints, service: str, path: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """GET, or POST where there is a body; the JSON that came back, or None on 404. Raises CannotDo on anything else."""
    return _told(service, send(where, service, path, headers=headers, params=params, body=body))


def _told(service: str, response: Any) -> Any:
    if response.status_code == 404:
        return None
    if response.status_code in (401, 403):
        raise CannotDo(f"The service {service} does not let this command in.", NOT_LET_IN)
    if not response.is_success:
        raise CannotDo(
            f"The service {service} answered {response.status_code}.",
            f"Its log says why: of ./dev up it is .staffetta/logs/{service}.log.",
        )
    return response.json()


def ask_all(where: Endpoints, service: str, path: str, *, headers: Mapping[str, str], params: Mapping[str, str]) -> Any:
    """GET a list with all its pages; None on 404. Raises CannotDo as `ask` does."""
    response = send(where, service, path, headers=headers, params=params)
    found = _told(service, response)
    while found is not None and (following := next_page(response)):
        response = send(where, service, following, headers=headers)
        found += _told(service, response) or []
    return found


def next_page(response: Any) -> str | None:
    """Where a list goes on that is longer than a page."""
    link: str | None = response.links.get("next", {}).get("url")
    return link


def send(
    where: Endpoints, service: str, path: str, *, headers: Mapping[str, str], params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """The response itself, whatever its status."""
    import httpx

    from services.http.trust import authorities

    url = where.need_service(service).rstrip("/") + path
    method = "GET" if body is None else "POST"
    try:
        return httpx.request(
            method, url, headers=dict(headers), params=params, json=body, timeout=PATIENCE_S, verify=authorities()
        )
    except httpx.HTTPError as fault:
        raise CannotDo(f"The service {service} does not answer at {url} ({type(fault).__name__}).", AWAY) from None
