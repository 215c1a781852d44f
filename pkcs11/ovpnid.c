#include "pkcs11/ovpnid.h"

#include <stdio.h>
#include <string.h>

/* pkcs11-helper escapes these, blank, and everything that is not printable ASCII */
static const char special[] = "\\/\"'%&#@!?$*<>{}[]()`|:;,.+-";

static int put_escaped(char *ret, size_t size, size_t *n, const char *field)
{
	for (const unsigned char *p = (const unsigned char *)field; *p != '\0'; p++) {
		int plain = *p >= 0x21 && *p <= 0x7e && strchr(special, *p) == NULL;
		int len = snprintf(ret + *n, size - *n, plain ? "%c" : "\\x%02X", *p);
		if (len < 0 || (size_t)len >= size - *n)
			return -1;
		*n += (size_t)len;
	}
	if (*n + 2 > size)
		return -1;
	ret[(*n)++] = '/';
	ret[*n] = '\0';
	return 0;
}

int ovpnid_write(char *ret, size_t size, const struct p11_token_info *t, const struct blob *cka_id)
{
	const char *fields[] = {t->manufacturer, t->model, t->serial, t->label};
	size_t n = 0;
	if (size == 0)
		return -1;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (put_escaped(ret, size, &n, fields[i]) != 0)
			return -1;
	}
	if (size - n < 2 * cka_id->len + 1)
		return -1;
	hex_encode(ret + n, size - n, cka_id->data, cka_id->len);
	return 0;
}
