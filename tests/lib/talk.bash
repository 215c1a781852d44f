# shellcheck shell=bash
# shellcheck disable=SC2154  # the tests set $dir, and bats the others
# talk: a conversation with tokenroll at a terminal, by expect. Load it after company.bash.

# talk_with CONVERSATION ARGUMENT...: tokenroll on a terminal of its own. A conversation is Tcl: says TEXT... waits for
# each, answer TEXT types it and Enter, key CHARACTER types just that; secret FILE is the first line of a file in $dir.
# Sets $status and $output, which is all that the terminal showed; a conversation that goes another way ends with 99.
talk_with() {
	{
		cat <<-'TCL'
			set timeout 15
			proc failed {why} { puts "\n-- $why"; catch {exec kill [exp_pid]}; exit 99 }
			proc says {args} {
				foreach text $args {
					expect {
						-exact $text {}
						timeout { failed "not said in time: $text" }
						eof { failed "ended without saying: $text" }
					}
				}
			}
			proc answer {text} { send -- "$text\r" }
			# nobody's finger is quicker; between its question and its read() readpassphrase() misses a Ctrl-C
			proc key {text} { sleep 0.3; send -- $text }
			proc secret {file} { set f [open [file join [file dirname [info script]] $file]]; gets $f }
			spawn -noecho {*}$argv
		TCL
		printf '%s\n' "$1"
		cat <<-'TCL'
			expect { eof {} timeout { failed "did not end" } }
			exit [lindex [wait] 3]
		TCL
	} >"$dir/talk.exp"
	shift
	run timeout -k 1 60 expect -f "$dir/talk.exp" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" "$@" 3>&-
	printf 'status %s, terminal: %s\n' "$status" "$output"
}
