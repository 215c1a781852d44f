#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $stderr and $status, each test in its own shell
# `tokenroll audit`: who did what, in a table, JSON and CSV; whatever is changed in the trail by force is found and named;
# and who writes all of it anew is found by a checkpoint that was kept elsewhere.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	# enrolled once: what the tests change they change in a copy
	base=$BATS_FILE_TMPDIR/base
	company_new "$base"
	SUDO_USER=carol company_tokenroll "$base" -q alice
	export base
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	cp -a "$base" "$dir"
	company_conf "$dir"
	db=$dir/tokenroll.db
	token=$(sqlite3 "$db" "SELECT serial FROM tokens")
	cert=$(sqlite3 "$db" "SELECT cert_serial FROM credentials")
	last=$(sqlite3 "$db" "SELECT max(id) FROM audit")
}

audit() {
	run --separate-stderr company_tokenroll "$dir" audit "$@"
	printf 'status %s\nstdout: %s\nstderr: %s\n' "$status" "$output" "$stderr"
}

# by_force SQL: what somebody does who may write the file
by_force() {
	local trigger
	for trigger in audit_no_update audit_no_delete audit_only_append audit_moves_head audit_head_follows \
		audit_head_stays checkpoints_no_update checkpoints_no_delete; do
		sqlite3 "$db" "DROP TRIGGER IF EXISTS $trigger"
	done
	sqlite3 "$db" "$1"
}

# rewrite: the whole chain and its end computed anew, after somebody has put in what he wanted
rewrite() {
	by_force "$1"
	python3 - "$db" <<-'PYTHON'
		import hashlib, sqlite3, struct, sys
		db = sqlite3.connect(sys.argv[1])
		prev, field = bytes(32), lambda b: struct.pack(">I", len(b)) + b
		texts = "login, sudo_user, host, action, user, token_serial, cert_serial, detail"
		for row in db.execute(f"SELECT id, at, {texts} FROM audit ORDER BY id").fetchall():
		    data = b"tokenroll audit record 1" + b"".join(field(struct.pack(">q", n)) for n in row[:2])
		    data += b"".join(field(t.encode()) for t in row[2:]) + field(prev)
		    own = hashlib.sha256(data).digest()
		    db.execute("UPDATE audit SET prev = ?, hash = ? WHERE id = ?", (prev, own, row[0]))
		    prev = own
		db.execute("UPDATE audit_head SET id = (SELECT max(id) FROM audit), hash = ?", (prev,))
		db.commit()
	PYTHON
}

json() {
	python3 -c 'import json, sys; d = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$output" "$1"
}

says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

