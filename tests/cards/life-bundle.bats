#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll bundle: profiles again, e.g. after a template was changed, or for laptops with another module, whose id of the
# key only the token itself can tell.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

# id: of the key, as the profile in the bundle has it
id() {
	rm -rf "${BATS_TEST_TMPDIR:?}/home"
	mkdir "$BATS_TEST_TMPDIR/home"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$BATS_TEST_TMPDIR/home"
	sed -n "s/^pkcs11-id '\(.*\)'\$/\1/p" "$BATS_TEST_TMPDIR/home/alice/alice-linux.ovpn"
}

# provider: the module that the profile names
provider() {
	sed -n 's/^pkcs11-providers *//p' "$BATS_TEST_TMPDIR/home/alice/alice-linux.ovpn"
}

# as_module_says MODULE: the id is one that OpenVPN itself gives with that module
as_module_says() {
	openvpn --show-pkcs11-ids "$1" | sed -n 's/^ *Serialized id: *//p' | grep -qxF -- "$(id)"
}

@test "after a template was changed, without the token and without a PIN" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	cards_stop
	cp -r "$COMPANY_ROOT/templates" "$dir/templates"
	echo "setenv NEW_LINE 1" >>"$dir/templates/client.ovpn"
	life_conf "token.module=$(cards_module ykcs11)" "vpn.templates=$dir/templates"
	first=$(id)
	done_by bundle alice --json
	json "d['ok']" true "d['user']" '"alice"' "d['bundle'] is not None" true
	[[ $(id) == "$first" ]]
	grep -q "setenv NEW_LINE 1" "$BATS_TEST_TMPDIR/home/alice/alice-linux.ovpn"
	[[ $(rows V) == 1 && $(db "select state from credentials") == delivered ]]
	done_by bundle alice
	shows "bundles/alice.tar.gz"
}

@test "for laptops with ykcs11, and again with OpenSC: each has the id that its module gives" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	as_module_says "$(cards_module opensc)"
	done_by bundle alice --client-module "$(cards_module ykcs11)" --json
	as_module_says "$(cards_module ykcs11)"
	[[ $(provider) == *ykcs11* ]]
	done_by bundle alice --client-module "$(cards_module opensc)"
	as_module_says "$(cards_module opensc)"
	[[ $(provider) == *opensc* ]]
	# and that is what a later check goes by
	done_by --serial "$serial" "${ca[@]}" --pin-file "$dir/new" --json alice
	json "d['already']" true
	as_module_says "$(cards_module opensc)"
}

@test "for a module that has not named the key yet, a missing token is asked for" {
	life_token yubikey
	life_conf "token.module=$(cards_module ykcs11)" "vpn.client-module-linux=$(cards_module ykcs11)"
	enroll --new-pin-file "$dir/new"
	first=$(id)
	card_ctl 0 pull
	refused 3 "alice" bundle alice --client-module "$(cards_module opensc)"
	says "put the token of alice (13371337) in"
	[[ $(id) == "$first" ]]
	card_ctl 0 insert
	done_by bundle alice --client-module "$(cards_module opensc)"
	as_module_says "$(cards_module opensc)"
}

@test "for a module that is not here it is refused, and the bundle stays" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	first=$(id)
	refused 3 "is not on this machine" bundle alice --client-module /usr/lib/no-such-module.so
	[[ $(id) == "$first" ]]
}

@test "another user's card in the reader is not taken for hers" {
	life_token yubikey
	life_conf "token.module=$(cards_module ykcs11)" "vpn.client-module-linux=$(cards_module ykcs11)"
	enroll --new-pin-file "$dir/new"
	card_ctl 0 pull
	card_new piv 1 attestation=ec:P-256 serial=42424242
	first=$(id)
	refused 3 "put the token of alice (13371337) in" bundle alice --client-module "$(cards_module opensc)"
	[[ $(id) == "$first" ]]
}

@test "who has no certificate has no bundle" {
	life_token hsm
	refused 3 "alice has no finished enrollment" bundle alice
	refused 2 "whose bundle" bundle
	refused 2 "one argument too many" bundle alice bob
	roll --serial "$serial" --pin-file "$old" --csr-only alice
	refused 3 "alice has no finished enrollment" bundle alice
	[[ ! -e $dir/bundles/alice.tar.gz ]]
}

@test "with the modules of the profile that the token was enrolled with, also where only the reader told which" {
	life_token soft
	mkdir "$dir/profiles"
	sed "s|^\\[match\\]|[match]\\nreader = SoftHSM slot*|; s|^enroll = .*|enroll = libsofthsm2.so\\nclient-windows = C:/mine.dll\\nclient-macos = /mine.so|" \
		"$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/mine.conf"
	life_conf "token.module=$(company_softhsm)" "token.profiles=$dir/profiles"
	enroll --pin-file "$old"
	grep -q "C:/mine.dll" "$dir/bundles/alice/alice-windows.ovpn"
	done_by bundle alice
	grep -q "C:/mine.dll" "$dir/bundles/alice/alice-windows.ovpn"
	grep -q "/mine.so" "$dir/bundles/alice/alice-macos.ovpn"
}
