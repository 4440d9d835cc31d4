{{/*
What the Kubeflow Spark operator submits. It knows no exit codes: a driver that failed is started again until
platform.job.backoffLimit, whatever it says.
*/}}
{{- define "sparkhawk.application" -}}
{{- with .root.Values.platform -}}
type: Java
mode: cluster
sparkVersion: 4.2.0
image: {{ include "sparkhawk.image" $.root }}
imagePullPolicy: {{ .image.pullPolicy }}
{{- with .image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
mainClass: io.sparkhawk.driver.cli.Main
mainApplicationFile: {{ .operator.applicationFile | default (printf "local:///opt/sparkhawk/jars/driver-%s.jar" $.root.Chart.AppVersion) }}
arguments:
  {{- toYaml $.arguments | nindent 2 }}
sparkConf:
  {{- include "sparkhawk.sparkSettings" $.root | nindent 2 }}
restartPolicy:
  type: OnFailure
  onFailureRetries: {{ int .job.backoffLimit }}
  onFailureRetryInterval: {{ int .operator.retryIntervalSeconds }}
  onSubmissionFailureRetries: {{ int .job.backoffLimit }}
  onSubmissionFailureRetryInterval: {{ int .operator.retryIntervalSeconds }}
{{- if .job.ttlSecondsAfterFinished }}
timeToLiveSeconds: {{ int .job.ttlSecondsAfterFinished }}
{{- end }}
driver:
  cores: 1
  memory: {{ .driver.heap }}
  memoryOverhead: 1g
  serviceAccount: {{ include "sparkhawk.driverAccount" $.root }}
  template:
    {{- include "sparkhawk.driverPod" (dict "root" $.root "command" (list)) | nindent 4 }}
executor:
  instances: {{ include "sparkhawk.workers" $.root }}
  cores: {{ int .executor.cores }}
  memory: {{ include "sparkhawk.workerMemory" $.root }}
  memoryOverhead: {{ .executor.memoryOverhead }}
  serviceAccount: {{ include "sparkhawk.executorAccount" $.root }}
  template:
    {{- include "sparkhawk.executorPod" $.root | nindent 4 }}
{{- end -}}
{{- end -}}