@test "who did what to which token and certificate, and when: as a table" {
	audit
	((status == 0))
	[[ ${lines[0]} == *record*when*who*what*user*token*certificate* ]]
	((${#lines[@]} == last + 1))
	[[ ${lines[1]} == *" 1  "20[0-9][0-9]-*T*Z*"carol as "*@*user-added*alice* ]]
	[[ $output == *" issued "*alice*"$token"*"$cert"*"ec:P-256, CKA_ID"*"was requested"* ]]
}

@test "as JSON and as CSV the same records, each with its hash" {
	audit --json
	((status == 0))
	[[ $(json 'd["ok"], len(d["records"])') == "(True, $last)" ]]
	[[ $(json '[r["cert_serial"] for r in d["records"] if r["action"] == "issued"][0]') == "$cert" ]]
	[[ $(json 'd["records"][0]["sudo_user"], d["records"][0]["token_serial"]') == "('carol', None)" ]]
	[[ $(json 'd["records"][-1]["hash"]') == "$(sqlite3 "$db" "SELECT hex(hash) FROM audit_head")" ]]
	company_tokenroll "$dir" audit --csv >"$dir/audit.csv"
	python3 - "$dir/audit.csv" "$last" "$cert" <<-'PYTHON'
		import csv, sys
		rows = list(csv.DictReader(open(sys.argv[1], newline="")))
		assert len(rows) == int(sys.argv[2]), rows
		assert [r["cert_serial"] for r in rows if r["action"] == "issued"] == [sys.argv[3]]
		assert all(len(r["hash"]) == 64 for r in rows)
	PYTHON
}

@test "only what is asked for: by user, token and time" {
	by_force "UPDATE audit SET at = at - 10 * 86400 WHERE id <= 3; UPDATE audit SET user = 'bob' WHERE id = 2"
	audit --json --user bob
	[[ $(json '[r["record"] for r in d["records"]]') == "[2]" ]]
	audit --json --since 7d
	[[ $(json 'd["records"][0]["record"]') == 4 ]]
	audit --json --since 12h --serial "$token"
	[[ $(json 'd["records"][0]["record"], {r["token_serial"] for r in d["records"]}') == "(4, {'$token'})" ]]
	audit --json --since "$(date -u +%F)" --user carol
	[[ $(json 'd["ok"], d["records"]') == "(True, [])" ]]
	audit --user carol
	((status == 0))
	[[ $output == "No records." ]]
}

@test "a time that is none or to come, and options that do not go together, are usage errors" {
	local wrong
	audit --since yesterday
	((status == 2))
	says "'yesterday' is no time to count from" "7d or 12h"
	audit --since "$(date -u -d +2days +%F)"
	((status == 2))
	says "is in the future" "by this computer's clock it is $(date -u +%F)"
	for wrong in "--verify --checkpoint" "--verify --since 7d" "--checkpoint --user alice" "--verify --csv" \
		"--csv --json" "--checkpoint-file x" "--verify x" "x" "--checkpoint x y" "--user ../x"; do
		# shellcheck disable=SC2086  # words
		audit $wrong
		((status == 2))
		[[ -n $stderr ]]
	done
	audit --json --since nonsense
	[[ $(json 'd["ok"], d["error"]["code"]') == "(False, 'USAGE')" ]]
}

@test "a database that is not there is said and not made; one without records is listed and whole" {
	company_conf "$dir" "store.path=$dir/none.db"
	audit
	((status == 1))
	says "there is no database $dir/none.db"
	[[ ! -e $dir/none.db ]]
	company_tokenroll "$dir" tokens >/dev/null
	[[ -e $dir/none.db ]]
	audit
	((status == 0))
	audit --verify
	((status == 0))
	[[ $output == "0 records"* ]]
	audit --checkpoint
	((status == 1))
	says "there is nothing to sign"
}

@test "a trail that nobody has touched is whole" {
	audit --verify
	((status == 0))
	[[ $output == "$last records, all as they were written" ]]
	audit --verify --json
	[[ $(json 'd["ok"], d["records"], d["faults"], d["findings"], d["checkpoints"]') == "(True, $last, 0, [], [])" ]]
}

# finds SQL FAULT FIRST LAST: exit status 6, and that finding comes first, with its neighbours
finds() {
	cp "$base/tokenroll.db" "$db"
	by_force "$1"
	audit --verify --json
	((status == 6))
	[[ $(json 'd["ok"], d["error"]["code"]') == "(False, 'AUDIT_CHANGED')" ]]
	[[ $(json 'd["findings"][0]["fault"], d["findings"][0]["first"], d["findings"][0]["last"]') == "('$2', $3, $4)" ]]
	[[ $(json 'd["findings"][0]["before"]["record"]') == $(($3 - 1)) ]]
	says "record" "before it is record $(($3 - 1)) (20" "compare it with a backup"
}

@test "a changed byte, a deleted row, a swapped pair and a truncated tail are each found and named" {
	finds "UPDATE audit SET detail = replace(detail, 'P-256', 'P-257') WHERE id = 4" altered 4 4
	[[ $(json 'd["findings"][0]["after"]["record"]') == 5 ]]
	finds "DELETE FROM audit WHERE id = 5" missing 5 5
	says "after it is record 6 (20"
	finds "UPDATE audit SET id = -1 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = 5;
		UPDATE audit SET id = 5 WHERE id = -1" moved 4 4
	says "record 4 was written as number 5" "(and 1 more)"
	finds "DELETE FROM audit WHERE id > $((last - 2))" cut $((last - 1)) "$last"
	says "records $((last - 1)) to $last are missing at the end"
	# and it does not help to go on
	company_tokenroll "$dir" -q alice
	audit --verify
	((status == 6))
	says "missing"
}

@test "a checkpoint is signed by the CA, kept in the database and in a file, and openssl verifies it alone" {
	local text
	audit --checkpoint "$dir/kept.pem"
	((status == 0))
	[[ $output == *"record       $last"* ]]
	text=$(openssl cms -verify -inform PEM -in "$dir/kept.pem" -CAfile "$dir/pki/ca.crt" -purpose any 2>"$dir/openssl.log")
	[[ $text == *"record: $last"* && $text == *":$db"* ]]
	[[ $text == *"hash: $(sqlite3 "$db" "SELECT hex(hash) FROM audit WHERE id = $last")"* ]]
	audit --verify --checkpoint-file "$dir/kept.pem"
	((status == 0))
	[[ $output == *"$((last + 1)) records, all as they were written"* ]]
	[[ $output == *"checkpoint in the database, record $last, "*"signed by the CA, and the trail still has it"* ]]
	[[ $output == *"checkpoint in the file, record $last, "*"signed by the CA, and the trail still has it"* ]]
	# the later one takes its place
	audit --checkpoint --json "$dir/kept.pem"
	((status == 0))
	[[ $(json 'd["made"]["record"], d["made"]["file"]') == "($((last + 1)), '$dir/kept.pem')" ]]
	[[ $(json 'd["made"]["cms"]') == "$(<"$dir/kept.pem")"* ]]
	audit --verify --checkpoint-file "$dir/kept.pem"
	((status == 0))
}

@test "who writes the whole chain anew is found by the checkpoint in the database, and without it by the one kept elsewhere" {
	audit --checkpoint "$dir/kept.pem"
	rewrite "UPDATE audit SET user = 'mallory' WHERE user = 'alice'"
	audit --verify
	((status == 6))
	says "a checkpoint (in the database, record $last) contradicts" "is not the one that was signed"
	# the record of it goes, too
	rewrite "DELETE FROM checkpoints; DELETE FROM audit WHERE action = 'checkpoint'"
	audit --verify
	((status == 0))
	audit --verify --json --checkpoint-file "$dir/kept.pem"
	((status == 6))
	says "$dir/kept.pem, record $last) contradicts the audit trail" "is not the one that was signed" "written anew since"
	[[ $(json 'd["checkpoint_file"]["valid"], d["faults"]') == "(False, 0)" ]]
	# and it is not replaced by one that says otherwise
	cp "$dir/kept.pem" "$dir/copy.pem"
	audit --checkpoint "$dir/kept.pem"
	((status == 6))
	cmp "$dir/kept.pem" "$dir/copy.pem"
}

@test "a checkpoint that was taken out of the database or changed there is found" {
	audit --checkpoint
	by_force "DELETE FROM checkpoints"
	audit --verify
	((status == 6))
	says "record $((last + 1)) tells of a checkpoint that is not there any more"
	cp "$base/tokenroll.db" "$db"
	audit --checkpoint
	by_force "UPDATE checkpoints SET record = 2, hash = (SELECT hash FROM audit WHERE id = 2)"
	audit --verify
	((status == 6))
	cp "$base/tokenroll.db" "$db"
	audit --checkpoint
	by_force "UPDATE checkpoints SET cms = x'00'"
	audit --verify
	((status == 6))
	says "it is not signed CMS"
}

@test "no checkpoint is made of a trail that was changed" {
	by_force "UPDATE audit SET user = 'mallory' WHERE id = 3"
	audit --checkpoint "$dir/kept.pem"
	((status == 6))
	says "record 3 was altered"
	[[ ! -e $dir/kept.pem ]]
	[[ $(sqlite3 "$db" "SELECT count(*) FROM checkpoints") == 0 ]]
}

@test "a file that is no checkpoint, one of another CA, and one of another database are told apart" {
	printf 'shopping list\n' >"$dir/list"
	audit --verify --checkpoint-file "$dir/list"
	((status == 2))
	says "$dir/list: there is no checkpoint in it"
	audit --checkpoint "$dir/list"
	((status == 6))
	says "is not replaced"
	[[ $(<"$dir/list") == "shopping list" ]]
	audit --verify --checkpoint-file "$dir/missing"
	((status == 2))
	says "cannot open $dir/missing"

	company_new "$dir/second" algo=rsa
	company_tokenroll "$dir/second" -q bob
	company_tokenroll "$dir/second" -q audit --checkpoint "$dir/second/kept.pem"
	audit --verify --checkpoint-file "$dir/second/kept.pem"
	((status == 6))
	says "it was signed by somebody else than this CA" "of this company's CA"

	cp "$base/tokenroll.db" "$dir/other.db"
	company_conf "$dir" "store.path=$dir/other.db"
	company_tokenroll "$dir" -q bundle alice
	company_tokenroll "$dir" -q audit --checkpoint "$dir/other.pem"
	company_conf "$dir"
	audit --verify --checkpoint-file "$dir/other.pem"
	((status == 6))
	says "the trail has no record" "it was made of the database" ":$dir/other.db"
}

@test "without the CA the chain is verified nevertheless, and what could not be checked is said" {
	audit --checkpoint
	mv "$dir/pki" "$dir/away"
	audit --verify
	((status == 5))
	says "the hash chain is whole, but its checkpoints could not be checked"
	[[ $output == *"all as they were written"*"not checked"* ]]
	by_force "UPDATE audit SET user = 'mallory' WHERE id = 3"
	audit --verify
	((status == 6))
	says "record 3 was altered"
}

@test "a checkpoint needs the CA's passphrase, verifying does not" {
	local plain=("$TOKENROLL" -c "$dir/tokenroll.conf" audit)
	run --separate-stderr "${plain[@]}" --checkpoint </dev/null
	((status == 2))
	says "--ca-pass-file"
	[[ $(sqlite3 "$db" "SELECT count(*) FROM checkpoints") == 0 ]]
	audit --checkpoint
	run --separate-stderr "${plain[@]}" --verify </dev/null
	((status == 0))
}

@test "a folder that cannot be written: the checkpoint is in the database, and that is said" {
	audit --checkpoint "$dir/no/such/folder/kept.pem"
	((status == 1))
	says "in the database, but not where it was wanted" "/no/such/folder"
	audit --verify
	((status == 0))
}

@test "every certificate that --replace has revoked has a record, also one that easy-rsa had issued" {
	local old
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full bob nopass
	old=$(openssl x509 -in "$dir/pki/issued/bob.crt" -noout -serial)
	company_token "$dir" "bob's token"
	company_tokenroll "$dir" -q --replace --serial "$(company_token_serial "$dir" "bob's token")" bob
	audit --json --user bob
	[[ $(json '[(r["action"], r["detail"]) for r in d["records"] if r["cert_serial"] == "'"${old#*=}"'"]') == \
		"[('certificate-revoked', 'superseded')]" ]]
	audit --verify
	((status == 0))
	# one of the inventory tells of its end as well
	company_tokenroll "$dir" -q --replace --serial "$token" alice
	audit --json --user alice
	[[ $(json '[r["action"] for r in d["records"] if r["cert_serial"] == "'"$cert"'"]') == \
		*"'superseded', 'certificate-revoked', 'removed-from-token']" ]]
}

@test "what others chose is harmless in a spreadsheet and on a terminal" {
	by_force "UPDATE audit SET token_serial = '=1+1', detail = '@SUM(1),\"x\"' || char(27) || '[2J' || char(10) || 'y'
		WHERE id = 2"
	company_tokenroll "$dir" audit --csv >"$dir/audit.csv"
	python3 - "$dir/audit.csv" <<-'PYTHON'
		import csv, sys
		row = list(csv.DictReader(open(sys.argv[1], newline="")))[1]
		assert row["token_serial"] == "'=1+1", row
		assert row["detail"] == "'@SUM(1),\"x\"?[2J?y", row
	PYTHON
	audit
	[[ $output == *'@SUM(1),"x"?[2J?y'* && $output != *$'\033'* ]]
}

@test "a reader that goes away ends it" {
	# shellcheck disable=SC2016 # the inner shell expands them
	run --separate-stderr bash -c 'set -o pipefail; "$TOKENROLL" -c "$1" audit --json | head -c 1; exit "${PIPESTATUS[0]}"' \
		bash "$dir/tokenroll.conf"
	[[ $status == 0 || $status == 1 ]]
}
