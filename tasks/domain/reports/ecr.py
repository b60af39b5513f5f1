"""Amazon ECR's answer to DescribeImageScanFindings, of basic and of enhanced scanning (Inspector).

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from collections.abc import Iterator

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending

_SEVERITIES = {
    "INFORMATIONAL": Severity.INFO,
    "LOW": Severity.LOW,
    "MEDIUM": Severity.MEDIUM,
    "HIGH": Severity.HIGH,
    "CRITICAL": Severity.CRITICAL,
}


class _Camel(Part):
    model_config = ConfigDict(alias_generator=to_camel)


class _Attribute(_Camel):
    key: str
    value: str = ""


class _Basic(_Camel):
    name: str
    description: str = ""
    severity: str = ""
    attributes: tuple[_Attribute, ...] = ()


class _Package(_Camel):
    name: str = ""
    version: str = ""
    file_path: str = ""
    fixed_in_version: str = ""


class _PackageDetails(_Camel):
    vulnerability_id: str
    vulnerable_packages: tuple[_Package, ...] = ()
    related_vulnerabilities: tuple[str, ...] = ()


class _Enhanced(_Camel):
    title: str = ""
    severity: str = ""
    status: str = "ACTIVE"
    fix_available: str = ""
    details: _PackageDetails | None = Field(None, alias="packageVulnerabilityDetails")


class _Findings(_Camel):
    findings: list[_Basic] | None = None
    enhanced_findings: list[_Enhanced] | None = None


class _Status(_Camel):
    status: str
    description: str = ""


class _Answer(_Camel):
    image_scan_status: _Status
    image_scan_findings: _Findings | None = None
    next_token: str | None = None


def decide_scan(status: str, description: str = "") -> Verdict:
    """Whether the findings can be read; ACTIVE is how an enhanced scan says that it is done, and goes on watching."""
    if status in {"COMPLETE", "ACTIVE"}:
        return passed("The image is scanned.")
    if status in {"PENDING", "IN_PROGRESS"}:
        return pending(f"ECR still scans the image ({status}).")
    why = f": {one_line(description)}" if description else ""
    return failed(f"ECR could not scan the image ({status}){why}; look at the repository's scan settings.")


def parse_ecr(report: bytes, expected: str) -> tuple[Finding, ...]:
    """What ECR found in one image; the findings of all pages must stand in one. Raises InvalidReport."""
    whole = read_json(report, expected, _Answer, kind="ECR's scan findings")
    verdict = decide_scan(whole.image_scan_status.status, whole.image_scan_status.description)
    if verdict.outcome is not Outcome.PASSED:
        raise InvalidReport(f"{expected}: {verdict.reason}")
    if whole.next_token:
        raise InvalidReport(f"{expected} is only one page of the findings; join all pages")
    if whole.image_scan_findings is None:
        raise InvalidReport(f"{expected} has no imageScanFindings, not even none; ask ECR again")
    basic = (_basic(one) for one in whole.image_scan_findings.findings or ())
    enhanced = (one for each in whole.image_scan_findings.enhanced_findings or () for one in _enhanced(each))
    return tuple({(one.rule, one.package, one.file): one for one in (*basic, *enhanced)}.values())


def _basic(one: _Basic) -> Finding:
    attributes = {attribute.key: attribute.value for attribute in one.attributes}
    package = attributes.get("package_name", "")
    return Finding(
        tool="ECR",
        rule=one.name,
        severity=_SEVERITIES.get(one.severity, Severity.UNKNOWN),
        message=one_line(one.description, 200) or one.name,
        kind=Kind.VULNERABILITY,
        package=f"{package} {attributes.get('package_version', '')}".strip(),
        identity=package,
    )


def _enhanced(one: _Enhanced) -> Iterator[Finding]:
    if one.status != "ACTIVE":
        return
    details = one.details or _PackageDetails(vulnerabilityId=one.title or "unnamed")
    fixable = {"YES": True, "PARTIAL": True, "NO": False}.get(one.fix_available)
    for package in details.vulnerable_packages or (_Package(),):
        fixed = package.fixed_in_version.replace("NotAvailable", "")
        fix = f"; fixed in {fixed}" if fixed else ""
        yield Finding(
            tool="ECR",
            rule=details.vulnerability_id,
            severity=_SEVERITIES.get(one.severity, Severity.UNKNOWN),
            message=(one_line(one.title, 200) or details.vulnerability_id) + fix,
            file=package.file_path,
            kind=Kind.VULNERABILITY,
            package=f"{package.name} {package.version}".strip(),
            fixable=fixable,
            aliases=tuple(details.related_vulnerabilities),
            identity=package.name,
        )
