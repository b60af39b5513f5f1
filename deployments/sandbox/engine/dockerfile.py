"""Reads a Dockerfile into stages of instructions, as https://docs.docker.com/reference/dockerfile/ has it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_KEYWORD = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER"
    "|VOLUME|WORKDIR"
)
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_HEREDOC = re.compile(r"(?:^|\s)<<-?[\"']?\w")
_WORD = re.compile(r"(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^\s'\"\\])+")
_VARIABLE = r"\$(?:\{(?P<braced>\w+)(?::(?P<how>[-+])(?P<other>[^}]*))?\}|(?P<bare>\w+)|(?P<strange>\{))"
_PART = re.compile(rf"'(?P<plain>[^']*)'|\"(?P<quoted>(?:\\.|[^\"\\])*)\"|\\(?P<escaped>.)|{_VARIABLE}")
_QUOTED_PART = re.compile(rf"\\(?P<escaped>[\"$\\])|{_VARIABLE}")


class CannotBuild(Exception):
    """The Dockerfile is wrong or asks for more than the stand-in can do; names the line where there is one."""

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `text` is all after its flags, continued lines joined, variables as written."""

    line: int
    keyword: str
    flags: tuple[tuple[str, str], ...]
    text: str

    def __str__(self) -> str:
        flags = "".join(f" --{name}={value}" if value else f" --{name}" for name, value in self.flags)
        return f"{self.keyword}{flags} {self.text}"

    def words(self) -> list[str]:
        """The text split at blanks outside quotes, or the items of a JSON list; raises CannotBuild."""
        if (items := self.json_words()) is not None:
            return items
        words = _WORD.findall(self.text)
        if _WORD.sub("", self.text).strip():
            raise CannotBuild(f"{self.keyword} has a quote or a backslash that does not end", line=self.line)
        return words

    def json_words(self) -> list[str] | None:
        """The items where the text is a JSON list of strings (the exec form), else None."""
        try:
            items = json.loads(self.text)
        except ValueError:
            return None
        return items if isinstance(items, list) and all(isinstance(item, str) for item in items) else None


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: Instruction
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The ARGs before the first FROM, which only FROMs can use, and the stages."""

    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]


def parse(text: str) -> Dockerfile:
    """Raises CannotBuild where the text is no Dockerfile; whether its instructions can be done is asked later."""
    instructions = [_instruction(line, joined) for line, joined in _logical_lines(text)]
    starts = [at for at, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    if not starts:
        raise CannotBuild("the Dockerfile has no FROM; start it with the image to build on, or with FROM scratch")
    before = instructions[: starts[0]]
    for instruction in before:
        if instruction.keyword != "ARG":
            raise CannotBuild(f"{instruction.keyword} stands before the first FROM", line=instruction.line)
    bounds = zip(starts, [*starts[1:], len(instructions)], strict=True)
    stages = [Stage(instructions[start], tuple(instructions[start + 1 : end])) for start, end in bounds]
    return Dockerfile(tuple(before), tuple(stages))


def expand(word: str, variables: Mapping[str, str]) -> str:
    """The word with variables put in and quotes taken off; raises CannotBuild for a substitution it does not know."""

    def part(match: re.Match[str]) -> str:
        found = match.groupdict()
        if (literal := found.get("plain") or found.get("escaped")) is not None:
            return literal
        if found.get("quoted") is not None:
            return _QUOTED_PART.sub(part, found["quoted"])
        if found["strange"]:
            raise CannotBuild(f"the substitution in {word} needs a real engine")
        value = variables.get(found["braced"] or found["bare"] or "", "")
        if found["how"] == "-":
            return value or expand(found["other"], variables)
        if found["how"] == "+":
            return expand(found["other"], variables) if value else ""
        return value

    return _PART.sub(part, word)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    started, joined = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            if not started and re.match(r"#\s*escape\s*=\s*[^\\\s]", line.strip()):
                raise CannotBuild("another escape character needs a real engine", line=number)
            continue
        if not line.strip():
            continue
        started = started or number
        joined += re.sub(r"\\[ \t]*$", "", line)
        if not re.search(r"\\[ \t]*$", line):
            yield started, joined.strip()
            started, joined = 0, ""
    if joined.strip():
        yield started, joined.strip()


def _instruction(line: int, joined: str) -> Instruction:
    keyword, _, text = re.sub(r"\s+", " ", joined, count=1).partition(" ")
    keyword, text, flags = keyword.upper(), text.strip(), []
    if not _KEYWORD.fullmatch(keyword):
        raise CannotBuild(f"unknown instruction {keyword}", line=line)
    while match := _FLAG.match(text):
        flags.append((match[1], match[2] or ""))
        text = text[match.end() :]
    if keyword in ("ADD", "COPY", "RUN") and _HEREDOC.search(text):
        raise CannotBuild(f"{keyword} with a here-document needs a real engine", line=line)
    return Instruction(line, keyword, tuple(flags), text)
