#include "known.h"

#include <stdio.h>
#include <string.h>

void known_put_text(struct buf *out, const char *name, struct bytes value)
{
	buf_put(out, name, strlen(name));
	buf_put_byte(out, ' ');
	buf_put_bytes(out, value);
	buf_put_byte(out, '\n');
}

void known_put_hex(struct buf *out, const char *name, struct bytes value)
{
	struct buf hex = {0};

	for (size_t i = 0; i < value.n; i++) {
		char digits[3];

		snprintf(digits, sizeof(digits), "%02X", value.p[i]);
		buf_put(&hex, digits, 2);
	}
	known_put_text(out, name, buf_bytes(&hex));
	buf_free(&hex);
}
