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

{{- /* Of pods: what changes with each version of the chart would restart them without need. */ -}}
{{- define "koreconcile.podLabels" -}}
{{ include "koreconcile.selectorLabels" . }}
app.kubernetes.io/component: controller
app.kubernetes.io/part-of: koreconcile
{{- end }}

{{- define "koreconcile.labels" -}}
{{ include "koreconcile.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Of the pod of `helm test`: no Service and no policy of the controller selects it. */ -}}
{{- define "koreconcile.testLabels" -}}
app.kubernetes.io/name: {{ include "koreconcile.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
app.kubernetes.io/part-of: koreconcile
{{- end }}

{{- define "koreconcile.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "koreconcile.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "koreconcile.image" -}}
{{- $_ := required "image.repository is empty, and no image is published: build one (docs/guides/kubernetes-install.md) and set image.repository=registry.example.com/koreconcile" .Values.image.repository }}
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

{{- /* What cannot work is refused before anything is installed: a release that has failed is in the way of the next try. */ -}}
{{- define "koreconcile.check" -}}
{{- if .Values.clusterWide }}
{{- if .Values.accountNamespaces }}
{{- fail "clusterWide watches every namespace: leave accountNamespaces empty" }}
{{- end }}
{{- if not .Values.secretNames }}
{{- fail "clusterWide needs secretNames: without it the controller could read every Secret of the cluster" }}
{{- end }}
{{- else if lookup "v1" "Namespace" "" "default" }}
{{- range .Values.accountNamespaces }}
{{- if and (ne . $.Release.Namespace) (not (lookup "v1" "Namespace" "" .)) }}
{{- fail (printf "namespace %s of accountNamespaces does not exist: kubectl create namespace %s" . .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.caBundle.configMap .Values.caBundle.secret }}
{{- fail "caBundle has a configMap and a secret: name one of them" }}
{{- end }}
{{- end }}
