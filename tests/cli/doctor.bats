#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll doctor: why it does not work here: each part in the words of its own error, with what to do, and the others
# all the same; nothing is asked and nothing is changed.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	# no pcscd, whatever this machine has
	export PCSCLITE_CSOCK_NAME=$BATS_TEST_TMPDIR/nobody-listens
	life_token soft
	program=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
}

teardown() {
	life_teardown
}

soft_conf() {
	life_conf "token.module=$(company_softhsm)" "$@"
}

# told STATUS PART LEVEL WORDS...: that is the exit status, and one check of this part and level says all of this
told() {
	local want=$1
	roll doctor --json
	[[ $status == "$want" && -z $stderr ]]
	shift
	python3 -c 'import json, sys
part, level, *words = sys.argv[1:]
d = json.load(sys.stdin)
said = [c["text"] + " | " + (c["next"] or "") for c in d["checks"] if (c["part"], c["level"]) == (part, level)]
found = [s for s in said if all(w in s for w in words)]
len(found) == 1 or sys.exit("not said by %s %s: %s" % (part, level, said))' "$@" <<<"$output"
}

# What is no fault here: the address sanitizer's leak checker wants what core files want, too.
meant() {
	! ldd "$program" | grep -q libasan || echo core-files
}

# all_else_ok PART...: what is not of these parts is ok, but for pcscd, which is not needed
all_else_ok() {
	python3 -c 'import json, sys
bad = [c for c in json.load(sys.stdin)["checks"] if c["level"] != "ok" and c["part"] not in sys.argv[2:] + ["readers"]]
bad = [c for c in bad if c["name"] != sys.argv[1]]
sys.exit("not ok: %s" % bad if bad else 0)' "$(meant)" "$@" <<<"$output"
}

# files: names, modes, times and contents of all that is the company's, its tokens among it; but for the time of a file
# that SoftHSM2 opens for writing whenever it lists its tokens
files() {
	(cd "$dir" && find . ! -path './log*' ! -name generation -printf '%p %m %u %T@ %s\n' | sort && find . -type f ! -path './log*' -print0 |
		sort -z | xargs -0 sha256sum)
}

# The token's, each with all its attributes. This logs in, which SoftHSM2 notes in a file.
objects() {
	"$tools/tokendump" "$(company_softhsm)" "$serial" "$old"
}

# unchanged ARGUMENT...: after tokenroll with these all is as it was before
unchanged() {
	local on_token before
	on_token=$(objects)
	before=$(files)
	roll "$@"
	diff <(printf '%s\n' "$before") <(files)
	[[ $(objects) == "$on_token" ]]
}

# flat: the result on one line, as its lines are broken between words
flat() {
	output=$(tr -s ' \n' ' ' <<<"$output")
}

# as_mortal COMMAND...: root, too, is denied what the mode of a file denies its owner
as_mortal() {
	if ((EUID == 0)); then
		setpriv --bounding-set -dac_override,-dac_read_search "$@"
	else
		"$@"
	fi
}

# mortal ARGUMENT...: as roll, by such a one
mortal() {
	run --separate-stderr as_mortal "$program" -c "$dir/tokenroll.conf" "$@" </dev/null
	flat
	printf 'status %s, stdout: %s\nstderr: %s\n' "$status" "$output" "$stderr"
}

@test "all is well: each part is told, with the token, without a secret" {
	done_by doctor
	[[ -z $stderr && -z $(awk 'length > 80' <<<"$output") ]]
	flat
	shows "Nothing is wrong here" "Versions" "$("$program" --version | sed 's/ /: /')" \
		"Configuration" "User and process" "$(id -un) (uid $EUID)" "Readers" "Modules and tokens" "$serial: SoftHSM v2" \
		"CA" "/CN=Example VPN CA" "as the VPN server reads it" "Templates and bundles" "is not there yet" "none is configured"
	done_by doctor --json
	all_else_ok
}

@test "a pcscd that does not run is a note where all tokens are in software, and wrong where one may be in a reader" {
	told 0 readers note "pcscd is not running" "systemctl start pcscd.socket"
	roll doctor -q
	[[ $status == 0 && $output == *Readers*note*"pcscd is not running"*"what to do"* && $output != *" ok "* ]]
	life_conf "token.module=$(cards_module opensc)"
	told 3 readers wrong "pcscd is not running" "systemctl start pcscd.socket"
	all_else_ok
}

