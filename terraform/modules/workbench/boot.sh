# What a workbench runs when it starts: fetch the job that waits for it, and run it as a service that a crash or a
# restart of the machine does not end. The names that it needs are exported before it (main.tf).
# shellcheck shell=bash
set -euo pipefail

: "${AWS_DEFAULT_REGION:?}" "${WORKBENCH_JOB:?}" "${WORKBENCH_LOG_GROUP:?}" "${WORKBENCH_NAME:?}"
home=${WORKBENCH_HOME:-/opt/workbench}
mkdir -p "$home"
exec > >(tee -a "$home/boot.log") 2>&1

# The images keep boto3 with the system's Python or with that of their framework.
python=
for candidate in "${WORKBENCH_PYTHON:-}" /usr/bin/python3 /opt/pytorch/bin/python; do
  if [[ -x $candidate ]] && "$candidate" -c 'from importlib.util import find_spec; exit(find_spec("boto3") is None)'; then
    python=$candidate
    break
  fi
done
if [[ -z $python ]]; then
  echo "workbench: no Python with boto3 in this image: choose another one (ami in the settings)"
  exit 1
fi

# The endpoints of the network may take a moment longer than the machine.
fetched=
for pause in 1 2 4 8 16 32 64; do
  if "$python" - "$WORKBENCH_JOB/agent.pyz" "$home/agent.pyz" <<'PYTHON'; then
import sys
import boto3

bucket, _, key = sys.argv[1].removeprefix("s3://").partition("/")
boto3.client("s3").download_file(bucket, key, sys.argv[2])
PYTHON
    fetched=yes
    break
  fi
  echo "workbench: cannot fetch $WORKBENCH_JOB/agent.pyz yet, again in $pause s"
  sleep "$pause"
done
if [[ -z $fetched ]]; then
  echo "workbench: nothing to run; \`make workbench\` leaves a job there and switches the workbench on"
  exit 1
fi

if [[ ! -d /run/systemd/system || -n ${WORKBENCH_FOREGROUND:-} ]]; then
  exec "$python" "$home/agent.pyz" run
fi

cat > /etc/systemd/system/workbench.service <<UNIT
[Unit]
Description=The job of this workbench
Wants=network-online.target docker.service
After=network-online.target docker.service
# A job that cannot even start is given up, so that the instance counts as idle.
StartLimitIntervalSec=1h
StartLimitBurst=5

[Service]
Environment=AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION
Environment=WORKBENCH_JOB=$WORKBENCH_JOB
Environment=WORKBENCH_LOG_GROUP=$WORKBENCH_LOG_GROUP
Environment=WORKBENCH_NAME=$WORKBENCH_NAME
ExecStart=$python $home/agent.pyz run
Restart=on-failure
RestartSec=30
# Interrupted: another instance goes on.
RestartPreventExitStatus=3
TimeoutStopSec=110

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now workbench.service
