#!/usr/bin/env bash
# Renews every hashed requirement file: `bash requirements/compile.sh [--upgrade]`. One set of versions for all groups
# that share the main environment, and for the bench's peers, which run the same model beside ours; checkov (policies),
# the SageMaker SDK and the stand-ins for Terraform and Node are resolved alone. opencv-python is left out as torch is: a
# library that asks for it gets opencv-python-headless, the same module in the same place.
set -euo pipefail
cd "$(dirname "$0")"
uv=../.venv/bin/uv
flags=(--quiet --universal --python-version 3.11 --no-emit-package torch --no-emit-package opencv-python --custom-compile-command "bash requirements/compile.sh" "$@")
groups=(infra rehearsal training serving loadtest dev)
"$uv" pip compile "${flags[@]}" --no-annotate "${groups[@]/%/.in}" -o constraints.txt
for group in "${groups[@]}" bench; do
  "$uv" pip compile "${flags[@]}" --generate-hashes -c constraints.txt "$group.in" -o "$group.txt"
done
for group in policies sdk node terraform uv; do
  "$uv" pip compile "${flags[@]}" --generate-hashes "$group.in" -o "$group.txt"
done