@test "with readers: what is in each, and the card that a module knows, which hears of nothing" {
	life_token hsm
	life_conf
	watch
	done_by doctor --json
	nothing_sent
	all_else_ok
	json "one(d['checks'], name='pcscd')['text']" '"it answers, and has 2 readers"' \
		"'ATR 3B8E' in one(d['checks'], name='$(cards_reader 0)')['text']" true \
		"one(d['checks'], name='$(cards_reader 1)')['text']" '"empty"' \
		"'SmartCard-HSM' in one(d['checks'], name='DECC0100001')['text']" true
	roll doctor -q
	[[ $status == 0 && (-z $output || -n $(meant)) ]]
}

@test "a card that another program holds is wrong, and the program that often does is named" {
	local word
	life_token hsm
	coproc HOLDER { cards_tool readers hold 0 3>&-; }
	read -r word <&"${HOLDER[0]}"
	[[ $word == held ]]
	told 3 readers wrong "another program holds the card in '$(cards_reader 0)'" "gpgconf --kill scdaemon"
	[[ $(card_ctl 0 count) == 0 ]]
}

@test "a card that no module here can take is wrong, with its ATR; beside a token that is seen it is a note" {
	life_token yubikey
	roll doctor --module "$(company_softhsm)" --json
	[[ $status == 0 ]]
	json "one(d['checks'], name='$(cards_reader 0)')['level']" '"note"'
	# a blank one is always there with SoftHSM2
	softhsm2-util --delete-token --token "VPN token" >/dev/null
	roll doctor --module "$(company_softhsm)" --json
	[[ $status == 3 ]]
	json "one(d['checks'], level='wrong')['name']" "\"$(cards_reader 0)\"" \
		"'of a kind that no module here knows (ATR 3B' in one(d['checks'], level='wrong')['text']" true \
		"'the nearest profile is YubiKey PIV' in one(d['checks'], level='wrong')['text']" true
	# its own module takes it
	done_by doctor --json
	json "one(d['checks'], name='13371337')['level']" '"ok"'
}

@test "a module that cannot be loaded: missing, of another machine, no library, no PKCS#11" {
	local lib=$dir/token/lib.so
	soft_conf "token.module=$lib"
	told 3 modules wrong "cannot load the PKCS#11 module $lib (No such file" "install the package it belongs to"
	all_else_ok modules
	# a 32-bit library on a 64-bit machine, or the other way round: byte 4 is the class (elf(5))
	cp "$(company_softhsm)" "$lib"
	printf '%b' "\\x$([[ $(od -An -tu1 -j4 -N1 "$lib") -eq 2 ]] && echo 01 || echo 02)" |
		dd of="$lib" bs=1 seek=4 conv=notrunc status=none
	told 3 modules wrong "$lib (wrong ELF class" "a build of it for this machine"
	head -c 4096 /dev/zero >"$lib"
	told 3 modules wrong "$lib (invalid ELF header" "a build of it for this machine"
	cp "$(ldd "$(company_softhsm)" | awk '/libc\.so/ { print $3 }')" "$lib"
	told 3 modules wrong "$lib is a library, but not a PKCS#11 module"
	soft_conf
	roll doctor --module "$lib" --json
	[[ $status == 3 ]]
}

@test "a module that p11-kit passes over in silence is told with the reason; the others do" {
	company_can_p11kit || skip "needs a mount namespace when run as root"
	: >"$dir/token/broken.so"
	company_p11kit "$dir" "gone=/nowhere/lib.so" "broken=$dir/token/broken.so" "good=$(company_softhsm)"
	printf 'module: /nowhere/trust.so\ntrust-policy: yes\n' >"$dir/p11-kit/pkcs11/modules/trust.module"
	printf 'module: /nowhere/only.so\nenable-in: firefox\n' >"$dir/p11-kit/pkcs11/modules/only.module"
	soft_conf token.module=
	run -3 company_with_p11kit "$dir" "$program" -c "$dir/tokenroll.conf" doctor --json
	json "one(d['checks'], name='good')['level']" '"ok"' "one(d['checks'], name='gone')['level']" '"note"' \
		"'/nowhere/lib.so (No such file' in one(d['checks'], name='gone')['text']" true \
		"'file too short' in one(d['checks'], name='broken')['text']" true \
		"[c for c in d['checks'] if c['name'] in ('trust', 'only')]" "[]" \
		"[c['level'] for c in d['checks'] if c['name'] == '$serial']" '["ok"]'
	# the one that somebody has named
	soft_conf token.module=gone
	run -3 company_with_p11kit "$dir" "$program" -c "$dir/tokenroll.conf" doctor --json
	json "one(d['checks'], name='gone')['level']" '"wrong"' \
		"'named \'gone\'' in one(d['checks'], name='modules')['text']" true
}

