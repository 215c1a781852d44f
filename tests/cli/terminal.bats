#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# shellcheck disable=SC2016  # the conversations are expect's, not the shell's
# At a terminal: what is asked, how it is asked, and what Ctrl-C does.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/talk.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count
	unset NO_COLOR
	export TERM=xterm
	escape=$'\e'
}

# with_faulty: the company's module is the faulty one
with_faulty() {
	company_conf "$dir" "token.module=$tools/libfaulty.so" "token.timeout=${1:-60}"
}

# talk CONVERSATION ARGUMENT...: as talk_with, by the company's configuration; $pin and $passphrase are the company's
talk() {
	talk_with "set pin [secret pin]; set passphrase [secret ca.pass]; $1" -c "$dir/tokenroll.conf" "${@:2}"
}

# shown TEXT...: each was on the terminal
shown() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || { echo "not shown: $text" && return 1; }
	done
}

times_shown() {
	grep -oF -- "$1" <<<"$output" | wc -l
}

rows() {
	grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt" || true
}

on_token() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "${2:-VPN token}")" "$dir/pin" | grep -c "^CKO_$1" || true
}

logins() {
	awk '$1 == "C_Login" { print $2 }' "$FAULTY_COUNT"
}

# enrolled: all is there, and once
enrolled() {
	[[ $(rows) == 1 && -s $dir/bundles/alice.zip ]]
	[[ $(on_token PRIVATE_KEY "$@") == 1 && $(on_token CERTIFICATE "$@") == 1 ]]
}

nothing_done() {
	[[ $(rows) == 0 && ! -e $dir/bundles/alice.zip ]]
	[[ $(on_token PRIVATE_KEY) == 0 && $(on_token CERTIFICATE) == 0 ]]
}

@test "PIN and passphrase are asked for, each by name, and never echoed" {
	talk 'says "PIN of token \"VPN token\""; answer $pin
	      says "Passphrase of the CA key"; answer $passphrase' alice
	[[ $status == 0 ]]
	shown "alice is enrolled."
	[[ $output != *"$COMPANY_PIN"* && $output != *"$COMPANY_PASSPHRASE"* ]]
	[[ $(times_shown "PIN of token") == 1 && $(times_shown "Passphrase of") == 1 ]]
	enrolled
}

@test "several tokens give a numbered question, and the chosen one is enrolled" {
	local serial
	company_token "$dir" "Second token"
	serial=$(company_token_serial "$dir" "Second token")
	talk 'says "Several tokens are plugged in:"
	      expect -re {([0-9]+) +[^\r\n]*"Second token"} {}
	      set number $expect_out(1,string)
	      says "Which one? "; answer 9; says "A number from 1 to"
	      says "Which one? "; answer two; says "A number from 1 to"
	      says "Which one? "; answer $number
	      says "PIN of token \"Second token\""; answer $pin' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	shown "VPN token" "$serial" "alice is enrolled."
	enrolled "Second token"
	[[ $(on_token PRIVATE_KEY "VPN token") == 0 ]]
}

@test "a wrong passphrase is asked for again, and the right one then is enough" {
	talk 'says "Passphrase of"; answer wrong; says "does not open the CA key"
	      says "Passphrase of"; answer $passphrase' --pin-file "$dir/pin" alice
	[[ $status == 0 ]]
	enrolled
}

@test "a passphrase that is wrong three times ends it as a CA error, and nothing is issued" {
	talk 'says "Passphrase of"; answer wrong1
	      says "Passphrase of"; answer wrong2
	      says "Passphrase of"; answer wrong3' --pin-file "$dir/pin" alice
	[[ $status == 5 ]]
	shown "the passphrase of the CA key is wrong" "what to do: "
	[[ $(times_shown "Passphrase of") == 3 && $output != *wrong[123]* ]]
	[[ $(rows) == 0 && $(on_token CERTIFICATE) == 0 ]]
	company_tokenroll "$dir" alice
	enrolled
}

@test "a wrong PIN ends it after one try as a PIN error" {
	with_faulty
	talk 'says "PIN of token"; answer 000000' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 4 ]]
	shown "the PIN of token" "is wrong" "CKR_PIN_INCORRECT" "not tried again by itself"
	[[ $(logins) == 1 && $(times_shown "PIN of token \"") == 1 ]]
	nothing_done
}

# interrupted: what Ctrl-C has to end with
interrupted() {
	[[ $status == 7 ]]
	shown "tokenroll: interrupted" "run the same command again"
}

@test "Ctrl-C at the PIN changes nothing, and the next run is done" {
	talk 'says "PIN of token"; key \003' --ca-pass-file "$dir/ca.pass" alice
	interrupted
	nothing_done
	company_tokenroll "$dir" alice
	enrolled
}

