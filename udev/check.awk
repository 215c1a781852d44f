# Whether the table of devices is as its head says: awk -f check.awk [-v profiles=DIR] [usb.ids] devices.table
# The table comes last; usb.ids is hwdata's. Prints what is wrong, with its line.

function wrong(what)
{
	print FILENAME ":" FNR ": " what
	bad = 1
}

# words TEXT, SET: the words of three letters and digits or more, as keys of the set
function words(text, set,  n, i, part)
{
	split("", set)
	n = split(tolower(text), part, /[^a-z0-9]+/)
	for (i = 1; i <= n; i++)
		if (length(part[i]) >= 3)
			set[part[i]] = 1
}

function have_common_word(a, b,  in_a, in_b, word)
{
	words(a, in_a)
	words(b, in_b)
	for (word in in_a)
		if (word in in_b)
			return 1
	return 0
}

function profile_exists(name,  path, line, found)
{
	path = profiles "/" name ".conf"
	found = (getline line < path) > 0
	close(path)
	return found
}

FILENAME != ARGV[ARGC - 1] {
	if ($0 ~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]  /) {
		vendor = $1
		maker = substr($0, 7)
		makers++
	} else if ($0 ~ /^\t[0-9a-f]/) {
		known[vendor ":" $1] = maker " " substr($0, 8)
	} else if ($0 ~ /^C /) {
		vendor = "class"
	}
	next
}

/^#/ { next }

{
	devices++
	if ($0 !~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]:[0-9a-f][0-9a-f][0-9a-f][0-9a-f]  (token|reader|keyboard) +[a-z0-9-]+  +[^ ]/)
		wrong("not \"vendor:product  kind  profile  name\"")
	name = substr($0, 37)
	if ($0 != sprintf("%s  %-8s  %-13s  %s", $1, $2, $3, name))
		wrong("its columns are not under those above")
	# of all others, udev takes some for its own: quotes, $ and %
	if (name !~ /^[A-Za-z0-9][A-Za-z0-9 .,+\/()&'_-]*$/ || name ~ / $|  /)
		wrong("\"" name "\" is no name for people and for udev")
	if (length(name) > 60)
		wrong("its name has more than 60 characters")
	if ($1 == last)
		wrong($1 " is there twice")
	else if ($1 < last)
		wrong($1 " belongs before " last)
	last = $1
	if ($2 != "token" && $3 != "-")
		wrong("a " $2 " has no profile")
	if (profiles != "" && $3 != "-" && !profile_exists($3))
		wrong("there is no profile " $3)
	if ($1 in known && !have_common_word(name, known[$1]))
		wrong("\"" name "\" is \"" known[$1] "\" to usb.ids")
}

END {
	if (!devices) {
		print FILENAME ": there is no device in it"
		bad = 1
	}
	if (ARGC > 2 && !makers) {
		print ARGV[1] ": has no USB ids"
		bad = 1
	}
	exit bad
}