@test "a configuration that is missing, mistaken or closed: its own words, and what can be told without it" {
	local was
	was=$(<"$dir/tokenroll.conf")
	printf '%s\n[ca]\nclr = x\n' "$was" >"$dir/tokenroll.conf"
	told 2 configuration wrong "line $(wc -l <"$dir/tokenroll.conf"): [ca] has no key 'clr'" "correct the configuration"
	json "sorted(set(c['part'] for c in d['checks'] if c['level'] == 'note' and 'not looked at' in c['text']))" \
		'["ca", "database", "handover", "mail"]' "one(d['checks'], name='user')['level']" '"ok"' \
		"one(d['checks'], name='pcscd')['level']" '"wrong"' "'openssl' in d['versions']" true
	# no module is loaded: nobody knows what to keep from it
	export NOSY_MODULE NOSY_LIST=$dir/log/list NOSY_LOG=$dir/log/nosy
	NOSY_MODULE=$(company_softhsm)
	: >"$NOSY_LIST"
	roll doctor --module "$tools/libnosy.so"
	[[ $status == 2 && ! -e $NOSY_LOG ]]
	rm "$dir/tokenroll.conf"
	told 2 configuration wrong "no configuration: cannot open $dir/tokenroll.conf" "write $dir/tokenroll.conf, or name"
	printf '%s\n' "$was" >"$dir/tokenroll.conf"
	chmod 0 "$dir/tokenroll.conf"
	mortal doctor
	[[ $status == 2 && $output == *"Permission denied"*"run it as root or as the user whom"* ]]
}

@test "a PKI that is missing, unfinished, or may not be written or read" {
	soft_conf "ca.pki=$dir/nothing"
	told 5 ca wrong "the PKI folder $dir/nothing cannot be opened" "easyrsa init-pki"
	all_else_ok ca
	soft_conf
	mv "$dir/pki/ca.crt" "$dir/log/"
	told 5 ca wrong "the CA certificate cannot be read" "easyrsa build-ca"
	mv "$dir/log/ca.crt" "$dir/pki/"
	mv "$dir/pki/reqs" "$dir/log/"
	told 5 ca wrong "its folder reqs is missing"
	mv "$dir/log/reqs" "$dir/pki/"
	chmod 0500 "$dir/pki/issued"
	mortal doctor -q
	[[ $status == 5 && $output == *"the PKI cannot be changed: no right to write $dir/pki/issued"* ]]
	chmod 0700 "$dir/pki/issued"
	chmod 0 "$dir/pki/private/ca.key"
	mortal doctor -q
	[[ $status == 5 && $output == *"the CA key $dir/pki/private/ca.key cannot be read"* ]]
	# on an HSM, which is not opened
	soft_conf "ca.key=pkcs11:token=CA;object=ca?module-path=/nowhere/hsm.so"
	told 5 ca wrong "the PKCS#11 module /nowhere/hsm.so of the CA's HSM is not on this machine" "install its package"
	soft_conf "ca.key=pkcs11:token=CA;object=ca?module-path=$(company_softhsm)"
	told 0 ca ok "on an HSM, which was not opened; the PKI can be written"
	soft_conf
	# one that is kept elsewhere may be meant so
	rm -f "$dir/pki/private/ca.key"
	told 0 ca note "the CA's key is not here" "--csr-only"
	echo "nothing of the kind" >>"$dir/pki/index.txt"
	told 5 ca wrong "index.txt"
}

# gen_crl FROM UNTIL: the CA's, published
gen_crl() {
	printf '[ca]\ndefault_ca = d\n[d]\ndatabase = %s\ncrlnumber = %s\ndefault_md = sha256\n' \
		"$dir/log/index.txt" "$dir/log/crlnumber" >"$dir/log/crl.cnf"
	: >"$dir/log/index.txt"
	echo 01 >"$dir/log/crlnumber"
	openssl ca -config "$dir/log/crl.cnf" -gencrl -crl_lastupdate "$1" -crl_nextupdate "$2" -passin "file:$dir/ca.pass" \
		-keyfile "$dir/pki/private/ca.key" -cert "$dir/pki/ca.crt" -out "$dir/server/crl.pem" 2>/dev/null
	cp "$dir/server/crl.pem" "$dir/pki/crl.pem"
}