@test "Ctrl-C at the passphrase makes no key, and the next run is done" {
	talk 'says "Passphrase of"; key \003' --pin-file "$dir/pin" alice
	interrupted
	nothing_done
	company_tokenroll "$dir" alice
	enrolled
}

@test "Ctrl-C at the choice of a token changes nothing" {
	company_token "$dir" "Second token"
	talk 'says "Which one? "; key \003' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	nothing_done
}

@test "Ctrl-C at any question about a blank token leaves it blank" {
	blank
	talk 'says "Initialize it for alice?"; key \003' --ca-pass-file "$dir/ca.pass" alice
	interrupted
	[[ -z $(ls "$dir/token/tokens") ]]
	talk 'says "Initialize it for alice?"; answer y; says "New PIN for the token (4 to 255 characters): "; key \003' \
		--ca-pass-file "$dir/ca.pass" alice
	interrupted
	[[ -z $(ls "$dir/token/tokens") ]]
	talk 'says "Initialize it for alice?"; answer y; says "New PIN for the token (4 to 255 characters): "; answer 55667788
	      says "New PIN for the token (4 to 255 characters), again: "; key \003' --ca-pass-file "$dir/ca.pass" alice
	interrupted
	[[ -z $(ls "$dir/token/tokens") && ! -e $dir/bundles && $(rows) == 0 ]]
}

@test "Enter alone, and the end of input, are no PIN that is tried, and a wrong passphrase: it is asked for three times" {
	local end
	with_faulty
	for end in 'answer ""' 'key \004'; do
		rm -f "$FAULTY_COUNT"
		talk "says {PIN of token}; $end" --ca-pass-file "$dir/ca.pass" alice
		[[ $status == 7 && $(logins) == 0 ]]
		talk "says {Passphrase of}; $end; says {Passphrase of}; $end; says {Passphrase of}; $end" --pin-file "$dir/pin" alice
		[[ $status == 5 && $(times_shown "Passphrase of") == 3 ]]
		shown "the passphrase of the CA key is wrong"
		nothing_done
	done
}

@test "Enter alone at the passphrase, and then the right one, goes on" {
	talk 'says {Passphrase of}; answer ""; says {Passphrase of}; answer $passphrase' --pin-file "$dir/pin" alice
	[[ $status == 0 ]]
	enrolled
}

@test "Ctrl-C during a step leaves no process behind, and the next run goes on and is done" {
	local left
	with_faulty 30
	FAULTY_RULE=C_GenerateKeyPair:1:delay=1000 talk 'says "key pair"; sleep 0.2; key \003' \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	left=$(users_of "$tools/libfaulty.so")
	echo "left running: $left"
	[[ -z $left ]]
	[[ $(rows) == 0 ]]
	company_tokenroll "$dir" alice
	enrolled
}

@test "Ctrl-C while the token holds the certificate to be written issues no second one" {
	with_faulty 30
	FAULTY_RULE=C_CreateObject:1:delay=1000 talk 'says "onto the token"; sleep 0.2; key \003' \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	cp "$dir/pki/issued/alice.crt" "$dir/first.crt"
	company_tokenroll "$dir" alice
	enrolled
	cmp "$dir/first.crt" "$dir/pki/issued/alice.crt"
}

@test "Ctrl-C lets the token finish what it is doing, and says so" {
	with_faulty 30
	FAULTY_RULE=C_GenerateKeyPair:1:delay=5000 talk 'says "key pair"; sleep 0.2; key \003' \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	shown "finishing what the token is doing; press Ctrl-C again to stop at once"
	[[ $("$tools/tokendump" "$module" "$(company_token_serial "$dir" "VPN token")" "$dir/pin" | grep -c ^CKO_PRIVATE_KEY) == 1 ]]
	company_tokenroll "$dir" alice
	enrolled
}

@test "Ctrl-C twice does not wait, and leaves no process behind, either" {
	local i
	with_faulty 30
	FAULTY_RULE=C_GenerateKeyPair:1:hang talk 'says "key pair"; sleep 0.2; key \003; key \003' \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 7 ]]
	for ((i = 0; i < 50; i++)); do
		[[ -n $(users_of "$tools/libfaulty.so") ]] || break
		sleep 0.1
	done
	left=$(users_of "$tools/libfaulty.so")
	# shellcheck disable=SC2086  # they are numbers
	[[ -z $left ]] || kill -KILL $left
	echo "left running: $left"
	[[ -z $left ]]
}

