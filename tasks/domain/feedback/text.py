"""Text for GitHub's Markdown: what is somebody else's cannot become markup, a link or a call to people."""

from tasks.domain.message import plain

# GitHub refuses longer ones: a status's or deployment's description, and any body of text.
LONGEST_DESCRIPTION = 140
LONGEST_TEXT = 65_535


def quiet(text: str, limit: int = 300) -> str:
    """One line that GitHub shows as it is, and by which nobody is notified: `@name` is taken apart invisibly."""
    return plain(text, limit).replace("@", "@\u200b")


def cut(text: str, limit: int) -> str:
    """At most so many characters; what is cut ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut_lines(lines: list[str], limit: int = LONGEST_TEXT) -> str:
    """As many whole lines as fit, and a last one that says how many were left out."""
    text = "\n".join(lines)
    if len(text) <= limit:
        return text
    note = "\n\n{} more lines are in the flow run."
    kept: list[str] = []
    length = len(note) + 10
    for line in lines:
        length += len(line) + 1
        if length > limit:
            break
        kept.append(line)
    return "\n".join(kept) + note.format(len(lines) - len(kept))
