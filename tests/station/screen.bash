# shellcheck shell=bash
# screen: the station on a terminal, which is a tmux of its own. Load it after station.bash.
#
#   screen_start [-s COLUMNSxROWS] [-e NAME=VALUE]... ARGUMENT...
#                                   the station on such a terminal (80x24), by the roster and configuration in DIR; when
#                                   it ends its exit status is shown, and the terminal stays
#   screen_shows TEXT [SECONDS]     waits until the terminal shows this text
#   screen_shows_not TEXT [SECONDS] waits until it does not
#   screen_text                     what it shows
#   screen_keys KEY...              types them, by tmux's names; a word is typed as it is
#   screen_resize COLUMNS ROWS
#   screen_pid                      the process of the station
#   screen_end                      for teardown
#
# DIR/log/terminal is all that was ever written to the terminal, as it was sent.

screen_tmux() {
	tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@"
}

screen_start() {
	local size=80x24 env=(LANG=C.UTF-8 "SOFTHSM2_CONF=$DIR/token/softhsm2.conf")
	while [[ $1 == -[se] ]]; do
		[[ $1 == -e ]] && env+=("$2") || size=$2
		shift 2
	done
	{
		printf 'cd %q\n' "$DIR"
		printf 'env -u NO_COLOR'
		printf ' %q' "${env[@]}" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
			--ca-pass-file "$DIR/ca.pass" "$@" "$DIR/roster.csv"
		# shellcheck disable=SC2016  # it is the other shell's
		printf '\necho "exit status $?"\nstty -a >%q\nexec sleep 100\n' "$DIR/log/stty"
	} >"$DIR/log/run.sh"
	rm -f "$DIR/log/go.sh" "$DIR/log/terminal"
	screen_tmux new-session -d -x "${size%x*}" -y "${size#*x}" "while [ ! -e $(printf %q "$DIR/log/go.sh") ]; do sleep 0.02; done; exec bash $(printf %q "$DIR/log/go.sh")" 3>&- || return
	screen_tmux pipe-pane "cat >$(printf %q "$DIR/log/terminal")"
	mv "$DIR/log/run.sh" "$DIR/log/go.sh"
}

screen_text() {
	screen_tmux capture-pane -p
}

# screen_wait SECONDS COMMAND...
screen_wait() {
	local end=$((SECONDS + $1 + 1))
	while ((SECONDS < end)); do
		! "${@:2}" || return 0
		sleep 0.05
	done
	return 1
}

screen_has() {
	screen_text | grep -qF -- "$1"
}

screen_has_not() {
	! screen_has "$1"
}

screen_shows() {
	screen_wait "${2:-15}" screen_has "$1" || { echo "not shown: $1" && screen_text && return 1; }
}

screen_shows_not() {
	screen_wait "${2:-15}" screen_has_not "$1" || { echo "still shown: $1" && screen_text && return 1; }
}

# screen_keys KEY...: a person leaves some time before; keys that come faster than that are taken for a scanner's
screen_keys() {
	sleep 0.1
	screen_tmux send-keys "$@"
}

screen_resize() {
	screen_tmux resize-window -x "$1" -y "$2"
}

screen_pid() {
	local shell
	shell=$(screen_tmux display-message -p '#{pane_pid}') && pgrep -P "$shell" -x tokenroll
}

screen_end() {
	screen_tmux kill-server 2>/dev/null || true
}
