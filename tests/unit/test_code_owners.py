"""Whose file it is, by GitHub's documentation of CODEOWNERS."""

import pytest

from tasks.domain.promotion.code_owners import CodeOwners, owners_of

FILE = "apps/shop-api/values-production.yaml"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", FILE, True),
        ("*.yaml", FILE, True),
        ("*.yml", FILE, False),
        ("values-*.yaml", FILE, True),
        ("/apps/", FILE, True),
        ("apps/", f"old/{FILE}", True),
        ("/apps/", f"old/{FILE}", False),
        ("apps/shop-api", FILE, True),
        ("apps/shop-api", f"old/{FILE}", False),
        ("/apps/shop-api/values-production.yaml", FILE, True),
        ("apps/shop", FILE, False),
        ("shop-api", FILE, True),
        ("shop-api/", FILE, True),
        ("values-production.yaml/", FILE, False),
        # What lies in the folder, but not below it.
        ("docs/*", "docs/getting-started.md", True),
        ("docs/*", "docs/build-app/troubleshooting.md", False),
        ("apps/*/values-*.yaml", FILE, True),
        ("apps/*.yaml", FILE, False),
        ("**/logs", "build/logs/today.txt", True),
        ("**/logs", "logs/today.txt", True),
        ("apps/**", FILE, True),
        ("apps/**/values-production.yaml", FILE, True),
        ("/**/values-production.yaml", FILE, True),
        ("apps/shop?api/*", FILE, True),
        ("Apps/", FILE, False),
        ("a.b", "aXb", False),
        ("with\\ blank/", "with blank/file", True),
    ],
)
def test_a_pattern_matches_as_documented(pattern: str, path: str, matches: bool) -> None:
    assert owners_of(path, f"{pattern} @ada\n") == (CodeOwners(("ada",)) if matches else CodeOwners())


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("* @ada\n*.yaml @ben @acme/ops\n", CodeOwners(("ben",), ("acme/ops",))),
        ("*.yaml @ben\n* @ada\n", CodeOwners(("ada",))),
        ("* @ada\n/apps/shop-api/\n", CodeOwners()),
        ("* @ada # @ben is away\n", CodeOwners(("ada",))),
        ("# * @ada\n", CodeOwners()),
        ("* ada@example.org @ben @ben\n", CodeOwners(("ben",))),
        ("", CodeOwners()),
    ],
)
def test_the_last_line_that_matches_says_who(text: str, owners: CodeOwners) -> None:
    assert owners_of(FILE, text) == owners


@pytest.mark.parametrize("line", ["!*.yaml @ben", "[a-z]* @ben", "* ben", "* @ben @-x", "* @acme/ops/more"])
def test_a_line_that_github_does_not_understand_is_passed_over(line: str) -> None:
    assert owners_of(FILE, f"* @ada\n{line}\n") == CodeOwners(("ada",))
