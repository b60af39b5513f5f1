{{/* The name of everything that belongs to this release. */}}
{{- define "service.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels that never change: a Deployment's selector cannot. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "service.labels" -}}
{{ include "service.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.image.tag }}
app.kubernetes.io/version: {{ . | trunc 63 | quote }}
{{- end }}
{{- end -}}

{{/* The strategy of an Argo Rollout; empty where the service is a Deployment. */}}
{{- define "service.strategy" -}}
{{- if .Values.rollout.canary -}}
canary
{{- else if .Values.rollout.blueGreen -}}
blueGreen
{{- end -}}
{{- end -}}

{{/* REPOSITORY[:TAG]@DIGEST */}}
{{- define "service.image" -}}
{{- $repository := required "image.repository is missing" .Values.image.repository -}}
{{- $digest := required "image.digest is missing: only an image by digest is rolled out" .Values.image.digest -}}
{{- if .Values.image.tag -}}
{{- printf "%s:%s@%s" $repository .Values.image.tag $digest -}}
{{- else -}}
{{- printf "%s@%s" $repository $digest -}}
{{- end -}}
{{- end -}}
