"""What a Maven application is checked with: PMD, and its tests with JaCoCo."""

from tasks.domain.gates.check import Check, Reports

# Named with their versions, so that the same commit is checked with the same tools; no entry in pom.xml is needed.
_JACOCO = "org.jacoco:jacoco-maven-plugin:0.8.12"
_PMD = "org.apache.maven.plugins:maven-pmd-plugin:3.26.0"
_MAVEN = ("mvn", "--batch-mode", "--no-transfer-progress")


def maven_checks() -> dict[str, Check]:
    """Nothing audits what pom.xml names without a database of its own: add a check with Trivy, say, for that."""
    return {
        "lint": Check(command=(*_MAVEN, f"{_PMD}:check"), timeout_seconds=900),
        "tests": Check(
            command=(*_MAVEN, f"{_JACOCO}:prepare-agent", "verify", f"{_JACOCO}:report"),
            timeout_seconds=3600,
            reports=Reports(junit="**/target/surefire-reports/TEST-*.xml", jacoco="**/target/site/jacoco/jacoco.xml"),
        ),
    }
