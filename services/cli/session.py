"""One call of `staffetta`: where the relay is, in which language to answer, and whether a program reads."""

import functools
import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from services.cli import endpoints
from services.cli.endpoints import Endpoints
from services.cli.faults import CannotDo
from services.cli.words import Language, Words, language

if TYPE_CHECKING:
    from rich.console import Console

NAME = "staffetta"
STOPPED = 130
"""What a shell expects of a command that Ctrl-C ended."""

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Lang = Annotated[str | None, typer.Option("--lang", help="it or en; else as LANG says.", metavar="it|en")]
File = Annotated[
    Path | None,
    typer.Option("--endpoints", help="Where the relay is; else .staffetta/endpoints.json, looked for upwards."),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What every command takes, before its name or after it."""

    json: bool = False
    lang: str | None = None
    endpoints: Path | None = None


class Session:
    """What a command is given."""

    def __init__(self, options: Options) -> None:
        self.json = options.json
        self.words = Words(_language(options.lang))
        self._file = options.endpoints
        self._told = False

    @functools.cached_property
    def endpoints(self) -> Endpoints:
        return endpoints.find(self._file)

    @functools.cached_property
    def console(self) -> "Console":
        from rich.console import Console

        # a pipe or a file has no width of its own: lines stay whole there
        return Console(highlight=False, width=None if sys.stdout.isatty() else 200)

    def tell(self, data: Any, page: Callable[["Console", Words], None]) -> None:
        """The same answer for a program (`data`) or for a person (`page`)."""
        self._told = True
        if self.json:
            print(json.dumps(data, ensure_ascii=False, indent=2, default=str))
        else:
            page(self.console, self.words)

    def complain(self, fault: CannotDo) -> None:
        """A program finds the fault in place of the answer, or on stderr when there was an answer to give."""
        if self.json:
            text = json.dumps({"error": fault.reason, "remedy": fault.remedy}, ensure_ascii=False)
            print(text, file=sys.stderr if self._told else sys.stdout)
        else:
            print(" ".join(filter(None, ("staffetta:", fault.reason, fault.remedy))), file=sys.stderr)


def run(app: typer.Typer) -> NoReturn:
    """Call the command that was asked for, and end. Who asks in JSON is told in JSON too that it was asked wrongly."""
    if "--json" not in sys.argv:
        app(prog_name=NAME)
    try:
        sys.exit(app(prog_name=NAME, standalone_mode=False))
    except typer.TyperException as misuse:
        where = getattr(getattr(misuse, "ctx", None), "command_path", NAME)
        Session(Options(json=True)).complain(CannotDo(misuse.format_message(), f"See {where} -h"))
        sys.exit(misuse.exit_code)


def _language(stated: str | None) -> Language:
    if stated is None:
        return language()
    if stated not in ("it", "en"):
        raise typer.BadParameter("choose it or en", param_hint="--lang")
    return "it" if stated == "it" else "en"


def remember(ctx: typer.Context, as_json: Json = False, lang: Lang = None, endpoints: File = None) -> None:
    """Staffetta carries a person's case from the desk that met them to the agency that can help."""
    ctx.obj = Options(as_json, lang, endpoints)


def command(run: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that takes a session first: it gains the options of every command, and its
    faults become a sentence and an exit code."""

    def called(ctx: typer.Context, as_json: bool, lang: str | None, endpoints: Path | None, **own: Any) -> None:
        before = ctx.obj or Options()
        session = Session(Options(as_json or before.json, lang or before.lang, endpoints or before.endpoints))
        try:
            run(session, **own)
        except CannotDo as fault:
            session.complain(fault)
            raise typer.Exit(fault.status) from None
        except KeyboardInterrupt:
            print("\nstaffetta: stopped", file=sys.stderr)
            raise typer.Exit(STOPPED) from None

    # typer reads a command's options from its signature
    common = list(inspect.signature(remember).parameters.values())
    own = list(inspect.signature(run).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [common[0], *(p.replace(kind=keyword) for p in (*own, *common[1:]))]
    shown: Any = called
    shown.__signature__ = inspect.Signature(parameters)
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    called.__name__, called.__doc__ = run.__name__, run.__doc__
    return called
