"""What a Node application is checked with: its lint script, its tests with coverage, and npm audit."""

import json
from collections.abc import Mapping

from tasks.domain.gates.check import Check, Reports
from tasks.domain.toolchain.recognition import TreeFacts

_REPORTS = "build/reports"
# Node 20 measures the tests too; they are no code that has to be tested.
_WITHOUT_TESTS = (
    "awk '/^SF:/ { keep = !($0 ~ /(^SF:|\\/)(tests?|__tests__)\\// || $0 ~ /\\.(test|spec)\\.[a-z]+$/) }"
    " /^TN:/ { next } keep'"
)
_NODE = f"""mkdir -p {_REPORTS}
code=0
node --test --experimental-test-coverage --test-reporter=spec --test-reporter-destination=stdout \\
  --test-reporter=junit --test-reporter-destination={_REPORTS}/junit.xml \\
  --test-reporter=lcov --test-reporter-destination="$TMPDIR/lcov.info" || code=$?
{_WITHOUT_TESTS} "$TMPDIR/lcov.info" > {_REPORTS}/lcov.info
exit $code"""
_INSTALL = """if [ ! -f package-lock.json ] && [ ! -f npm-shrinkwrap.json ]; then
  echo "package-lock.json is missing; run npm install, and commit it"; exit 1
fi
exec npm ci --no-audit --no-fund"""
# npm itself would wait for a registry that says nothing for a quarter of an hour; the check is tried twice.
_AUDIT = f"""mkdir -p {_REPORTS}
npm audit --json --fetch-retries=0 --fetch-timeout=60000 > {_REPORTS}/npm-audit.json"""
_VITEST = (
    "exec npx --no-install vitest run --reporter=default --reporter=junit --outputFile.junit={reports}/junit.xml"
    " --coverage.enabled --coverage.reporter=lcovonly --coverage.reportsDirectory={reports}"
)
_JEST = (
    "JEST_JUNIT_OUTPUT_FILE={reports}/junit.xml JEST_JUNIT_REPORT_TEST_SUITE_ERRORS=true"
    " exec npx --no-install jest --ci --reporters=default --reporters=jest-junit"
    " --coverage --coverageReporters=lcovonly --coverageDirectory={reports}"
)


def node_checks(tree: TreeFacts) -> dict[str, Check]:
    """npm needs the lock file, and a `lint` script: without either its check fails, so that taking it out is seen."""
    return {
        "install": Check(command=("sh", "-ec", _INSTALL), before_others=True, retries=1),
        "lint": Check(command=("npm", "run", "lint"), timeout_seconds=600),
        "tests": Check(
            command=("sh", "-ec", _tests(tree).replace("{reports}", _REPORTS)),
            timeout_seconds=1800,
            reports=Reports(junit=f"{_REPORTS}/junit.xml", lcov=f"{_REPORTS}/lcov.info"),
        ),
        "audit": Check(
            command=("sh", "-ec", _AUDIT),
            timeout_seconds=600,
            retries=1,
            exit_codes=(0, 1),
            reports=Reports(npm_audit=f"{_REPORTS}/npm-audit.json"),
        ),
    }


def _tests(tree: TreeFacts) -> str:
    """The test runner that package.json names; Node's own where it names none."""
    try:
        package = json.loads(tree.texts.get("package.json", ""))
    except (ValueError, RecursionError):
        return _NODE
    parts = [package.get(kind) for kind in ("dependencies", "devDependencies")] if isinstance(package, Mapping) else []
    packages = {name for part in parts if isinstance(part, Mapping) for name in part}
    if "vitest" in packages:
        return _VITEST
    return _JEST if "jest" in packages else _NODE
