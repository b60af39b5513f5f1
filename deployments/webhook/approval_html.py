"""The approval page as HTML; everything from elsewhere in it is escaped, and it loads and runs nothing."""

from html import escape

from markdown_it import MarkdownIt

from deployments.answers import OpenQuestion

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
pre { background: #f3f5f8; padding: .75rem; overflow-x: auto } code { font-size: .9em }
blockquote { border-left: 4px solid #c77700; margin: 1rem 0; padding: .1rem 1rem; background: #fff7e8 }
form { border-top: 1px solid #ccd3dd; margin-top: 2rem; padding-top: 1rem }
label { display: block } input { width: 100%; font: inherit; padding: .4rem; box-sizing: border-box }
button { font: inherit; padding: .5rem 1.5rem; margin: 1rem .5rem 0 0 }
"""
# No script, no picture, no frame around it: nothing can click on the page but the person before it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def question_html(question: OpenQuestion, user: str, token: str) -> str:
    """The decision packet, and a form with two buttons under the name that the proxy gave."""
    packet = MarkdownIt("commonmark", {"html": False}).render(question.page)
    return _page(
        question.name,
        f"""{packet}
<form method="post">
<input type="hidden" name="token" value="{escape(token)}">
<label>Comment <input name="comment" maxlength="500"></label>
<p>You are signed in as <strong>{escape(user)}</strong>.</p>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button>
</form>""",
    )


def answered_html(question: OpenQuestion, user: str, decision: str) -> str:
    """What was answered, and where one sees whether it counts."""
    said = f"<p>{escape(user)} answered <strong>{escape(decision)}</strong>.</p>"
    link = f'<p>Whether it counts is seen at <a href="{escape(question.url)}">the run</a>.</p>'
    return _page(question.name, f"<h2>{escape(question.name)}</h2>{said}{link}")


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
