#!/bin/bash
# run-test.sh FILE: runs one file of tests for prove, which reads TAP from stdout.
set -o pipefail

case $1 in
*.bats) exec bats --tap "$1" ;;
esac
# Debian 12's cmocka calls a skipped test "not ok", and prove would count it as failed
CMOCKA_MESSAGE_OUTPUT=TAP "$1" | sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/'
