"""What a Go application is checked with: gofmt and go vet, and its tests with coverage."""

from tasks.domain.gates.check import Check, Reports

_LINT = """unformatted=$(gofmt -l $(go list -f '{{.Dir}}' ./...))
if [ -n "$unformatted" ]; then echo "gofmt would change: $unformatted"; exit 1; fi
exec go vet ./..."""
_TESTS = """mkdir -p build/reports
go test -json -coverprofile=build/reports/cover.out -coverpkg=./... ./... > build/reports/go-test.json"""


def go_checks() -> dict[str, Check]:
    """-coverpkg counts packages without any test too."""
    return {
        "lint": Check(command=("sh", "-ec", _LINT), timeout_seconds=900),
        "tests": Check(
            command=("sh", "-ec", _TESTS),
            timeout_seconds=1800,
            reports=Reports(go_test="build/reports/go-test.json", go_cover="build/reports/cover.out"),
        ),
    }
