#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# `tokenroll revoke`: any certificate of the PKI, whoever issued it; what was revoked stays so, and the VPN server hears
# of it.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
}

# serial_of NAME: of the certificate that easy-rsa keeps under that name
serial_of() {
	openssl x509 -in "$dir/pki/issued/$1.crt" -noout -serial | cut -d= -f2
}

# on_crl SERIAL [REASON]: it is on the CRL that the VPN server reads, for that reason
on_crl() {
	local entry
	openssl crl -in "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" -noout
	entry=$(openssl crl -in "$dir/server/crl.pem" -noout -text | grep -A 4 "Serial Number: $1\$")
	[[ -z ${2:-} || $entry == *"$2"* ]]
}

easy() {
	company_run "$dir" easyrsa company_easyrsa "$dir" "$@"
}

# nothing_revoked: no row, and the CRL is the one there was
nothing_revoked() {
	run -1 grep "^R" "$dir/pki/index.txt"
	cmp "$dir/pki/crl.pem" "$dir/server/crl.pem"
}

@test "what tokenroll issued is revoked, on the CRL, and in inventory and trail" {
	local cert
	enroll --pin-file "$old"
	cert=$(serial_of alice)
	done_by revoke alice --reason affiliationChanged "${ca[@]}" --json
	json "d['ok']" true "d['user']" '"alice"' "d['certificate']['serial']" "\"$cert\"" \
		"d['certificate']['revoked']['already']" false "d['certificate']['revoked']['reason']" '"affiliationChanged"'
	on_crl "$cert" "Affiliation Changed"
	[[ $(db "select state || ',' || reason || ',' || (revoked > 0) from credentials") == revoked,affiliationChanged,1 ]]
	[[ $(db "select detail from audit where action = 'certificate-revoked' and user = 'alice' and cert_serial = '$cert'
		and token_serial = '$serial'") == affiliationChanged ]]
	run -2 openssl verify -crl_check -CAfile "$dir/pki/ca.crt" -CRLfile "$dir/server/crl.pem" \
		"$dir/pki/revoked/certs_by_serial/$cert.crt"
}

@test "what easy-rsa issued is revoked by its name, and easy-rsa sees it so" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	done_by revoke bob "${ca[@]}"
	shows "Certificate $cert of bob is revoked (unspecified)" "$dir/server/crl.pem has it"
	on_crl "$cert"
	[[ ! -e $dir/pki/issued/bob.crt && -e $dir/pki/revoked/certs_by_serial/$cert.crt ]]
	run -1 company_easyrsa "$dir" revoke bob
	easy gen-crl
}

@test "a serial number is taken as openssl shows it, with colons and in lowercase" {
	local cert typed
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	typed=$(sed 's/../&:/g; s/:$//' <<<"${cert,,}")
	done_by revoke --cert-serial "$typed" --reason keyCompromise "${ca[@]}"
	on_crl "$cert" "Key Compromise"
}

@test "names that are no user's: with blanks, not ASCII, and files under another name" {
	local cert name
	for name in "Jürgen Müller" "R&D laptop 7"; do
		EASYRSA_REQ_CN=$name easy --req-cn="$name" gen-req file nopass
		easy sign-req client file
		cert=$(serial_of file)
		done_by revoke "$name" "${ca[@]}" --json
		json "d['user']" "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$name")"
		on_crl "$cert"
		[[ ! -e $dir/pki/issued/file.crt && -e $dir/pki/revoked/certs_by_serial/$cert.crt ]]
		rm -f "$dir/pki/reqs/file.req" "$dir/pki/private/file.key"
	done
	easy --req-cn="Somebody" gen-req file nopass
	easy sign-req client file
	cert=$(serial_of file)
	done_by revoke file "${ca[@]}"
	on_crl "$cert"
}

@test "one whose row index.txt has lost is known by its file, and gets its row back first" {
	local cert theirs
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	easy build-client-full carol nopass
	theirs=$(serial_of carol)
	sed -i '/CN=bob$/d; /CN=carol$/d' "$dir/pki/index.txt"
	done_by revoke bob --reason keyCompromise "${ca[@]}"
	on_crl "$cert" "Key Compromise"
	[[ $(rows R bob) == 1 && $(rows V bob) == 0 ]]
	done_by revoke --cert-serial "$theirs" "${ca[@]}"
	on_crl "$theirs"
	[[ $(rows R carol) == 1 ]]
	easy gen-crl
	# but only one that this CA has signed
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=dave -set_serial 0xAB01 \
		-out "$dir/pki/certs_by_serial/AB01.pem" 2>/dev/null
	cp "$dir/pki/certs_by_serial/AB01.pem" "$dir/pki/issued/dave.crt"
	refused 5 "there is no certificate of dave" revoke dave "${ca[@]}"
	refused 5 "there is no certificate with the serial number AB01" revoke --cert-serial AB01 "${ca[@]}"
}

@test "a server's certificate only after an explicit yes" {
	local cert
	cert=$(serial_of server)
	refused 6 "is a server's: its VPN connections break, so it was not revoked" revoke server "${ca[@]}"
	says "--yes"
	refused 6 "a server's" revoke --cert-serial "$cert" "${ca[@]}"
	nothing_revoked
	done_by revoke server --yes --reason superseded "${ca[@]}"
	on_crl "$cert" Superseded
}

@test "of several valid certificates of one name it has to be said which" {
	local first second
	easy build-client-full bob nopass
	first=$(serial_of bob)
	mv "$dir/pki/issued/bob.crt" "$dir/pki/reqs/bob.req" "$dir/pki/private/bob.key" "$dir/log/"
	easy build-client-full bob nopass
	second=$(serial_of bob)
	refused 2 "bob has 2 valid certificates" revoke bob "${ca[@]}"
	says "$first" "$second" "--cert-serial"
	nothing_revoked
	done_by revoke --cert-serial "$first" "${ca[@]}"
	on_crl "$first"
	says "another valid certificate of bob, $second" "tokenroll revoke --cert-serial $second"
	[[ -e $dir/pki/issued/bob.crt ]]
	done_by revoke bob "${ca[@]}"
	on_crl "$second"
}

@test "in an overlap each is told with its token or its day, on one line, and --all revokes them" {
	local first second
	company_conf "$dir" ca.overlap=7
	enroll --pin-file "$old"
	first=$(serial_of alice)
	done_by renew alice --pin-file "$old" "${ca[@]}"
	second=$(serial_of alice)
	refused 2 "alice has 2 valid certificates: $first until " revoke alice "${ca[@]}"
	says "$first until $(date -u -d '+825 days' +%F), replaced, to be revoked on $(date -u -d '+7 days' +%F);" \
		"$second until $(date -u -d '+825 days' +%F), on token $serial" "--all"
	[[ $stderr != *"?"* ]]
	nothing_revoked
	done_by revoke alice --all --reason cessationOfOperation "${ca[@]}" --json
	json "[c['serial'] for c in d['certificates']]" "[\"$first\", \"$second\"]" \
		"[c['revoked']['reason'] for c in d['certificates']]" '["cessationOfOperation", "cessationOfOperation"]'
	on_crl "$first" "Cessation Of Operation"
	on_crl "$second" "Cessation Of Operation"
	[[ $(rows V) == 0 && $(db "select count(*) from credentials where revoked = 0") == 0 ]]
	# where there is one it is that, and once more it is already
	done_by revoke alice --all
	shows "was revoked on"
	done_by status --json || true
	json "d['totals']['waiting']" 0
	refused 2 "--all is about a user" revoke --all --cert-serial "$first" "${ca[@]}"
	refused 2 "which certificate" revoke --all "${ca[@]}"
}

@test "of several one may be a server's: nothing is revoked without a yes" {
	easy build-client-full bob nopass
	mv "$dir/pki/issued/bob.crt" "$dir/pki/reqs/bob.req" "$dir/pki/private/bob.key" "$dir/log/"
	easy build-server-full bob nopass
	refused 6 "a server's" revoke bob --all "${ca[@]}"
	nothing_revoked
	done_by revoke bob --all --yes "${ca[@]}"
	[[ $(rows R bob) == 2 ]]
}

@test "an unknown user, an unknown serial number, and one that is none" {
	refused 5 "there is no certificate of nobody in $dir/pki/index.txt" revoke nobody "${ca[@]}"
	says "capitals count" "--cert-serial"
	refused 5 "there is no certificate with the serial number 12AB" revoke --cert-serial 12ab "${ca[@]}"
	mv "$dir/pki/index.txt" "$dir/pki/private/ca.key" "$dir/log/"
	refused 5 "nothing can be revoked here: the PKI $dir/pki has no index.txt" revoke nobody "${ca[@]}"
	mv "$dir/log/index.txt" "$dir/pki/"
	mv "$dir/log/ca.key" "$dir/pki/private/"
	refused 2 "is not a serial number" revoke --cert-serial xyz "${ca[@]}"
	refused 2 "which certificate" revoke "${ca[@]}"
	refused 2 "do not go together" revoke alice --cert-serial 12AB "${ca[@]}"
	nothing_revoked
}

@test "a reason that does not exist is refused with the list of those there are" {
	easy build-client-full bob nopass
	refused 2 "\"stolen\" is no reason" revoke bob --reason stolen "${ca[@]}"
	says unspecified keyCompromise CACompromise affiliationChanged superseded cessationOfOperation certificateHold
	nothing_revoked
}

@test "one that is revoked already: when and why, status 0, no passphrase, and the server has it" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	done_by revoke bob --reason superseded "${ca[@]}"
	done_by revoke bob --reason keyCompromise
	shows "Certificate $cert of bob was revoked on $(date -u +%F) (superseded)"
	on_crl "$cert" Superseded
	# easy-rsa has revoked it, and made no CRL
	easy build-client-full carol nopass
	cert=$(serial_of carol)
	easy revoke carol keyCompromise
	done_by revoke carol "${ca[@]}"
	shows "was revoked on"
	on_crl "$cert" "Key Compromise"
	# the CRL was made, but never published
	cp "$dir/server/crl.pem" "$dir/log/older.pem"
	easy build-client-full dave nopass
	cert=$(serial_of dave)
	easy revoke dave
	easy gen-crl
	done_by revoke dave "${ca[@]}"
	on_crl "$cert"
}

