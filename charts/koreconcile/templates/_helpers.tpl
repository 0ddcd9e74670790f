{{- define "koreconcile.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "koreconcile.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else if contains (include "koreconcile.name" .) .Release.Name }}
{{- .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "koreconcile.name" .) | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "koreconcile.selectorLabels" -}}
app.kubernetes.io/name: {{ include "koreconcile.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "koreconcile.labels" -}}
{{ include "koreconcile.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "koreconcile.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "koreconcile.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "koreconcile.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The account namespaces as a JSON object, because a template can give back nothing but text. */ -}}
{{- define "koreconcile.namespaces" -}}
{{- dict "names" (default (list .Release.Namespace) .Values.accountNamespaces) | toJson }}
{{- end }}
