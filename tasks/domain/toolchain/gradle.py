"""What a Gradle application is checked with: its own lint tasks, and its tests with JaCoCo."""

from tasks.domain.gates.check import Check, Reports
from tasks.domain.toolchain.recognition import TreeFacts

# From an init script of the platform's: that a build measures its coverage is not for the build to say. It is written
# for every Gradle since 4, such as Debian's 4.4: tasks by name came with 4.9, `required` with 6.1; and an old Gradle
# that runs on a newer Java than it knew has a JaCoCo that cannot read its classes.
_INIT = """allprojects { project ->
  project.plugins.withId("java") {
    project.pluginManager.apply("jacoco")
    if (GradleVersion.current() < GradleVersion.version("7.0")) { project.jacoco.toolVersion = "0.8.12" }
    project.tasks.withType(Test) { finalizedBy("jacocoTestReport") }
    project.tasks.withType(JacocoReport) {
      reports { if (xml.hasProperty("required")) { xml.required = true } else { xml.enabled = true } }
    }
  }
}
"""
_TESTS = """printf '%s' "$1" > "$TMPDIR/coverage.gradle"
exec {gradle} --no-daemon --console=plain --init-script "$TMPDIR/coverage.gradle" test"""


def gradle_checks(tree: TreeFacts) -> dict[str, Check]:
    """With the repository's wrapper where it has one, else with the Gradle of the worker."""
    gradle = "./gradlew" if "gradlew" in tree.names else "gradle"
    return {
        # What the build's own plugins check, such as Checkstyle and PMD; without the tests, which run beside it.
        "lint": Check(
            command=(gradle, "--no-daemon", "--console=plain", "check", "--exclude-task", "test"), timeout_seconds=1800
        ),
        "tests": Check(
            command=("sh", "-ec", _TESTS.replace("{gradle}", gradle), "tests", _INIT),
            timeout_seconds=3600,
            reports=Reports(
                junit="**/build/test-results/test/TEST-*.xml",
                jacoco="**/build/reports/jacoco/test/jacocoTestReport.xml",
            ),
        ),
    }
