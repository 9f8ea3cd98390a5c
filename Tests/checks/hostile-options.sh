#!/usr/bin/env bash
# Every option of every command with every number that nobody means (Tests/CohortTests/HostileOptionsTests.swift): about two minutes.
#   Tests/checks/hostile-options.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
COHORT_HOSTILE=all swift test -c release --explicit-target-dependency-import-check error --disable-xctest --no-parallel --filter HostileOptionsTests
