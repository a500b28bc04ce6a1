#!/usr/bin/env bash
# The quick part of `npm test`: the packages' own tests, with no outside engine. Arguments go to vitest, for example
# `tools/test_unit.sh jobs` or `tools/test_unit.sh -t "lost its lease"`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
node scripts/ensure-install.js
export PATH="$PWD/node_modules/.bin:$PATH" PROOFHOUSE_ENGINES=off
exec vitest run --project packages "$@"
