#!/bin/bash
# run-test.sh FILE: runs one file of tests for prove, which reads TAP from stdout. prove keeps comments to itself: what
# they say of a test that failed, and figures, go to stderr as well.
set -o pipefail

# Which file it was is in front of each line, because several run side by side.
tell() {
	tee >(sed -nu -e "/^not ok .*# SKIP/d" -e "/^# ok - /d" -e "/^not ok\|^#/s|^|${1##*/}: |p" >&2)
}

case $1 in
*.bats)
	bats --tap "$1" | tell "$1"
	exit
	;;
esac
# Debian 12's cmocka calls a skipped test "not ok", and prove would count it as failed
CMOCKA_MESSAGE_OUTPUT=TAP "$1" | sed -u 's/^not ok \([0-9]* # SKIP\)/ok \1/' | tell "$1"
