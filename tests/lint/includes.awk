# The arrows of the house: which floor may include which. Prints each include that goes against them.
# usage: awk -f includes.awk FILE...   (paths relative to the top of the tree)

BEGIN {
	four = "pkcs11 ca store handover"
	may["core"] = "core"
	n = split(four, floor, " ")
	for (i = 1; i <= n; i++)
		may[floor[i]] = "core " floor[i]
	may["enroll"] = "core enroll " four
	may["life"] = "core life enroll " four
	may["station"] = "core station life enroll " four
	may["vpn"] = "core vpn"
	may["setup"] = "core setup " four
	may["verbs"] = "core verbs vpn setup station life enroll " four
}

# "src/ca/pki.c" and "ca/pki.h" are of floor ca, "pkcs11/token.h" of pkcs11, "src/main.c" of verbs
function floor_of(path,  part, n)
{
	sub(/^src\//, "", path)
	n = split(path, part, "/")
	return n == 1 ? "verbs" : part[1]
}

FNR == 1 {
	own = floor_of(FILENAME)
	if (!(own in may)) {
		print FILENAME ": folder " own " has no place in tests/lint/includes.awk"
		bad = 1
	}
}

/^[ \t]*#[ \t]*include[ \t]+"/ {
	split($0, quoted, "\"")
	target = index(quoted[2], "/") ? floor_of(quoted[2]) : (own == "verbs" ? "verbs" : own)
	if (index(" " may[own] " ", " " target " ") == 0) {
		print FILENAME ":" FNR ": " own " must not include " target " (" quoted[2] ")"
		bad = 1
	}
}

END { exit bad }