# users_of LIBRARY: every process of this test (by its SoftHSM) that has loaded it
users_of() {
	local maps pid
	for maps in /proc/[0-9]*/maps; do
		pid=${maps#/proc/} pid=${pid%/maps}
		grep -qF -- "$1" "$maps" && tr '\0' '\n' <"/proc/$pid/environ" | grep -qxF "SOFTHSM2_CONF=$SOFTHSM2_CONF" &&
			echo "$pid"
	done 2>/dev/null
	return 0
}

blank() {
	rm -rf "$dir/token/tokens"
	mkdir "$dir/token/tokens"
}

@test "a blank token is offered for initialization, and a new PIN asked for twice, until both are the same" {
	blank
	talk 'says "never initialized. Initialize it for alice?" {[y/N]}; answer y
	      says "New PIN for the token (4 to 255 characters): "; answer 123
	      says "It must have 4 to"
	      says "New PIN for the token (4 to 255 characters): "; answer 55667788
	      says "New PIN for the token (4 to 255 characters), again: "; answer 55667789
	      says "The two are not the same."
	      says "New PIN for the token (4 to 255 characters): "; answer 55667788
	      says "New PIN for the token (4 to 255 characters), again: "; answer 55667788' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	[[ $output != *5566778* && $output != *"PIN of token"* ]]
	[[ $output =~ "SO PIN"\ +[0-9A-F]{16} ]]
	company_secret "$dir/pin" 55667788
	enrolled alice
	company_tokenroll "$dir" alice
}

@test "a blank token that is not to be initialized stays blank" {
	blank
	talk 'says "Initialize it for alice?"; answer n' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 3 ]]
	shown "was never initialized, and was left so"
	[[ -z $(ls "$dir/token/tokens") ]]
	talk 'says "Initialize it for alice?"; answer ""' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 3 && -z $(ls "$dir/token/tokens") ]]
}

@test "a token that was left without a user PIN is finished at the terminal, with the SO PIN that was shown" {
	local shown
	blank
	with_faulty
	company_secret "$dir/pin" 55667788
	FAULTY_RULE=C_InitPIN:1:CKR_DEVICE_REMOVED talk 'says "Initialize it for alice?"; answer y' \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 3 ]]
	shown "keep the SO PIN" "run the same command"
	[[ $output =~ "SO PIN"\ +([0-9A-F]{16}) ]]
	shown=${BASH_REMATCH[1]}
	talk "says {has no user PIN yet: its SO PIN was shown then}
	      says {SO PIN of token \"alice\"}; answer $shown" --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	[[ $output != *"$shown"* && $output != *"Initialize it"* ]]
	enrolled alice
	[[ $(find "$dir/token/tokens" -mindepth 1 -maxdepth 1 | wc -l) == 1 ]]
}

@test "a PIN with one try left needs an explicit yes before it is asked for" {
	local no
	with_faulty
	export FAULTY_RULE='C_GetTokenInfo:*:flags=FINAL_TRY'
	for no in n '' maybe; do
		rm -f "$FAULTY_COUNT"
		talk "says {ONE PIN try left} {[y/N]}; answer {$no}" --yes --ca-pass-file "$dir/ca.pass" alice
		[[ $status == 4 && $(logins) == 0 ]]
		shown "one PIN try left, which was not spent"
	done
	rm -f "$FAULTY_COUNT"
	talk 'says "ONE PIN try left"; key \003' --ca-pass-file "$dir/ca.pass" alice
	interrupted
	[[ $(logins) == 0 ]]
	talk 'says "ONE PIN try left"; answer yes; says "PIN of token"; answer $pin' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	unset FAULTY_RULE
	enrolled
}

@test "colours are for a terminal, and not with NO_COLOR" {
	talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $output == *"${escape}[32m"* ]]
	NO_COLOR=1 talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 && ! $output =~ ${escape}\[[0-9\;]*m ]]
	company_secret "$dir/pin" 000000
	NO_COLOR=1 talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 4 && ! $output =~ ${escape}\[[0-9\;]*m ]]
}

# slow_key: making the key pair takes some seconds
slow_key() {
	with_faulty
	export FAULTY_RULE=C_GenerateKeyPair:1:delay=${1:-2600}
}

# spun: what the spinner drew behind "key pair", one picture a line
spun() {
	tr '\r' '\n' <<<"$output" | sed -n 's/^  key pair  *\([-|/\\] [0-9]* s\).*$/\1/p'
}

@test "while the token makes a key something moves, and counts the seconds" {
	slow_key
	talk 'expect -re "key pair +\[-|/\\\\\] 0 s" {} timeout {failed "no spinner"}
	      expect -re "key pair +\[-|/\\\\\] 1 s" {} timeout {failed "no 1 s"}
	      expect -re "key pair +\[-|/\\\\\] 2 s" {} timeout {failed "no 2 s"}
	      says "made on the token"' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	[[ $(spun | cut -c 1 | sort -u | wc -l) == 4 ]] # each of its four positions
	(($(spun | wc -l) >= 5 && $(spun | wc -l) <= 80)) # it neither stands still nor floods a slow line
	# what is left on the line is the result
	[[ $output =~ $'\r'${escape}'[K  key pair         ec:P-256, made on the token '+[^$'\r']*\ [2-9]\.[0-9][0-9]\ s ]]
	enrolled
}

