"""What the server hands to scanners that bring no engine of their own: our scanner as the engine, and a "JRE" for it.

Real scanners download both, compare their SHA-256, unpack the JRE, and run `java -jar ENGINE` with all settings on its
standard input; here `java` is a line of shell that starts Python.
https://docs.sonarsource.com/sonarqube-server/latest/analyzing-source-code/scanners/scanner-environment/general-requirements
"""

import hashlib
import io
import shlex
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deployments.sandbox.sonarqube import scanner

JRE_ID = "sandbox-jre"
_JAVA = """#!/bin/sh
while [ "$1" != -jar ]; do shift; done
exec {python} -I "$2" --engine
"""


@dataclass(frozen=True)
class Download:
    """A file that scanners fetch."""

    filename: str
    content: bytes

    def view(self) -> dict[str, str]:
        """As the API describes it."""
        return {"filename": self.filename, "sha256": hashlib.sha256(self.content).hexdigest()}


@cache
def engine() -> Download:
    """The scanner that this sandbox has anyway."""
    return Download("sonar-scanner-engine.jar", Path(scanner.__file__).read_bytes())


@cache
def jre() -> Download:
    """An archive with bin/java, always the same bytes."""
    java = _JAVA.format(python=shlex.quote(sys.executable)).encode()
    entry = tarfile.TarInfo("bin/java")
    entry.size, entry.mode = len(java), 0o755
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(entry, io.BytesIO(java))
    return Download("sandbox-jre.tar.gz", packed.getvalue())


def jre_view(os_name: str, architecture: str) -> dict[str, str]:
    """The JRE for this machine, as the API describes it."""
    return {"id": JRE_ID, **jre().view(), "javaPath": "bin/java", "os": os_name, "arch": architecture}
