"""Where each toolchain keeps what it fetched, so that the next run need not fetch it again."""

from collections.abc import Mapping

from tasks.domain.toolchain.recognition import ToolchainName

_VARIABLES: Mapping[ToolchainName, dict[str, str]] = {
    "python": {"PIP_CACHE_DIR": "{folder}/pip", "UV_CACHE_DIR": "{folder}/uv"},
    "node": {"npm_config_cache": "{folder}/npm"},
    # A JVM property, because Maven before 3.9 reads no arguments from the environment.
    "maven": {"MAVEN_OPTS": "-Dmaven.repo.local={folder}/maven"},
    "gradle": {"GRADLE_USER_HOME": "{folder}/gradle"},
    # Go makes what it fetches read-only, and then nobody can remove it.
    "go": {"GOMODCACHE": "{folder}/modules", "GOCACHE": "{folder}/build", "GOFLAGS": "-modcacherw"},
}


# SonarQube's scanners, of whatever toolchain, bring a JRE and an engine here, some 200 MB.
_FOR_ALL = {"SONAR_USER_HOME": "{folder}/sonar"}


def cache_environment(toolchain: ToolchainName, folder: str) -> dict[str, str]:
    """The variables with which the toolchain's programs use this folder."""
    return {name: value.replace("{folder}", folder) for name, value in (_VARIABLES[toolchain] | _FOR_ALL).items()}