@test "a CRL that cannot be published: the revocation stands, and it is said what to copy where" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem"
	refused 5 "certificate $cert is revoked" revoke bob "${ca[@]}"
	says "the VPN server still reads an old CRL" "copy $dir/pki/crl.pem to $dir/nowhere/crl.pem"
	[[ $(rows R bob) == 1 ]]
	[[ $(db "select count(*) from audit where action = 'certificate-revoked'") == 1 ]]
	mkdir "$dir/nowhere"
	done_by revoke bob "${ca[@]}"
	openssl crl -in "$dir/nowhere/crl.pem" -noout -text | grep -q "Serial Number: $cert"
	[[ $(db "select count(*) from audit where action = 'certificate-revoked'") == 1 ]]
}

@test "a wrong passphrase revokes nothing, and a database that is damaged keeps nobody's certificate valid" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	secret wrong nonsense
	refused 5 "passphrase of the CA key is wrong" revoke bob --ca-pass-file "$dir/wrong"
	nothing_revoked
	refused 2 "--ca-pass-file" revoke bob
	nothing_revoked
	echo "this is no database" >"$dir/tokenroll.db"
	refused 1 "certificate $cert is revoked, but that could not be noted in the inventory" revoke bob "${ca[@]}"
	on_crl "$cert"
}

@test "killed at any step, the same command ends with the certificate on the server's CRL" {
	local cert n
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	cp -a "$dir/pki" "$dir/pki.before"
	cp "$dir/server/crl.pem" "$dir/log/crl.before"
	for n in 1 3 5 8 12 16 20; do
		rm -rf "$dir/pki" "$dir/tokenroll.db"*
		cp -a "$dir/pki.before" "$dir/pki"
		cp "$dir/log/crl.before" "$dir/server/crl.pem"
		timeout -s KILL "0.0$n" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" revoke bob "${ca[@]}" </dev/null || true
		sleep 0.5
		done_by revoke bob "${ca[@]}"
		on_crl "$cert"
		[[ $(rows R bob) == 1 ]]
	done
}
