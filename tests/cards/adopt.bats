#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# The inventory is lost: adopt makes it again from the PKI and the tokens, for each kind of token, and what OpenVPN on
# the laptops calls the key is the same as before.

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

# facts: what the inventory says of the one credential there is
facts() {
	sqlite3 "$dir/tokenroll.db" "SELECT p.name, t.serial, t.model, t.manufacturer, c.state, c.key_type,
		hex(c.cka_id), hex(c.spki), hex(c.cert), c.cert_serial, c.not_after, c.module, c.pkcs11_id, c.client_module,
		c.enroll_id, hex(c.csr) FROM credentials c JOIN people p ON p.id = c.person JOIN tokens t ON t.id = c.token"
}

lost_and_adopted() {
	facts >"$dir/before"
	mkdir "$dir/away"
	mv "$dir"/tokenroll.db* "$dir/away/"
	done_by adopt
	facts | diff "$dir/before" -
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['user']" '"alice"'
	done_by bundle alice
}

@test "a token in software" {
	life_token soft
	enroll --pin-file "$old"
	lost_and_adopted
}

@test "a SmartCard-HSM" {
	life_token hsm
	enroll --pin-file "$old"
	lost_and_adopted
	done_by pin --pin-file "$old" --new-pin-file "$dir/new" alice
}

@test "a YubiKey, whose laptops have another module than the one that enrolls" {
	life_token yubikey
	enroll --keep-factory-pins --pin-file "$old"
	lost_and_adopted
	[[ $(sqlite3 "$dir/tokenroll.db" "SELECT pkcs11_id <> enroll_id FROM credentials") == 1 ]]
}
