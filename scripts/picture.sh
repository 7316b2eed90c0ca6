#!/usr/bin/env bash
# scripts/picture.sh [REPORT.html] - the top of a report as docs/report.png, for the README. Wants chromium.
set -eu
cd "$(dirname "$0")/.."
page=$(realpath "${1:-ringbench-out/report.html}")
mkdir -p docs
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1100,1750 --screenshot="$PWD/docs/report.png" \
    "file://$page" 2>/dev/null
echo "docs/report.png: $(wc -c <docs/report.png) bytes"
