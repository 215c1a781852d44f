# shellcheck shell=bash
# recovery: a recovery certificate for what tokenroll keeps in escrow, and what is in there, opened by openssl alone.

# recovery_new FILE NAME [OPTION...]: FILE.key and FILE.pem with CN=NAME
recovery_new() {
	local file=$1 name=$2
	shift 2
	[[ $* == *pass* ]] || set -- -nodes "$@"
	openssl req -x509 -newkey rsa:2048 -days 30 -subj "/CN=$name" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,keyEncipherment -keyout "$file.key" -out "$file.pem" "$@" 2>/dev/null
	chmod 0600 "$file.key"
}

# recovery_open DATABASE FILE.key CONDITION: the values in escrow that fit, the newest first, a line for each
recovery_open() {
	local cms
	for cms in $(sqlite3 -readonly "$1" "select hex(cms) from escrow where $3 order by id desc"); do
		# its text ends without a line's end
		printf '%s\n' "$(xxd -r -p <<<"$cms" | openssl cms -decrypt -inform DER -inkey "$2" | sed -n 's/^secret: //p')"
	done
}
