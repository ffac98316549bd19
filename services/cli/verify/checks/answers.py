"""Every command of an agency has one answer on its feed; the same message again has the same one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from contracts.topics import PEOPLE_COMMANDS
from services.cli.verify.loaded import Loaded, Said
from services.cli.verify.report import HISTORY_GONE, Seen

PARKED = "parked"
"""An answer for the time being: once the message is replayed, another takes its place."""

PEOPLE = "people/"
"""Before the names of what supervisors and coordinators said."""

Ids = defaultdict[str, dict[str, str | None]]
"""By what it answers: the ids of answers, each with its refusal's code."""


def check(loaded: Loaded) -> Iterator[Seen]:
    for agency, commands, feed in loaded.agencies:
        answers = _answers(loaded.said.get(feed, ()))
        gone = not loaded.is_whole(feed)
        names: set[str] = set()
        people = [m for m in loaded.on(PEOPLE_COMMANDS) if m.value["source"] == f"/agencies/{agency}"]
        for topic, said, of in ((commands, loaded.on(commands), ""), (PEOPLE_COMMANDS.name, people, PEOPLE)):
            for message, ids in _with_answers(said, of, answers, whole=loaded.is_whole(topic)):
                names |= {f"{of}{message.value['message_id']}", f"{of}{message.value['name']}"}
                yield _one(message, ids, gone=gone)
        if loaded.is_whole(commands) and loaded.is_whole(PEOPLE_COMMANDS):
            for name in sorted(answers.given.keys() - names - {""}):
                yield Seen(f"feed of {agency}", (f"answers to what was never asked: {len(answers.given[name])}",))


@dataclass(frozen=True, slots=True)
class Answers:
    """What a feed answers: the door's own refusals by the record they refuse, the others by the agency's message id.

    by_name: the others again, by the command's own name.
    """

    refused: Ids = field(default_factory=lambda: defaultdict(dict))
    given: Ids = field(default_factory=lambda: defaultdict(dict))
    by_name: Ids = field(default_factory=lambda: defaultdict(dict))


def _answers(feed: tuple[Said, ...]) -> Answers:
    """Repeats too: one refusal may stand for several records with the same bytes."""
    found = Answers()
    for answer in (message for message in feed if message.is_answer):
        asked, code = answer.value.get("asked") or {}, answer.value.get("code")
        if answer.key == answer.cause:
            found.refused[answer.key][answer.id] = code
        else:
            of = PEOPLE if asked.get("roles") else ""
            found.given[of + (asked.get("message_id") or "")][answer.id] = code
            found.by_name[of + (asked.get("command_id") or "")][answer.id] = code
    return found


def _with_answers(
    said: Iterable[Said], of: str, answers: Answers, *, whole: bool
) -> Iterator[tuple[Said, dict[str, str | None]]]:
    """Each message with the answers to it or, if it repeats another, to the one that was passed on first.

    of: what stands before the names of those who number their messages apart.
    """
    first: dict[str, str] = {}
    for message in said:
        id, kind, name = (message.value[part] for part in ("message_id", "kind", "name"))
        refused = answers.refused.get(message.id, {})
        if any(code != PARKED for code in refused.values()):
            yield message, refused
            continue
        passed_on = first.get(f"{kind}/{name}") or first.get(f"message/{id}") or str(id)
        first[f"{kind}/{name}"] = first[f"message/{id}"] = passed_on
        given = answers.given.get(f"{of}{passed_on}")
        if given is None and not whole:
            given = answers.by_name.get(f"{of}{name}")  # the first one is gone
        yield message, refused | (given or {})


def _one(message: Said, ids: dict[str, str | None], *, gone: bool) -> Seen:
    final = [id for id, code in ids.items() if code != PARKED] or list(ids)
    if len(final) == 1:
        return Seen(message.place)
    if not final and gone:
        return Seen(message.place, not_checked=HISTORY_GONE)
    return Seen(message.place, (f"it has {len(final)} answers" if final else "it has no answer",))
