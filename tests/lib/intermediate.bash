# shellcheck shell=bash
# intermediate: the company's CA becomes an intermediate one, below a root that is kept elsewhere. Load it after
# company.bash.
#
#   DIR/root/root.key, root.crt, root.crl      the root, with its CRL

# intermediate_root DIR [DAYS [OPENSSL-X509-EXTENSION...]]: a new root
intermediate_root() {
	local dir=$1 days=${2:-3650} ext
	shift $(($# < 2 ? $# : 2))
	mkdir -p "$dir/root"
	printf 'basicConstraints=critical,CA:TRUE%s\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' \
		"${ROOT_PATHLEN:+,pathlen:$ROOT_PATHLEN}" >"$dir/root/ext"
	for ext; do printf '%s\n' "$ext" >>"$dir/root/ext"; done
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/root/root.key" 2>"$dir/log/root"
	openssl req -new -key "$dir/root/root.key" -subj "/CN=Example Root CA" -out "$dir/root/root.req"
	openssl x509 -req -in "$dir/root/root.req" -key "$dir/root/root.key" -days "$days" -extfile "$dir/root/ext" \
		-set_serial 0x11 -out "$dir/root/root.crt" 2>>"$dir/log/root"
}

# intermediate_sign DIR [OPENSSL-CA-OPTION...]: the root's certificate for the key of the company's CA, in DIR/root/sub.crt
intermediate_sign() {
	local dir=$1
	shift
	printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n%s\n%s\n' \
		'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid,issuer' >"$dir/root/sub.ext"
	: >"$dir/root/index.txt"
	printf '%s\n' '[ca]' 'default_ca=x' '[x]' "database=$dir/root/index.txt" "new_certs_dir=$dir/root" 'rand_serial=yes' \
		'default_md=sha256' 'default_days=3000' 'default_crl_days=30' 'policy=p' '[p]' 'commonName=supplied' \
		>"$dir/root/ca.cnf"
	openssl req -new -key "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" -subj "/CN=Example VPN CA" \
		-out "$dir/root/sub.req"
	company_run "$dir" root openssl ca -batch -config "$dir/root/ca.cnf" -in "$dir/root/sub.req" -notext \
		-keyfile "$dir/root/root.key" -cert "$dir/root/root.crt" -extfile "$dir/root/sub.ext" \
		-out "$dir/root/sub.crt" "$@"
}

# intermediate_crl DIR [OPENSSL-CA-OPTION...]: the root's CRL
intermediate_crl() {
	local dir=$1
	shift
	company_run "$dir" root openssl ca -gencrl -config "$dir/root/ca.cnf" -keyfile "$dir/root/root.key" \
		-cert "$dir/root/root.crt" -out "$dir/root/root.crl" "$@"
}

# intermediate_new DIR: the CA of company_new has a certificate by a root, ca.crt holds both, and the VPN server gets a
# certificate that names it
intermediate_new() {
	local dir=$1
	intermediate_root "$dir"
	intermediate_sign "$dir"
	intermediate_crl "$dir"
	cat "$dir/root/sub.crt" "$dir/root/root.crt" >"$dir/pki/ca.crt"
	rm "$dir"/pki/{issued/server.crt,reqs/server.req,private/server.key}
	: >"$dir/pki/index.txt"
	company_run "$dir" pki company_easyrsa "$dir" build-server-full server nopass
	company_run "$dir" pki company_easyrsa "$dir" gen-crl
	cp "$dir/pki/issued/server.crt" "$dir/pki/private/server.key" "$dir/server/"
	company_publish_crl "$dir"
}
