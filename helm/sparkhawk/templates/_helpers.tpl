{{/*
Names. What Kubernetes appends to them (hashes, ordinals) has to fit into 63 characters; a release's name may have dots,
a service's may not.
*/}}
{{- define "sparkhawk.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | replace "." "-" | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sparkhawk.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The chart's version is no label of pods: they would be replaced when nothing about them has changed. */}}
{{- define "sparkhawk.labels" -}}
{{ include "sparkhawk.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "sparkhawk.driverAccount" -}}
{{- $account := .Values.platform.serviceAccounts.driver -}}
{{- $account.name | default (ternary (printf "%s-driver" (include "sparkhawk.fullname" .)) "default" $account.create) -}}
{{- end -}}

{{- define "sparkhawk.executorAccount" -}}
{{- $account := .Values.platform.serviceAccounts.executor -}}
{{- $account.name | default (ternary (printf "%s-executor" (include "sparkhawk.fullname" .)) "default" $account.create) -}}
{{- end -}}

{{- define "sparkhawk.image" -}}
{{- with .Values.platform.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the driver may do. Spark's other requests are turned off in sparkhawk.sparkSettings. */}}
{{- define "sparkhawk.driverRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [create, get, list, watch, delete, deletecollection]
{{- end -}}

{{/* The run's file: what the values say, and what follows from the platform. */}}
{{- define "sparkhawk.run" -}}
{{- $device := ternary "gpu" "cpu" .Values.platform.gpu.enabled -}}
{{- $run := deepCopy .Values.run -}}
{{- if ne (get $run "device" | default $device) $device -}}
{{- fail (printf "run.device is %s, but platform.gpu.enabled is %t: leave run.device out, or make them agree." $run.device .Values.platform.gpu.enabled) -}}
{{- end -}}
{{- $cores := int .Values.platform.executor.cores -}}
{{- toYaml (merge $run (dict "device" $device "threads-per-worker" $cores "local-cache" "/var/lib/sparkhawk/cache")) -}}
{{- end -}}

{{/* Settings without a default, each by its path. */}}
{{- define "sparkhawk.requireRun" -}}
{{- range $setting := list "run" "storage" "teacher" "data" "stages" -}}
{{- $given := get $.Values.run $setting -}}
{{- $_ := required (printf "run.%s must be given; docs/configuration.md says what it is." $setting) $given -}}
{{- end -}}
{{- range $setting := list "storage" "teacher" "data" -}}
{{- $given := get $.Values.run $setting -}}
{{- if and $given (not (regexMatch "^(/|[a-z][a-z0-9+.-]*:/)" $given)) -}}
{{- fail (printf "run.%s is %s, which would lie on a volume that goes with its pod: give a URI such as s3a://bucket/folder, or a path on one of platform.storage.claims." $setting $given) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "sparkhawk.workers" -}}
{{- int (.Values.run.workers | default (.Values.retrain.config.training).workers | default 2) -}}
{{- end -}}

{{/* The heap of a worker, as "sparkhawk.workers" finds their number. */}}
{{- define "sparkhawk.workerMemory" -}}
{{- get .Values.run "worker-memory" | default (get (.Values.retrain.config.training | default dict) "worker-memory") | default "1g" -}}
{{- end -}}

{{/* A size of Spark (1g, 1500m) in MiB. */}}
{{- define "sparkhawk.mebibytes" -}}
{{- $size := lower . -}}
{{- $number := regexFind "^[0-9]+" $size | int64 -}}
{{- $unit := regexFind "[kmgt]" $size -}}
{{- if eq $unit "k" }}{{ div $number 1024 }}{{ else if eq $unit "g" }}{{ mul $number 1024 }}{{ else if eq $unit "t" }}{{ mul $number 1048576 }}{{ else }}{{ $number }}{{ end -}}
{{- end -}}

{{- define "sparkhawk.executorMebibytes" -}}
{{- $heap := include "sparkhawk.mebibytes" (include "sparkhawk.workerMemory" .) | int64 -}}
{{- add $heap (include "sparkhawk.mebibytes" .Values.platform.executor.memoryOverhead | int64) -}}
{{- end -}}

{{/* What one executor asks for, times a number of them. */}}
{{- define "sparkhawk.executorResources" -}}
{{- $times := int .times -}}
{{- with .root.Values.platform -}}
cpu: {{ mul $times .executor.cores | quote }}
memory: {{ printf "%dMi" (mul $times (include "sparkhawk.executorMebibytes" $.root | int64)) }}
{{- if .gpu.enabled }}
{{ .gpu.vendor }}/gpu: {{ $times | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Spark's settings, whoever starts the driver. */}}
{{- define "sparkhawk.sparkSettings" -}}
{{- $p := .Values.platform -}}
{{- $s := dict
  "spark.kubernetes.namespace" .Release.Namespace
  "spark.kubernetes.container.image" (include "sparkhawk.image" .)
  "spark.kubernetes.container.image.pullPolicy" $p.image.pullPolicy
  "spark.kubernetes.authenticate.driver.serviceAccountName" (include "sparkhawk.driverAccount" .)
  "spark.kubernetes.authenticate.executor.serviceAccountName" (include "sparkhawk.executorAccount" .)
  "spark.kubernetes.executor.podTemplateContainerName" "spark-kubernetes-executor"
  "spark.kubernetes.executor.request.cores" ($p.executor.cores | toString)
  "spark.executor.cores" ($p.executor.cores | toString)
  "spark.executor.memoryOverhead" $p.executor.memoryOverhead
  "spark.driver.port" ($p.driver.ports.rpc | toString)
  "spark.driver.blockManager.port" ($p.driver.ports.blockManager | toString)
  "spark.blockManager.port" ($p.executor.blockManagerPort | toString)
  "spark.authenticate" "true"
  "spark.network.crypto.enabled" "true"
-}}
{{/* The image holds the configuration, and there are no claims and services of Spark: no right to them is needed. */}}
{{- $_ := set $s "spark.kubernetes.executor.disableConfigMap" "true" -}}
{{- $_ := set $s "spark.kubernetes.driver.ownPersistentVolumeClaim" "false" -}}
{{- $_ := set $s "spark.kubernetes.driver.reusePersistentVolumeClaim" "false" -}}
{{- $_ := set $s "spark.kubernetes.driver.service.deleteOnTermination" "false" -}}
{{/* Training begins with all executors or not at all, so Spark counts as started when all are there. */}}
{{- $_ := set $s "spark.scheduler.minRegisteredResourcesRatio" "1.0" -}}
{{- $_ := set $s "spark.scheduler.maxRegisteredResourcesWaitingTime" $p.executor.startTimeout -}}
{{- with $p.image.pullSecrets }}{{ $_ := set $s "spark.kubernetes.container.image.pullSecrets" (join "," .) }}{{ end -}}
{{- with $p.executor.cpuLimit }}{{ $_ := set $s "spark.kubernetes.executor.limit.cores" . }}{{ end -}}
{{- if $p.gpu.enabled -}}
{{- $_ := set $s "spark.executor.resource.gpu.amount" "1" -}}
{{- $_ := set $s "spark.executor.resource.gpu.vendor" $p.gpu.vendor -}}
{{- $_ := set $s "spark.executor.resource.gpu.discoveryScript" $p.gpu.discoveryScript -}}
{{- $_ := set $s "spark.task.resource.gpu.amount" "1" -}}
{{- end -}}
{{- if $p.gang.scheduler }}{{ $_ := set $s "spark.kubernetes.executor.scheduler.name" $p.gang.scheduler }}{{ end -}}
{{- with $p.storage.endpoint }}{{ $_ := set $s "spark.hadoop.fs.s3a.endpoint" . }}{{ end -}}
{{- with $p.storage.region }}{{ $_ := set $s "spark.hadoop.fs.s3a.endpoint.region" . }}{{ end -}}
{{- if $p.storage.pathStyleAccess }}{{ $_ := set $s "spark.hadoop.fs.s3a.path.style.access" "true" }}{{ end -}}
{{- if $p.storage.credentials.workloadIdentity -}}
{{- $_ := set $s "spark.hadoop.fs.s3a.aws.credentials.provider" "software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider" -}}
{{- end -}}
{{- if $p.monitoring.enabled -}}
{{- $_ := set $s "spark.ui.enabled" "true" -}}
{{- $_ := set $s "spark.ui.port" ($p.driver.ports.ui | toString) -}}
{{- $_ := set $s "spark.ui.killEnabled" "false" -}}
{{- $_ := set $s "spark.ui.prometheus.enabled" "true" -}}
{{- $_ := set $s "spark.metrics.namespace" "sparkhawk" -}}
{{- $_ := set $s "spark.metrics.conf.*.sink.prometheusServlet.class" "org.apache.spark.metrics.sink.PrometheusServlet" -}}
{{- $_ := set $s "spark.metrics.conf.*.sink.prometheusServlet.path" "/metrics/prometheus" -}}
{{- $_ := set $s "spark.metrics.conf.driver.source.jvm.class" "org.apache.spark.metrics.source.JvmSource" -}}
{{- end -}}
{{- range $key, $value := $p.spark }}{{ $_ := set $s $key ($value | toString) }}{{ end -}}
{{- toYaml $s -}}
{{- end -}}

{{/* The same for a driver that the chart starts itself: it is the client, and executors find it by the service. */}}
{{- define "sparkhawk.clientSettings" -}}
{{- $s := include "sparkhawk.sparkSettings" . | fromYaml -}}
{{- $own := dict
  "spark.master" "k8s://https://kubernetes.default.svc:443"
  "spark.submit.deployMode" "client"
  "spark.driver.host" (printf "%s-driver.%s.svc" (include "sparkhawk.fullname" .) .Release.Namespace)
  "spark.kubernetes.executor.podTemplateFile" "/etc/sparkhawk/executor.yaml"
-}}
{{- toYaml (merge $s $own) -}}
{{- end -}}

{{- define "sparkhawk.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int .Values.platform.security.runAsUser }}
runAsGroup: {{ int .Values.platform.security.runAsGroup }}
fsGroup: {{ int .Values.platform.security.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "sparkhawk.containerSecurity" -}}
runAsNonRoot: true
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The S3 credential as Hadoop's chain of providers finds it. */}}
{{- define "sparkhawk.credentialEnv" -}}
{{- with .Values.platform.storage.credentials }}
{{- if .existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .accessKeyField }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .secretKeyField }}
{{- with .sessionTokenField }}
- name: AWS_SESSION_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.platform.storage.credentials.existingSecret }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the values add to a container's environment: the S3 credential, and their own variables. */}}
{{- define "sparkhawk.podEnv" -}}
{{- include "sparkhawk.credentialEnv" .root }}
{{- with .env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sparkhawk.claimVolumes" -}}
{{- range $i, $claim := .Values.platform.storage.claims }}
- name: claim-{{ $i }}
  persistentVolumeClaim:
    claimName: {{ $claim.claim }}
    readOnly: {{ $claim.readOnly | default false }}
{{- end }}
{{- end -}}

{{- define "sparkhawk.claimMounts" -}}
{{- range $i, $claim := .Values.platform.storage.claims }}
- name: claim-{{ $i }}
  mountPath: {{ $claim.mountPath }}
  readOnly: {{ $claim.readOnly | default false }}
{{- end }}
{{- end -}}

{{- define "sparkhawk.pullSecrets" -}}
{{- with .Values.platform.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "sparkhawk.priority" -}}
{{- with .Values.platform.priorityClass.name }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Environment of a container that starts the launcher: Spark's settings come from the config map. */}}
{{- define "sparkhawk.launcherEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: SPARK_LOCAL_IP
  value: $(POD_IP)
- name: SPARKHAWK_DRIVER_MEMORY
  value: {{ .Values.platform.driver.heap | quote }}
- name: SPARKHAWK_JAVA_OPTIONS
  value: "@/etc/sparkhawk/java.options -Dspark.kubernetes.driver.pod.name=$(POD_NAME) -Dspark.driver.bindAddress=$(POD_IP)"
{{- end -}}

{{- define "sparkhawk.driverVolumes" -}}
- name: config
  configMap:
    name: {{ include "sparkhawk.fullname" . }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.platform.driver.scratchSize }}
- name: work
  emptyDir:
    sizeLimit: {{ .Values.platform.driver.scratchSize }}
{{- include "sparkhawk.claimVolumes" . }}
{{- end -}}

{{- define "sparkhawk.driverMounts" -}}
- name: config
  mountPath: /etc/sparkhawk
  readOnly: true
- name: tmp
  mountPath: /tmp
- name: work
  mountPath: /var/lib/sparkhawk
{{- include "sparkhawk.claimMounts" . }}
{{- end -}}

{{- define "sparkhawk.driverLabels" -}}
{{ include "sparkhawk.selectorLabels" . }}
app.kubernetes.io/component: driver
{{- if eq .Values.platform.gang.scheduler "yunikorn" }}
applicationId: {{ include "sparkhawk.fullname" . }}
{{- with .Values.platform.gang.queue }}
queue: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.platform.driver.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* YuniKorn holds places for all executors as soon as it sees the driver, which names the groups. */}}
{{- define "sparkhawk.driverAnnotations" -}}
{{- if eq .Values.platform.gang.scheduler "yunikorn" -}}
{{- $memory := "2Gi" -}}
{{- $cpu := "1" -}}
{{- with .Values.platform.driver.resources.requests -}}
{{- $memory = .memory | default $memory -}}
{{- $cpu = .cpu | default $cpu | toString -}}
{{- end -}}
{{- $driver := dict "name" "driver" "minMember" 1 "minResource" (dict "cpu" $cpu "memory" $memory) -}}
{{- $executors := dict "name" "executor" "minMember" (include "sparkhawk.workers" . | int) "minResource" (include "sparkhawk.executorResources" (dict "root" . "times" 1) | fromYaml) -}}
yunikorn.apache.org/app-id: {{ include "sparkhawk.fullname" . }}
yunikorn.apache.org/task-group-name: driver
yunikorn.apache.org/task-groups: {{ list $driver $executors | toJson | quote }}
yunikorn.apache.org/schedulingPolicyParameters: {{ printf "gangSchedulingStyle=Hard placeholderTimeoutInSeconds=%d" (int .Values.platform.gang.placeholderTimeoutSeconds) }}
{{- end }}
{{- with .Values.platform.driver.annotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
The driver's pod, for a Job, a CronJob (.command set) and the operator, which brings its own command and account.
A driver that failed is not restarted in its pod: the job decides by the exit code.
*/}}
{{- define "sparkhawk.driverPod" -}}
{{- $root := .root -}}
{{- with .root.Values.platform -}}
metadata:
  labels:
    {{- include "sparkhawk.driverLabels" $root | nindent 4 }}
  {{- with include "sparkhawk.driverAnnotations" $root | trim }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- if $.command }}
  restartPolicy: Never
  serviceAccountName: {{ include "sparkhawk.driverAccount" $root }}
  {{- with include "sparkhawk.pullSecrets" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- end }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int .driver.terminationGracePeriodSeconds }}
  {{- if eq .gang.scheduler "yunikorn" }}
  schedulerName: yunikorn
  {{- end }}
  {{- with include "sparkhawk.priority" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- include "sparkhawk.podSecurity" $root | nindent 4 }}
  {{- with .driver.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .driver.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .driver.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ ternary "driver" "spark-kubernetes-driver" (not (empty $.command)) }}
      image: {{ include "sparkhawk.image" $root }}
      imagePullPolicy: {{ .image.pullPolicy }}
      {{- if $.command }}
      command: [/opt/sparkhawk/bin/sparkhawk]
      args:
        {{- toYaml $.command | nindent 8 }}
      {{- end }}
      workingDir: /var/lib/sparkhawk
      {{- $launcher := ternary (include "sparkhawk.launcherEnv" $root) "" (not (empty $.command)) }}
      {{- with list $launcher (include "sparkhawk.podEnv" (dict "root" $root "env" .driver.env) | trim) | compact | join "\n" }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      {{- if $.command }}
      ports:
        - name: rpc
          containerPort: {{ int .driver.ports.rpc }}
        - name: blockmanager
          containerPort: {{ int .driver.ports.blockManager }}
        {{- if .monitoring.enabled }}
        - name: ui
          containerPort: {{ int .driver.ports.ui }}
        {{- end }}
      resources:
        {{- toYaml .driver.resources | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "sparkhawk.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        {{- include "sparkhawk.driverMounts" $root | nindent 8 }}
  volumes:
    {{- include "sparkhawk.driverVolumes" $root | nindent 4 }}
{{- end -}}
{{- end -}}

{{/*
The executors' pod. Spark adds image, command, resources and ports. The container's name is the one by which the
operator has Spark look for it.
*/}}
{{- define "sparkhawk.executorPod" -}}
{{- with .Values.platform -}}
metadata:
  labels:
    {{- include "sparkhawk.selectorLabels" $ | nindent 4 }}
    app.kubernetes.io/component: executor
    {{- if eq .gang.scheduler "yunikorn" }}
    applicationId: {{ include "sparkhawk.fullname" $ }}
    {{- with .gang.queue }}
    queue: {{ . }}
    {{- end }}
    {{- end }}
    {{- with .executor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or .gang.scheduler .executor.annotations }}
  annotations:
    {{- if eq .gang.scheduler "volcano" }}
    scheduling.k8s.io/group-name: {{ include "sparkhawk.fullname" $ }}
    {{- else if eq .gang.scheduler "yunikorn" }}
    yunikorn.apache.org/app-id: {{ include "sparkhawk.fullname" $ }}
    yunikorn.apache.org/task-group-name: executor
    {{- end }}
    {{- with .executor.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with include "sparkhawk.priority" $ | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if and .gpu.enabled .gpu.runtimeClassName }}
  runtimeClassName: {{ .gpu.runtimeClassName }}
  {{- end }}
  securityContext:
    {{- include "sparkhawk.podSecurity" $ | nindent 4 }}
  {{- $selector := merge (dict) .executor.nodeSelector (ternary .gpu.nodeSelector (dict) .gpu.enabled) }}
  {{- with $selector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- $tolerations := concat .executor.tolerations (ternary .gpu.tolerations (list) .gpu.enabled) }}
  {{- with $tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .executor.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: spark-kubernetes-executor
      workingDir: /var/lib/sparkhawk
      {{- with include "sparkhawk.podEnv" (dict "root" $ "env" .executor.env) | trim }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "sparkhawk.containerSecurity" $ | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        - name: work
          mountPath: /var/lib/sparkhawk
        - name: cache
          mountPath: /var/lib/sparkhawk/cache
        - name: shared-memory
          mountPath: /dev/shm
        {{- with include "sparkhawk.claimMounts" $ | trim }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ .executor.scratchSize }}
    - name: work
      emptyDir:
        sizeLimit: {{ .executor.scratchSize }}
    - name: cache
      emptyDir:
        sizeLimit: {{ .executor.cacheSize }}
    - name: shared-memory
      emptyDir:
        medium: Memory
        sizeLimit: {{ .executor.sharedMemorySize }}
    {{- with include "sparkhawk.claimVolumes" $ | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* What the job does after which end of the driver: the exit codes of README.md. */}}
{{- define "sparkhawk.failurePolicy" -}}
rules:
  # A node that is drained, or a pod that others displaced, is no failure of the run.
  - action: Ignore
    onPodConditions:
      - type: DisruptionTarget
  # 2: a setting, 3: the data, 5: unknown state. The same command would fail again, or a person has to look first.
  - action: FailJob
    onExitCodes:
      containerName: driver
      operator: In
      values: [2, 3, 5]
  # 4: network, disk or a worker. The same command continues from the newest checkpoint.
  - action: Count
    onExitCodes:
      containerName: driver
      operator: In
      values: [4]
{{- end -}}

{{- define "sparkhawk.egress" -}}
- to:
    {{- range .cidrs }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    {{- range .ports }}
    - protocol: TCP
      port: {{ int . }}
    {{- end }}
{{- end -}}

{{/* Where every pod may go. */}}
{{- define "sparkhawk.egressOfAll" -}}
# The release's own pods: ranks pass gradients from executor to executor, at ports that they choose.
- to:
    - podSelector:
        matchLabels:
          {{- include "sparkhawk.selectorLabels" . | nindent 10 }}
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- end -}}
