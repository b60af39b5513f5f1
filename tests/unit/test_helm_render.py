"""The sandbox's Helm renders like the real one, or says what it cannot render."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.argocd.render import RenderError, render_chart
from deployments.sandbox.argocd.strict_yaml import dump, load_documents
from deployments.sandbox.seed import gitops_files

DIGEST = "sha256:" + "ab" * 32
VALUES = """
big: 1000000
half: 0.5
one: 1
minus: -5
yesish: "yes"
text: a "quoted" word
nothing: null
empty: {}
flag: true
list: [1, two, {three: 3}]
map: {b: 1, a: {deep: "07"}}
name: web
"""
# What prints the same here and in Helm; HELM_CHART is the manifest's value after `v: `.
SAME = [
    "{{ .Values.one }}",
    "{{ .Values.minus }}",
    "{{ .Values.half }}",
    "{{ .Values.flag }}",
    "{{ .Values.text | quote }}",
    "{{ .Values.missing }}",
    "{{ .Values.missing | quote }}",
    "{{ squote (quote .Values.name 1 nil) }}",
    "{{ squote .Values.name }}",
    "{{ .Values.name | upper | lower | quote }}",
    '{{ default "other" .Values.missing }}',
    '{{ .Values.one | default 5 }}{{ default "d" 0 }}{{ default "d" false }}{{ default "x" }}',
    '{{ printf "%s-%v-%d-%q%%" .Values.name .Values.one 3 "q" | squote }}',
    '{{ "a" | printf "%s%s" "b" }}',
    '{{ trunc 3 "abcdef" }}{{ trunc -2 "abcdef" }}{{ trunc 9 "abc" }}',
    '{{ trimSuffix "-" "a--" }}{{ trimPrefix "x" "xy" }}{{ trim " z " }}',
    '{{ replace "a" "b" "banana" }}{{ contains "an" "banana" }}{{ hasPrefix "b" "a" }}{{ hasSuffix "a" "a" }}',
    '{{ eq .Values.name "web" }}{{ ne .Values.name "web" }}{{ eq "a" "b" "a" }}{{ eq nil .Values.missing }}',
    '{{ eq (int .Values.one) 1 }}{{ gt 2 1 }}{{ ge (int .Values.one) 2 }}{{ lt "a" "b" }}{{ le 1 1 }}',
    "{{ int .Values.big }}{{ .Values.half | int }}",
    '{{ ternary "yes" "no" .Values.flag | quote }}{{/* a comment }} */}}',
    '{{ and .Values.one .Values.name }}{{ and .Values.missing .Values.missing.x }}{{ or 0 "z" }}{{ not .Values.one }}',
    '{{ hasKey .Values "nothing" }}{{ hasKey .Values.map "x" }}{{ empty .Values.empty }}',
    '{{ required "needed" .Values.name }}{{ required "needed" 0 }}',
    "{{ (dict `a` 1).a }}{{ .Values.map.a.deep | quote }}",
    '{{ if .Values.empty }}a{{ else if eq .Values.name "web" }}b{{ else }}c{{ end }}',
    "{{ with .Values.map }}{{ .b }}{{ $.Values.name }}{{ end }}",
    "{{ with .Values.empty }}x{{ else }}{{ .Values.one }}{{ end }}",
    "{{ range $k, $v := .Values.map.a }}{{ $k }}-{{ $v }}{{ end }}{{ range .Values.empty }}{{ else }}none{{ end }}",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ $y }}{{ end }}{{ $x }}",
    "{{ range $i, $v := list `a` `b` }}{{ $i }}{{ $v }}{{ end }}",
    "[ {{- range .Values.list }} {{ toYaml . | quote }}, {{- end }} ]",
    "{{ .Release.Name }}-{{ .Release.Namespace }}-{{ .Release.Service }}-{{ .Chart.Name }}-{{ .Chart.Version }}",
    "{{ include `chart.greeting` . }}",
    "{{- toYaml .Values | nindent 4 }}",
    "\n{{ toYaml .Values.list | indent 2 }}",
    "{{ toYaml .Values.yesish }}",
]
HELPERS = """
{{- define "chart.greeting" -}}
{{- $who := .Values.name -}}
hello-{{ $who }}{{ with .Values.missing }}!{{ end }}
{{- end -}}
"""
CHART = "apiVersion: v2\nname: chart\nversion: 0.1.0\nappVersion: '7'\n"


def chart_files(template: str, *, values: str = VALUES, **more: str) -> dict[str, str]:
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\nv: {template}\n"
    return {
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": values,
        "chart/templates/_helpers.tpl": HELPERS,
        "chart/templates/one.yaml": manifest,
    } | more


def rendered(files: dict[str, str], **options: Any) -> list[dict[str, Any]]:
    return render_chart(files, "chart", release_name="shop", namespace="staging", **options)


def value_of(template: str, **options: Any) -> Any:
    return rendered(chart_files(template), **options)[0]["v"]


def helm_template(folder: Path, files: dict[str, str], chart: str, *arguments: str) -> list[Any]:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    command = ["helm", "template", "shop", chart, "--namespace", "staging", *arguments]
    return load_documents(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)


needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on the PATH")


@needs_helm
@pytest.mark.parametrize("template", SAME)
def test_a_template_renders_as_helm_renders_it(tmp_path: Path, template: str) -> None:
    files = chart_files(template)

    assert rendered(files) == helm_template(tmp_path, files, "chart")


@needs_helm
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_sample_chart_renders_as_helm_renders_it(tmp_path: Path, environment: str) -> None:
    files = gitops_files("https://git.test/gitops.git", "registry.test/shop-api", DIGEST, "1" * 40)
    values = f"apps/shop-api/values-{environment}.yaml"

    by_helm = helm_template(tmp_path, files, "charts/service", "--values", values)

    mine = render_chart(
        files, "charts/service", value_files=[f"../../{values}"], release_name="shop", namespace="staging"
    )
    # Helm sorts by kind, the sandbox by file; Argo CD sorts them once more.
    assert sorted(mine, key=str) == sorted(by_helm, key=str)


@needs_helm
def test_values_are_merged_as_helm_merges_them(tmp_path: Path) -> None:
    over = "map: {a: null, c: [2]}\nlist: []\nempty: {now: full}\nname:\n  was: a text\none: null\n"
    files = chart_files("{{ toYaml .Values | nindent 2 }}", **{"over.yaml": over, "last.yaml": "one: 11\nmap: null\n"})
    arguments = ["--values", "over.yaml", "--values", "last.yaml", "--set", "flag=false,half=3,new.deep=x,text=null"]

    parameters = {"flag": "false", "half": "3", "new.deep": "x", "text": "null"}
    mine = rendered(files, value_files=["../over.yaml", "../last.yaml"], parameters=parameters)

    assert mine == helm_template(tmp_path, files, "chart", *arguments)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ .Values.name }}", "web"),
        ("{{ .Values.missing | quote }}", None),
        ('{{ printf "%s:%v" .Values.name .Values.one | quote }}', "web:1"),
        ("a {{- /* comment */ -}}   b", "ab"),
        ("{{ if and .Values.flag (not .Values.empty) }}yes-it-is{{ end }}", "yes-it-is"),
        ("{{- toYaml .Values.map | nindent 2 }}", {"a": {"deep": "07"}, "b": 1}),
        ("{{ include `chart.greeting` . }}", "hello-web"),
        ("{{ range $k, $v := .Values.map.a }}{{ $k }}={{ $v }}{{ end }}", "deep=07"),
        ("{{ .Release.Name }}/{{ .Release.Namespace }}", "shop/staging"),
        ("{{ .Chart.AppVersion | quote }}", "7"),
    ],
)
def test_the_usual_constructs_are_rendered(template: str, value: Any) -> None:
    assert value_of(template) == value


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ('{{ lookup "v1" "Pod" "a" "b" }}', 'yaml:5: {{ lookup "v1" "Pod" "a" "b" }}: the function \'lookup\''),
        ("{{ tpl .Values.name . }}", "the function 'tpl' is not rendered by the sandbox"),
        ("{{ .Capabilities.KubeVersion }}", ".Capabilities is not rendered by the sandbox"),
        ('{{ .Files.Get "x" }}', "one.yaml:5"),
        ("{{ .Chart.Maintainers }}", ".Maintainers is not rendered by the sandbox"),
        ('{{ template "chart.greeting" . }}', "template is not rendered by the sandbox"),
        ("{{ range .Values.list }}{{ break }}{{ end }}", "break is not rendered by the sandbox"),
        ("{{ include `nobody` . }}", "no template 'nobody' is defined"),
        ("{{ .Values.missing.deeper }}", "nil pointer evaluating interface {}.deeper"),
        ("{{ .Values.name.deeper }}", "can't evaluate field deeper"),
        ("{{ .Values.big }}", "Helm prints 1000000 in scientific notation"),
        ("{{ .Values.map }}", "a mapping is printed; use toYaml for it"),
        ("{{ eq .Values.one 1 }}", "a number and a whole number cannot be compared"),
        ('{{ printf "%d" .Values.one }}', "%d does not fit a number"),
        ('{{ printf "%s" .Values.missing }}', "%s does not fit a nil"),
        ('{{ printf "%s" "a" "b" }}', "printf has more values"),
        ("{{ upper .Values.one }}", "a text is needed, and this is a number"),
        ('{{ required "say which" .Values.missing }}', "say which"),
        ('{{ "a" "b" }}', "a value that is no function has arguments"),
        ("{{ quote | .Values.name }}", "only a function can stand behind a bar"),
        ("{{ trunc 3 }}", "the number of arguments is not what the function takes"),
        ("{{ $nobody }}", "the variable $nobody is not declared"),
        ("{{ if .Values.one }}", "nothing ends this block; add {{ end }}"),
        ("{{ end }}", "there is no block here that it belongs to"),
        ("{{ if .Values.one }}{{ else }}{{ else }}{{ end }}", "the block has an else already"),
        ("{{ .Values.name", "one.yaml:5: {{: an action begins here that does not end"),
        ("{{ .Values.name ? }}", "'?' is not understood by the sandbox"),
        ("{{ (quote 1 }}", "a parenthesis is not closed"),
        ("{{ }}", "a value is missing"),
        ("no", "line 5: no means different things to different readers; quote it"),
        ("0777", "0777 means different things"),
        ("2026-01-02", "2026-01-02 means different things"),
        ("[", "what it renders to is not YAML that can be relied on: line"),
    ],
)
def test_what_cannot_be_rendered_names_file_line_and_construct(template: str, complaint: str) -> None:
    with pytest.raises(RenderError) as refusal:
        value_of(template)

    assert complaint in str(refusal.value)
    assert str(refusal.value).startswith("chart/templates/one.yaml")


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"chart/Chart.yaml": "name: chart"}, "only application charts of apiVersion v1 and v2"),
        ({"chart/Chart.yaml": CHART + "dependencies: [{name: x}]"}, "dependencies are not rendered by the sandbox"),
        ({"chart/Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.5"}, "version is not a text; quote it"),
        ({"chart/charts/sub/Chart.yaml": CHART}, "chart/charts is not rendered by the sandbox"),
        ({"chart/values.schema.json": "{}"}, "chart/values.schema.json is not rendered by the sandbox"),
        ({"chart/values.yaml": "- 1"}, "chart/values.yaml: the values are no mapping"),
        ({"chart/values.yaml": "a: 1\na: 2"}, "chart/values.yaml: line 2: found duplicate key"),
        ({"chart/templates/two.yaml": "kind: Thing"}, "two.yaml: Object 'apiVersion' is missing"),
        ({"chart/templates/two.tpl": HELPERS}, "'chart.greeting' is defined in another file too"),
        ({"chart/templates/_x.tpl": '{{ define "r" }}{{ include "r" . }}{{ end }}'}, None),
    ],
)
def test_a_chart_that_is_not_understood_is_refused(more: dict[str, str], complaint: str | None) -> None:
    if complaint is None:
        assert rendered(chart_files("x", **more))[0]["v"] == "x"
        return
    with pytest.raises(RenderError) as refusal:
        rendered(chart_files("x", **more))

    assert complaint in str(refusal.value)


def test_templates_that_include_each_other_without_end_are_refused() -> None:
    files = chart_files(
        "{{ include `a` . }}", **{"chart/templates/_x.tpl": "{{ define `a` }}{{ include `a` . }}{{ end }}"}
    )

    with pytest.raises(RenderError, match="templates include each other without an end"):
        rendered(files)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing.yaml", "open chart/missing.yaml: no such file or directory"),
        ("../../outside.yaml", "is outside the repository"),
        ("/etc/passwd", "is outside the repository"),
        ("https://else.test/values.yaml", "is outside the repository"),
    ],
)
def test_a_value_file_that_is_not_there_is_named(name: str, complaint: str) -> None:
    with pytest.raises(RenderError) as refusal:
        value_of("x", value_files=[name])

    assert complaint in str(refusal.value)


@pytest.mark.parametrize("parameters", [{"a[0]": "x"}, {"a..b": "x"}, {"a": "{1,2}"}, {"": "x"}])
def test_a_parameter_that_is_no_dotted_name_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(RenderError, match="put it into a value file"):
        value_of("x", parameters=parameters)


def test_later_values_win_and_null_takes_away() -> None:
    files = chart_files("{{ toYaml .Values | nindent 2 }}", values="a: {x: 1, w: 2}\nb: 1\nc: 1\n")
    files |= {"first.yaml": "a: {x: null, z: 3}\nb: {deep: 1}\n", "second.yaml": "c: null\n"}

    [manifest] = rendered(files, value_files=["../first.yaml", "../second.yaml"], parameters={r"d.e\.f": "true"})

    assert manifest["v"] == {"a": {"w": 2, "z": 3}, "b": {"deep": 1}, "d": {"e.f": True}}


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, [2, [], {}], {"b": {"c": None}}], "d": "two\nlines\n", "e": "", "yes": "no", "f": 0.5},
        ["- x", "# y", "a: b", "07", "1e3", "true", "~", "é", "x\x07", " s ", "@t", "a\\b"],
        "word",
        {},
    ],
)
def test_what_is_written_as_yaml_reads_back_the_same(value: Any) -> None:
    assert load_documents(dump(value)) == [json.loads(json.dumps(value))]


def test_the_sample_environments_run_the_image_that_they_were_seeded_with() -> None:
    files = gitops_files("https://git.test/gitops.git", "registry.test:5000/shop-api", DIGEST, "1" * 40)

    for environment, replicas in (("staging", 1), ("production", 2)):
        [application] = load_documents(files[f"argocd/shop-api-{environment}.yaml"])
        source = application["spec"]["source"]
        deployment, service = render_chart(
            files,
            source["path"],
            value_files=source["helm"]["valueFiles"],
            release_name=application["metadata"]["name"],
            namespace=application["spec"]["destination"]["namespace"],
        )
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert source["repoURL"] == "https://git.test/gitops.git"
        assert container["image"] == f"registry.test:5000/shop-api:{'1' * 40}@{DIGEST}"
        assert {"name": "ENVIRONMENT", "value": environment} in container["env"]
        assert deployment["spec"]["replicas"] == replicas
        assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]


def test_a_service_without_a_digest_is_refused_by_the_sample_chart() -> None:
    files = gitops_files("https://git.test/gitops.git", "registry.test/shop-api", DIGEST, "main")

    with pytest.raises(RenderError, match=r"image\.repository is missing"):
        render_chart(files, "charts/service", release_name="shop", namespace="staging")


def test_no_token_is_left_in_the_seeded_repository() -> None:
    files = gitops_files("https://git.test/gitops.git", "registry.test/shop-api", DIGEST, "main")

    assert [path for path, text in files.items() if "@IMAGE" in text or "@REPO" in text] == []
    assert {"README.md", "charts/service/Chart.yaml", "argocd/shop-api-production.yaml"} <= files.keys()
