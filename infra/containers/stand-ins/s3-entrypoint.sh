#!/bin/bash
# Starts the gateway with the keys that SeaweedFS would take: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those of -s3.config.
set -euo pipefail
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }
for argument; do
  [[ $argument == -s3.config=* ]] || continue
  AWS_ACCESS_KEY_ID=$(value accessKey "${argument#*=}")
  AWS_SECRET_ACCESS_KEY=$(value secretKey "${argument#*=}")
done
export S3_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
export S3_PORT=8333 S3_HOST=0.0.0.0 S3_BUCKET='' S3_MAX_GIB=10
trap '/ceph-rgw.sh down /data/ceph; exit 0' TERM INT
/ceph-rgw.sh up /data/ceph
while :; do
  sleep 3600 &
  wait $! || true
done
