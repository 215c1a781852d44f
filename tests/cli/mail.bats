#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# The bundle by mail: to a real SMTP server with STARTTLS and a login, on loopback, and what happens without one.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$BATS_FILE_TMPDIR/mail.key" \
		-out "$BATS_FILE_TMPDIR/mail.crt" 2>"$BATS_FILE_TMPDIR/openssl.log"
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	box=$BATS_TEST_TMPDIR/mailbox
	password="mail password 7c41"
	company_new "$dir"
	mkdir "$box"
	company_secret "$dir/mail.pass" "$password"
	servers=()
	mkfifo "$BATS_TEST_TMPDIR/hold"
	exec {hold}<>"$BATS_TEST_TMPDIR/hold"
}

# They end by themselves, too, when this shell and with it their standard input does.
teardown() {
	local pid
	for pid in "${servers[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# mail_server OPTION...: starts one; its port goes to $port
mail_server() {
	local i
	rm -f "$box/port"
	/usr/bin/python3 "$COMPANY_ROOT/tests/lib/smtp_server.py" "$box" --cert "$BATS_FILE_TMPDIR/mail.crt" \
		--key "$BATS_FILE_TMPDIR/mail.key" --login "admin:$password" "$@" \
		<"$BATS_TEST_TMPDIR/hold" >"$box/port" 2>"$box/server.log" 3>&- {hold}>&- &
	servers+=($!)
	for ((i = 0; i < 100; i++)); do
		[[ ! -s $box/port ]] || break
		sleep 0.05
	done
	port=$(<"$box/port")
	[[ -n $port ]] || { cat "$box/server.log" && return 1; }
	mail_to "$port"
}

# no_mail_server: a port that is taken, so that nobody else gets it, and on which nobody answers
no_mail_server() {
	local i
	/usr/bin/python3 -c '
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()' <"$BATS_TEST_TMPDIR/hold" >"$box/port" 3>&- {hold}>&- &
	servers+=($!)
	for ((i = 0; i < 100; i++)); do
		[[ ! -s $box/port ]] || break
		sleep 0.05
	done
	port=$(<"$box/port")
	mail_to "$port"
}

mail_to() {
	company_conf "$dir" mail.to=admin@example.com mail.from=tokenroll@example.com "mail.smtp=127.0.0.1:$1" \
		mail.user=admin "mail.password-file=$dir/mail.pass" mail.tls=starttls "mail.ca-file=$BATS_FILE_TMPDIR/mail.crt"
}

# says WORDS...: each is somewhere in the message
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

json() {
	/usr/bin/python3 -c "import json, sys; r = json.loads(sys.argv[1]); print($1)" "$output"
}

mails() {
	find "$box" -name '*.eml' | wc -l
}

# one_certificate: one row, and with the server's two certificates
one_certificate() {
	[[ $(grep -c '/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	[[ $(find "$dir/pki/certs_by_serial" -type f | wc -l) == 2 ]]
}

# attached FILE...: the first mail has these attachments, byte for byte, and no other
attached() {
	/usr/bin/python3 - "$box/1.eml" "$@" <<-'PY'
		import email, email.policy, os, sys
		with open(sys.argv[1], "rb") as f:
		    mail = email.message_from_binary_file(f, policy=email.policy.default)
		got = {a.get_filename(): a.get_content() for a in mail.iter_attachments()}
		want = {os.path.basename(p): open(p, "rb").read() for p in sys.argv[2:]}
		assert got == want, f"attached are {list(got)}"
		assert "alice" in mail["subject"], mail["subject"]
		assert "alice" in mail.get_body(("plain",)).get_content()
	PY
}

@test "the bundle goes to the admin by mail, over STARTTLS and with a login" {
	mail_server
	run --separate-stderr company_tokenroll "$dir" --json alice
	printf '%s\n' "$stderr"
	[[ $status == 0 && $(json 'r["state"]') == delivered ]]
	[[ $(mails) == 1 && $(<"$box/login") == admin ]]
	[[ $(<"$box/1.env") == $'tokenroll@example.com\nadmin@example.com' ]]
	attached "$dir/bundles/alice.zip" "$dir/bundles/alice.tar.gz"
	run -1 grep -aF "PRIVATE KEY" "$box/1.eml"
}

@test "who packs and who mails can read neither the CA's key, nor the database, nor files of PINs and passphrases" {
	local log=$dir/bundles/nosy when name hidden=(pki/private/ca.key tokenroll.db tokenroll.db-wal tokenroll.db-shm pin so ca.pass)
	[[ $(ldd "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}") != *libasan* ]] || skip "nothing is preloaded before a sanitizer"
	python3 -c 'import ctypes; exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)' ||
		skip "this kernel has no Landlock, or not that of Linux 5.19"
	mail_server
	# the only folder that they can write to
	mkdir -m 700 "$dir/bundles"
	company_secret "$dir/so" 12345678
	printf '%s\n' "${hidden[@]/#/$dir/}" "$dir/mail.pass" >"$dir/log/list"
	LD_PRELOAD=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libnosy.so NOSY_LIST=$dir/log/list NOSY_LOG=$log \
		company_tokenroll "$dir" --so-pin-file "$dir/so" alice
	for when in pack mail; do
		for name in "${hidden[@]}"; do
			grep -qE "^$when E[A-Z]+ read $dir/$name\$" "$log" || { echo "$when: $name" && return 1; }
		done
	done
	run -1 grep -E " done (write|make|move|cut|remove) " "$log"
	grep -qxF "mail done read $dir/mail.pass" "$log"
	[[ $(mails) == 1 ]]
}

@test "a finished token is not mailed about again" {
	mail_server
	company_tokenroll "$dir" alice
	company_tokenroll "$dir" alice
	[[ $(mails) == 1 ]]
}

@test "with the server down the enrollment stays proven and says so; the same command delivers once it is back" {
	no_mail_server
	run --separate-stderr company_tokenroll "$dir" alice
	printf '%s\n' "$stderr"
	[[ $status == 1 ]]
	says "mail server 127.0.0.1:$port" "does not answer" "run the same command again"
	[[ -s $dir/bundles/alice.zip ]]
	run --separate-stderr company_tokenroll "$dir" --json alice
	printf '%s\n' "$output"
	[[ $status == 1 && $(json 'r["ok"], r["state"], r["error"]["code"]') == "False proven MAIL" ]]
	cp "$dir/pki/issued/alice.crt" "$dir/first.crt"
	mail_server
	run --separate-stderr company_tokenroll "$dir" --json alice
	printf '%s\n' "$stderr"
	[[ $status == 0 && $(json 'r["state"]') == delivered ]]
	[[ $(mails) == 1 ]]
	attached "$dir/bundles/alice.zip" "$dir/bundles/alice.tar.gz"
	cmp "$dir/first.crt" "$dir/pki/issued/alice.crt"
	one_certificate
}

@test "while the CRL of a replaced certificate waits to be published, nothing is mailed again" {
	mail_server
	company_tokenroll "$dir" alice
	sed -i "s|^crl = .*|crl = $dir/server/vpn/crl.pem|" "$dir/tokenroll.conf"
	for _ in 1 2 3; do
		run --separate-stderr company_tokenroll "$dir" --json enroll --replace alice
		printf '%s\n' "$stderr"
		[[ $status == 5 && $(json 'r["state"], r["error"]["code"]') == "proven CRL_UNPUBLISHED" ]]
		[[ $(mails) == 2 ]]
	done
	mkdir "$dir/server/vpn"
	run --separate-stderr company_tokenroll "$dir" --json enroll --replace alice
	[[ $status == 0 && $(json 'r["state"]') == delivered ]]
	[[ $(mails) == 2 ]]
	[[ $(grep -c '/CN=alice$' "$dir/pki/index.txt") == 2 ]]
}

@test "a server that refuses the recipient or the login is quoted, and the enrollment stays proven" {
	mail_server --refuse admin@example.com
	run --separate-stderr company_tokenroll "$dir" --json alice
	[[ $status == 1 && $(json 'r["state"]') == proven ]]
	says "550" "no such mailbox here" "run the same command again"
	company_secret "$dir/mail.pass" "another password"
	run --separate-stderr company_tokenroll "$dir" --json alice
	printf '%s\n' "$stderr"
	[[ $status == 1 && $(json 'r["state"]') == proven ]]
	says "refused the login" "535" "password-file"
	[[ $stderr$output != *"another password"* ]]
	[[ $(mails) == 0 ]]
	one_certificate
}

@test "a mail server whose certificate is not trusted gets neither the password nor the mail" {
	mail_server
	company_conf "$dir" mail.to=admin@example.com mail.from=tokenroll@example.com "mail.smtp=127.0.0.1:$port" \
		mail.user=admin "mail.password-file=$dir/mail.pass"
	run --separate-stderr company_tokenroll "$dir" --json alice
	printf '%s\n' "$stderr"
	[[ $status == 1 && $(json 'r["state"]') == proven ]]
	says "certificate is not trusted" "ca-file"
	[[ $(mails) == 0 && ! -e $box/login ]]
}

@test "a mail password that others can read or that is not there is refused before the token is touched" {
	mail_server
	chmod 644 "$dir/mail.pass"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 2 ]]
	says "mail.pass" "chmod 600"
	rm "$dir/mail.pass"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 2 ]]
	says "mail.pass"
	[[ $(grep -c '/CN=alice$' "$dir/pki/index.txt") == 0 && ! -e $dir/bundles ]]
}

@test "the mail password is in no argument, no environment, no output, no file and no mail" {
	local trace=$BATS_TEST_TMPDIR/trace
	export ASAN_OPTIONS=detect_leaks=0 # which it cannot do for a traced program
	mail_server
	strace -f -v -s 4096 -e trace=execve -o "$trace" \
		"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/ca.pass" -v alice </dev/null >"$dir/out" 2>"$dir/err"
	[[ $(grep -c 'execve(' "$trace") -ge 3 ]]
	rm "$dir/mail.pass" # where it belongs
	run -1 grep -rlaF -- "$password" "$dir" "$box" "$trace"
}