@test "a step that is done at once is not drawn upon" {
	local line seconds
	talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	shown "request          …"
	while IFS= read -r line; do
		[[ $line =~ ^'  '([a-z\ ]{16})\ .*\ ([0-9]+\.[0-9][0-9])\ s ]] || continue
		seconds=${BASH_REMATCH[2]}
		((10#${seconds/./} >= 20)) || [[ $output != *"${BASH_REMATCH[1]} "[-\|/\\]* ]]
	done < <(tr '\r' '\n' <<<"${output//"${escape}[K"/}")
	[[ -n ${seconds:-} ]]
}

@test "nothing moves with --quiet, --json, --verbose, or on a terminal that cannot go back on a line" {
	local option
	for option in --quiet --json --verbose; do
		rm -f "$FAULTY_COUNT"
		slow_key 1000
		talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" "$option" --replace alice
		[[ $status == 0 && -z $(spun) && $output != *…* && $output != *"${escape}[K"* ]]
	done
	rm -f "$FAULTY_COUNT"
	TERM=dumb talk '' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" --replace alice
	[[ $status == 0 && -z $(spun) && $output != *…* && $output != *"$escape"* ]]
	shown "made on the token" # each step is on a line of its own all the same
}

@test "nothing moves while a question is on the screen, and the time until its answer is not the step's" {
	company_tokenroll "$dir" alice
	talk 'says "check"; says "PIN of token"; sleep 3; answer $pin; says "verified"' alice
	[[ $status == 0 ]]
	shown "alice is enrolled already"
	# from the question to its answer there is nothing but the question
	[[ ${output#*PIN of token} != *" 1 s"* ]]
	[[ $output =~ "read back, signed, verified"\ +${escape}'[32m'\ +([0-9]+)\.([0-9][0-9])\ s ]]
	((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]} < 300))
	[[ $output == *"check            …"*$'\r'"${escape}[KPIN of token"* ]]
}

@test "Ctrl-C while it moves ends in a clean line, and the next run is done" {
	slow_key 3000
	talk 'expect -re "key pair +\[-|/\\\\\] 1 s" {} timeout {failed "no spinner"}
	      key \003' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	[[ $output == *"${escape}[K  key pair         interrupted"* ]]
	unset FAULTY_RULE
	company_tokenroll "$dir" alice
	enrolled
}

@test "without a terminal there is no escape sequence, neither in a result nor in an error" {
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $output$stderr != *"$escape"* && $stderr != *$'\r'* ]]
	company_secret "$dir/pin" 000000
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 4 && $output$stderr != *"$escape"* ]]
}

@test "a user whom the CA has revoked is enrolled again only after a yes" {
	local serial no
	company_tokenroll "$dir" alice
	serial=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial | sed 's/^serial=//')
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke alice
	for no in n ''; do
		talk "says {certificate $serial of alice was revoked} {Enroll alice again? [y/N]}; answer {$no}" \
			--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
		[[ $status == 6 && $(rows) == 0 ]]
	done
	talk 'says "Enroll alice again?"; answer y' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	enrolled
}

@test "after Ctrl-C it is said at once what is waited for, and the step is not said to have failed" {
	slow_key 6000
	talk 'expect -re "key pair +\[-|/\\\\\] 1 s" {} timeout {failed "no spinner"}
	      key \003
	      set timeout 2
	      says "finishing what the token is doing; press Ctrl-C again to stop at once"
	      set timeout 15' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	interrupted
	shown "key pair         interrupted"
	[[ $output != *failed* ]]
	unset FAULTY_RULE
	company_tokenroll "$dir" alice
	enrolled
}

@test "the SO PIN that is shown once is on a line of its own, not behind the step under way" {
	blank
	talk 'says "Initialize it for alice?"; answer y' --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 0 ]]
	tr '\r' '\n' <<<"${output//"${escape}[K"/}" | grep "New PINs of this token" >"$dir/line"
	[[ $(cat "$dir/line") == "New PINs of this token"* ]]
	tr '\r' '\n' <<<"${output//"${escape}[K"/}" | grep "SO PIN  " >"$dir/line"
	[[ $(cat "$dir/line") =~ ^"  SO PIN "\ +[0-9A-F]{16}$ ]]
}

@test "a no to the initialization is taken for one: nobody is told to run it on a terminal" {
	blank
	talk 'says "Initialize it for alice?"; answer n' --ca-pass-file "$dir/ca.pass" alice
	[[ $status == 3 ]]
	shown "was left so" "what to do: "
	[[ $output != *"run it on a terminal"* ]]
}
