"""`medtransfer COMMAND …`: find the command, parse its arguments, run it, turn errors into exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Final

from medtransfer import __version__
from medtransfer.core.errors import MedTransferError
from medtransfer.core.inert import one_line, visible

if TYPE_CHECKING:
    from medtransfer.cli.common import Outcome

COMMANDS: Final = {
    "inspect": "look at every file in a folder, and say what became of it",
    "convert": "write a cohort once into prepared arrays",
    "plan": "make a plan for a target hospital, from a source hospital or pretrained weights",
    "rate": "find a learning rate: a short sweep, a plot, a suggestion",
    "tune": "choose λ and strengths on patients held out in turn",
    "fit": "train what a plan says, choose the operating point, write a bundle",
    "soup": "average the weights of several bundles into one",
    "predict": "one row per study: probabilities and decision",
    "merge": "put the shards of a run together, every study exactly once",
    "evaluate": "measure predictions, every figure with its interval",
    "compare": "which of several models is better on the same studies",
    "monitor": "what has moved since, of a model in use; no truth is needed",
    "report": "write the HTML page of an evaluation",
    "weights": "import pretrained weights once, fetch them, find out what input they expect",
    "app": "look at studies and predictions in the browser",
    "reviews": "what readers said in the app: check that nothing was changed, write it as files",
    "doctor": "what is installed, what is missing, what would help",
    "demo": "the whole story on two synthetic hospitals",
}

EXIT_UNEXPECTED, EXIT_UNUSABLE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: As on the command line, without the program's name; default: those of this process.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in {"-h", "--help"}:
        print(overview())
        return 0
    if words[0] == "--version":
        print(__version__)
        return 0
    if words[0] not in COMMANDS:
        from medtransfer.core.catalogue import did_you_mean

        print(f"medtransfer: no command '{visible(words[0])}'.{did_you_mean(words[0], COMMANDS)}", file=sys.stderr)
        print(f"  → One of: {', '.join(COMMANDS)}.", file=sys.stderr)
        return EXIT_UNUSABLE
    return _run(words[0], words[1:])


def overview() -> str:
    """What `medtransfer --help` prints."""
    commands = "\n".join(f"  {name:<10}{line}" for name, line in COMMANDS.items())
    return (
        "usage: medtransfer COMMAND [OPTIONS]\n\n"
        "Transfer learning for diagnosis classification in medical imaging. Research use only.\n\n"
        f"{commands}\n\n"
        "medtransfer COMMAND --help says more, with examples. medtransfer --version prints the version.\n"
        "Exit codes: 0 all well, 1 unexpected, 2 unusable arguments or inputs, 3 some cases failed, 130 interrupted."
    )


def _run(name: str, words: list[str]) -> int:
    debug, printed = "--debug" in words, False
    try:
        outcome = _outcome(name, words)
        printed = True
        if outcome.failure is not None:
            raise outcome.failure
    except MedTransferError as error:
        if debug:
            print(_traceback(), file=sys.stderr)
        if "--json" in words and not printed:
            print(json.dumps({"error": error.facts()}, indent=2))
        print(f"medtransfer {name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        cure = {
            "fit": "\n  → Go on: the same command with --resume.",
            **dict.fromkeys(("tune", "predict"), "\n  → Go on: the same command."),
        }
        print(f"medtransfer {name}: interrupted{cure.get(name, '')}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the last resort: a calm line instead of a traceback)
        if debug:
            print(_traceback(), file=sys.stderr)
        said = one_line(" ".join(str(error).split()), limit=300)
        print(f"medtransfer {name}: unexpected {type(error).__name__}: {said}", file=sys.stderr)
        print("  → Run it again with --debug, and report what it prints.", file=sys.stderr)
        return EXIT_UNEXPECTED
    return 0


def _traceback() -> str:
    """The traceback of the error at hand; what it quotes of files acts on no terminal."""
    return "\n".join(visible(line) for line in traceback.format_exc().splitlines())


def _outcome(name: str, words: list[str]) -> Outcome:
    import tyro

    module = import_module(f"medtransfer.cli.{name}")
    parsed = tyro.cli(module.Arguments, prog=f"medtransfer {name}", args=words, description=module.__doc__)
    outcome: Outcome = module.run(parsed)
    if parsed.json:
        print(json.dumps(outcome.facts, indent=2, allow_nan=False))
    elif outcome.text and not parsed.quiet:
        print(outcome.text)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
