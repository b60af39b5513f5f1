"""How a text is written as one YAML scalar, so that every reader of YAML takes it for that text and nothing else."""

import json
import re

# What means nothing to YAML wherever it stands, as long as the scalar starts with one of the first set.
_HARMLESS = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@:=-]*(?<!:)")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# More than any one version of YAML takes for a number or a date: a needless pair of quotes is harmless.
_NUMBER_OR_DATE = re.compile(
    r"""
      [-+]? (?: [0-9][0-9_]* \.? [0-9_]* | \.[0-9_]+ ) (?: [eE][-+]?[0-9_]* )?
    | [-+]? 0 [xXoObB] [0-9a-fA-F_]*
    | [-+]? [0-9_]+ (?: :[0-9_]+ )+ (?: \.[0-9_]* )?
    | [-+]? \. (?: [iI][nN][fF] | [nN][aA][nN] )
    | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2} (?: [Tt\ ].* )?
    """,
    re.VERBOSE,
)


def needs_quotes(text: str) -> bool:
    """Whether YAML 1.1, YAML 1.2 or Helm's reader would take the bare text for something else than this text."""
    if not _HARMLESS.fullmatch(text):
        return True
    return text.lower() in _WORDS or _NUMBER_OR_DATE.fullmatch(text) is not None


def quoted(text: str, quote: str) -> str:
    """The text between single (') or double (") quotes, escaped as that kind asks for."""
    if quote == "'":
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)
