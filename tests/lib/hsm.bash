# shellcheck shell=bash
# hsm: the CA key of a company on an HSM: a second SoftHSM2, with a configuration and a library file of its own, so that
# in a process it can be told from the employees' one. Load it after company.bash.
#
#   DIR/hsm/libhsm.so       the HSM's module         DIR/hsm/softhsm2.conf, tokens/
#   DIR/hsm.pin             the PIN of its token     DIR/away/ca.key     what the key was before, plain, for openssl

: "${HSM_PIN:=90817263}"
HSM_LABEL="Company CA"

# hsm_softhsm DIR COMMAND...: on the HSM's SoftHSM
hsm_softhsm() {
	local dir=$1
	shift
	SOFTHSM2_CONF=$dir/hsm/softhsm2.conf "$@"
}

# hsm_token DIR LABEL: one more token in it, with the PIN of DIR/hsm.pin
hsm_token() {
	hsm_softhsm "$1" company_run "$1" hsm softhsm2-util --init-token --free --label "$2" --pin "$HSM_PIN" \
		--so-pin "$COMPANY_SO_PIN"
}

# hsm_import DIR LABEL OBJECT ID KEY: a plain key file becomes that object on that token
hsm_import() {
	openssl pkcs8 -topk8 -nocrypt -in "$5" -out "$1/away/import.pem"
	hsm_softhsm "$1" company_run "$1" hsm softhsm2-util --import "$1/away/import.pem" --token "$2" --label "$3" \
		--id "$4" --pin "$HSM_PIN"
}

hsm_serial() {
	hsm_softhsm "$1" softhsm2-util --show-slots | awk -v label="$2" '
		/^ *Serial number:/ { serial = $3 }
		/^ *Label:/ { sub(/^ *Label: */, ""); sub(/ *$/, ""); if ($0 == label) { print serial; found = 1 } }
		END { exit !found }'
}

# hsm_new DIR: an HSM with an empty token "Company CA"
hsm_new() {
	local dir=$1
	mkdir -p "$dir/hsm/tokens" "$dir/away"
	chmod 700 "$dir/away"
	cat >"$dir/hsm/softhsm2.conf" <<-CONF
		directories.tokendir = $dir/hsm/tokens
		objectstore.backend = file
		log.level = ERROR
	CONF
	cp "$(company_softhsm)" "$dir/hsm/libhsm.so"
	company_secret "$dir/hsm.pin" "$HSM_PIN"
	hsm_token "$dir" "$HSM_LABEL"
}

# hsm_take_key DIR [ALGORITHM]: the CA's key moves from its file into the HSM; with an algorithm (RSA:3072, EC:P-384) the
# CA first gets a key like that, and a certificate for it.
hsm_take_key() {
	local dir=$1
	openssl pkey -in "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" -out "$dir/away/ca.key"
	[[ -z ${2:-} ]] || hsm_other_key "$dir" "$2"
	hsm_import "$dir" "$HSM_LABEL" ca-key 0a "$dir/away/ca.key"
	rm "$dir/pki/private/ca.key"
}

hsm_other_key() {
	local dir=$1 how=(-algorithm EC -pkeyopt "ec_paramgen_curve:${2#*:}")
	[[ $2 != RSA:* ]] || how=(-algorithm RSA -pkeyopt "rsa_keygen_bits:${2#*:}")
	openssl genpkey "${how[@]}" -out "$dir/away/ca.key" 2>"$dir/log/genpkey"
	openssl req -x509 -new -key "$dir/away/ca.key" -subj "/CN=Example VPN CA" -days 3650 -out "$dir/pki/ca.crt" \
		-addext "keyUsage=critical,keyCertSign,cRLSign"
	openssl ca -gencrl -config <(printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=30\n' \
		"$dir/pki/index.txt") -keyfile "$dir/away/ca.key" -cert "$dir/pki/ca.crt" -out "$dir/pki/crl.pem" 2>"$dir/log/gencrl"
	company_publish_crl "$dir"
}

# hsm_uri DIR [PATH-ATTRIBUTES [QUERY-ATTRIBUTES]]
hsm_uri() {
	printf 'pkcs11:%s?module-path=%s%s\n' "${2-token=Company%20CA;object=ca-key}" "${HSM_MODULE:-$1/hsm/libhsm.so}" "${3-}"
}

# hsm_conf DIR URI [SECTION.KEY=VALUE...]: company_conf for a CA on this HSM
hsm_conf() {
	local dir=$1
	company_conf "$dir" "ca.key=$2" "ca.hsm-env=SOFTHSM2_CONF=$dir/hsm/softhsm2.conf" \
		"ca.hsm-writes=$dir/hsm/tokens" "${@:3}"
}

# hsm_tokenroll DIR ARGUMENT...: the program, with the HSM's PIN instead of a passphrase
hsm_tokenroll() {
	local dir=$1
	shift
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/hsm.pin" "$@" </dev/null
}