@test "the CRL that the VPN server reads: expired, none, unreadable, or closed to the server's user" {
	gen_crl 20200101000000Z 20210101000000Z
	told 5 ca wrong "the CRL ended on 2021-01-01" "tokenroll crl"
	all_else_ok ca
	gen_crl 20200101000000Z "$(date -u -d '10 days' +%Y%m%d%H%M%SZ)"
	told 0 ca note "the CRL ends on" "tokenroll crl"
	echo "nothing of the kind" >"$dir/server/crl.pem"
	told 5 ca wrong "$dir/server/crl.pem"
	rm "$dir/server/crl.pem"
	told 5 ca wrong "the CRL is not where the VPN server reads it"
	company_publish_crl "$dir"
	chmod 0600 "$dir/server/crl.pem"
	told 0 ca note "$dir/server/crl.pem is closed to others" "chmod"
	gen_crl 20200101000000Z 20410101000000Z
	chmod 0644 "$dir/server/crl.pem"
	chmod 0 "$dir/server"
	mortal doctor -q
	chmod 0755 "$dir/server"
	[[ $status == 5 && $output == *"Permission denied"* ]]
}

@test "a template that is broken, or names a file that is missing; and what stands in a bundle's way" {
	cp -r "$COMPANY_ROOT/templates" "$dir/templates"
	echo "{{nobody_has_said}}" >>"$dir/templates/client.ovpn"
	soft_conf "vpn.templates=$dir/templates"
	told 2 handover wrong "nobody_has_said" "client.ovpn"
	all_else_ok handover
	soft_conf "template.tls_crypt=@$dir/nothing"
	told 2 handover wrong "$dir/nothing"
	soft_conf
	mkdir -p "$dir/bundles/doctor"
	echo mine >"$dir/bundles/doctor/mine"
	told 6 handover wrong "$dir/bundles/doctor/mine was not made by tokenroll" "move it out of the way"
	rm -r "$dir/bundles"
	: >"$dir/bundles"
	told 1 handover wrong "$dir/bundles"
}

@test "mail that is not configured rightly is wrong, and the templates are looked at all the same" {
	soft_conf mail.to=ca@example.com mail.from=ca@example.com mail.smtp=http://mail
	told 2 mail wrong "is not a host, or host:port" "without smtp://"
	all_else_ok mail
	soft_conf mail.to=ca@example.com mail.from=ca@example.com mail.smtp=mail.example.com:587 mail.user=ca \
		"mail.password-file=$dir/new"
	told 0 mail ok "to ca@example.com by mail.example.com:587; the server was not asked"
	chmod 0644 "$dir/new"
	told 2 mail wrong "[mail] password-file: $dir/new can be read by others"
	all_else_ok mail
}

@test "a database: none, ours, an older one, of a newer version, no database, damaged, alone with its log" {
	local db=$dir/tokenroll.db
	told 0 database ok "$db is not there yet"
	[[ -z $(find "$dir" -name 'tokenroll.db*') ]]
	enroll --pin-file "$old"
	told 0 database ok "$db, version "
	sqlite3 "$db" "PRAGMA user_version = 99"
	unchanged doctor
	told 1 database wrong "written by a newer tokenroll (its version is 99" "Use the newer tokenroll"
	all_else_ok database
	sqlite3 "$db" "PRAGMA user_version = 3"
	unchanged doctor
	told 0 database ok "version 3; the next command brings it to version" "keeps a copy"
	sqlite3 "$db" "PRAGMA application_id = 5"
	told 1 database wrong "belongs to another program"
	mv "$db" "$db-wal"
	told 1 database wrong "is missing, but not its log"
	rm "$db"*
	echo "this is no database" >"$db"
	told 1 database wrong "not a database"
	rm "$db"
	mkdir "$db"
	told 1 database wrong "$db"
}

@test "a database of somebody else: its user is to run it, and nobody is told that it is well" {
	enroll --pin-file "$old"
	chmod 0400 "$dir/tokenroll.db"
	mortal doctor -q
	[[ $status == 1 && $output == *"it is not writable"*"Run this as the user who owns the database"* ]]
	chmod 0 "$dir/tokenroll.db"
	mortal doctor -q
	[[ $status == 1 && $output == *"Run this as the user who owns"* || $output == *"this may write the file and the folder"* ]]
}

@test "nothing is changed: no file, no time, no token object; no database is made, nor its folder, nor one for caches" {
	local word
	export HOME=$dir/home
	mkdir "$HOME"
	soft_conf "store.path=$dir/data/tokenroll.db" "bundle.dir=$dir/data/bundles"
	unchanged doctor
	[[ $status == 0 && ! -e $dir/data && -z $(ls -A "$HOME") ]]
	soft_conf
	enroll --pin-file "$old"
	unchanged doctor
	[[ $status == 0 ]]
	unchanged doctor --json -v
	# while another one is at work with it
	coproc USER { sqlite3 "$dir/tokenroll.db" 3>&-; }
	echo "BEGIN IMMEDIATE; INSERT INTO people (name, created) VALUES ('x', 0); COMMIT; SELECT 'written';" >&"${USER[1]}"
	read -r word <&"${USER[0]}"
	[[ $word == written && -s $dir/tokenroll.db-wal ]]
	unchanged doctor --json
	[[ $status == 0 ]]
	json "'in use' in one(d['checks'], part='database')['text']" true
}

@test "a token that is in use is left alone: no PIN try is spent, no APDU changes anything" {
	life_token yubikey
	watch
	roll doctor
	[[ $status == 0 ]]
	nothing_sent
	is pin-tries 3 puk-tries 3
}

@test "--json: one document, with these fields and no others" {
	done_by doctor --json
	json "sorted(d)" '["checks", "ok", "versions"]' "d['ok']" true \
		"sorted(set(k for c in d['checks'] for k in c))" '["level", "name", "next", "part", "text"]' \
		"sorted(set(c['part'] for c in d['checks']))" \
		'["ca", "configuration", "database", "handover", "mail", "modules", "process", "readers"]' \
		"set(c['level'] for c in d['checks']) <= {'ok', 'note', 'wrong'}" true \
		"[k for k in ('tokenroll', 'openssl', 'sqlite', 'kernel', 'distribution') if not d['versions'].get(k)]" '[]' \
		"[c['next'] for c in d['checks'] if c['level'] == 'ok']" "$(printf '%s' "$(python3 -c '
import json, sys
print(json.dumps([None for c in json.load(sys.stdin)["checks"] if c["level"] == "ok"]))' <<<"$output")")"
	soft_conf "ca.pki=$dir/nothing"
	roll doctor --json
	[[ $status == 5 ]]
	json "d['ok']" false "bool(one(d['checks'], level='wrong')['next'])" true
	# the versions are those of what is loaded, and of the packages that are here
	json "d['versions']['openssl']" "\"$(openssl version -v | sed 's/.*Library: OpenSSL \([^ ]*\).*/\1/; t; s/OpenSSL \([^ ]*\).*/\1/')\""
	if command -v dpkg-query >/dev/null; then
		json "d['versions']['easy_rsa']" "\"$(dpkg-query -W -f='${Version}' easy-rsa)\""
	fi
	refused 2 "one argument too many" doctor alice
}

@test "no secret is in what it says: no PIN, passphrase or password, nothing of keys" {
	enroll --pin-file "$old"
	soft_conf mail.to=ca@example.com mail.from=ca@example.com mail.smtp=mail.example.com:587 mail.user=ca \
		"mail.password-file=$dir/newer"
	local way line hidden=("$COMPANY_PASSPHRASE" "$COMPANY_PIN" "$COMPANY_SO_PIN" "$(<"$dir/newer")"
		"$(sed -n 10p "$dir/server/tls-crypt.key")" "$(sed -n 2p "$dir/pki/private/ca.key")")
	for way in -q -v --json; do
		done_by doctor "$way" --pin-file "$dir/pin" "${ca[@]}"
		for line in "${hidden[@]}"; do
			[[ ${#line} -ge 6 && $output != *"$line"* && $stderr != *"$line"* ]] || { echo "said: '$line'" && return 1; }
		done
	done
}

@test "it has its help, and is in the list of all" {
	done_by doctor --help
	shows "usage: tokenroll doctor" "why it does not work here"
	done_by --help
	shows "why it does not work here"
	awk 'length > 120' <<<"$output" | run -1 grep doctor
}
