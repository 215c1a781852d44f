/* Bytes with places for secrets: command APDUs in hex, and the arguments of C_SetPIN in plain text. */
#include "core/xalloc.h"
#include "pkcs11/profile_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 4 /* CLA INS P1 P2 */

static const char *const secret_names[PROFILE_SECRET_COUNT] = {"pin", "so-pin", "puk", "new", "file"};

static struct profile_piece *add_piece(struct profile_reader *r, struct profile_template *t)
{
	if (t->n == sizeof t->piece / sizeof *t->piece) {
		profile_fault(r, "more than %zu parts", sizeof t->piece / sizeof *t->piece);
		return NULL;
	}
	struct profile_piece *piece = &t->piece[t->n++];
	*piece = (struct profile_piece){.kind = PROFILE_LITERAL, .pad = -1};
	return piece;
}

static size_t literal_bytes(const struct profile_template *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->piece[i].kind == PROFILE_LITERAL)
			n += t->piece[i].len;
	}
	return n;
}

static int add_literal(struct profile_reader *r, struct profile_template *t, const void *bytes, size_t len)
{
	size_t start = literal_bytes(t);
	if (len == 0)
		return 1;
	if (start + len > sizeof t->literal)
		return profile_fault(r, "more than %zu bytes", sizeof t->literal);
	struct profile_piece *piece = add_piece(r, t);
	if (piece == NULL)
		return 0;
	memcpy(t->literal + start, bytes, len);
	piece->start = start;
	piece->len = len;
	return 1;
}

/* "8:FF", what stands behind a secret's name. */
static int read_width(struct profile_reader *r, struct profile_piece *piece, const char *text)
{
	char *end;
	unsigned long width = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || width == 0 || width > 255 || (*end != '\0' && *end != ':'))
		return profile_fault(r, "'%s' is not a width from 1 to 255 bytes", text);
	piece->len = width;
	if (*end == '\0')
		return 1;
	struct blob pad = BLOB_INIT;
	bool ok = hex_decode(&pad, end + 1) == 0 && pad.len == 1;
	if (ok)
		piece->pad = pad.data[0];
	blob_free(&pad);
	return ok ? 1 : profile_fault(r, "'%s' is not one byte in hex to pad with", end + 1);
}

/* What is between the braces: NAME[:hex][:WIDTH[:PAD]], or lc. */
static int read_place(struct profile_reader *r, struct profile_template *t, char *text)
{
	struct profile_piece *piece = add_piece(r, t);
	if (piece == NULL)
		return 0;
	if (strcmp(text, "lc") == 0) {
		piece->kind = PROFILE_LC;
		return 1;
	}
	char *rest = strchr(text, ':');
	if (rest != NULL)
		*rest++ = '\0';
	unsigned s = 0;
	while (s < PROFILE_SECRET_COUNT && strcmp(secret_names[s], text) != 0)
		s++;
	if (s == PROFILE_SECRET_COUNT)
		return profile_fault(r, "{%s} is no place for a secret: {pin}, {so-pin}, {puk}, {new}", text);
	piece->kind = PROFILE_SECRET_BYTES;
	piece->secret = s;
	if (rest != NULL && strncmp(rest, "hex", 3) == 0 && (rest[3] == '\0' || rest[3] == ':')) {
		piece->hex = true;
		rest = rest[3] == ':' ? rest + 4 : NULL;
	}
	return rest == NULL ? 1 : read_width(r, piece, rest);
}

static int read_hex(struct profile_reader *r, struct profile_template *t, const char *hex)
{
	struct blob bytes = BLOB_INIT;
	int ok = hex_decode(&bytes, hex) == 0 ? add_literal(r, t, bytes.data, bytes.len)
					      : profile_fault(r, "'%s' is not an even number of hex digits", hex);
	blob_free(&bytes);
	return ok;
}

static int read_template(struct profile_reader *r, struct profile_template *t, const char *text, bool hex)
{
	char *copy = xstrdup(text), *at = copy;
	int ok = 1;
	memset(t, 0, sizeof *t);
	while (ok && *at != '\0') {
		char *open = at + strcspn(at, "{}");
		char c = *open;
		*open = '\0';
		ok = hex ? read_hex(r, t, at) : add_literal(r, t, at, strlen(at));
		if (c == '\0' || !ok)
			break;
		char *close = strpbrk(open + 1, "{}");
		if (c == '}' || close == NULL || *close == '{') {
			ok = profile_fault(r, "a brace without its other half in '%s'", text);
			break;
		}
		*close = '\0';
		ok = read_place(r, t, open + 1);
		at = close + 1;
	}
	free(copy);
	return ok;
}

/* Bytes that stand fixed behind the piece at index i; -1 if a secret there may have any length. */
static int fixed_length(const struct profile_template *t, size_t i)
{
	size_t n = 0;
	for (; i < t->n; i++) {
		if (t->piece[i].len == 0)
			return -1;
		n += t->piece[i].len;
	}
	return (int)n;
}

/* ISO/IEC 7816-4, 5.1, short: header; header Le; header Lc data; header Lc data Le. And header 000000: an answer of any
 * length. */
static int check_apdu(struct profile_reader *r, const struct profile_template *t)
{
	const struct profile_piece *first = &t->piece[0];
	if (t->n == 0 || first->kind != PROFILE_LITERAL || first->len < HEADER)
		return profile_fault(r, "a command begins with four bytes: CLA INS P1 P2");
	for (size_t i = 1; i < t->n; i++) {
		if (t->piece[i].kind != PROFILE_LC)
			continue;
		if (i != 1 || first->len != HEADER || t->n == 2)
			return profile_fault(r, "{lc} stands behind the first four bytes and before data");
		int n = fixed_length(t, 2);
		return n <= 255 ? 1 : profile_fault(r, "%d bytes of data; a short command has at most 255", n);
	}
	int n = fixed_length(t, 0);
	if (n < 0)
		return profile_fault(r, "a secret without a width needs {lc} as the command's fifth byte");
	if (n <= HEADER + 1)
		return 1;
	if (first->len == HEADER)
		return profile_fault(r, "the fifth byte, Lc, is missing");
	static const unsigned char any_length[] = {0, 0, 0};
	if (t->n == 1 && n == HEADER + 3 && memcmp(t->literal + HEADER, any_length, 3) == 0)
		return 1;
	int lc = t->literal[HEADER], data = n - HEADER - 1;
	bool may_have_le = t->piece[t->n - 1].kind == PROFILE_LITERAL;
	if (lc == 0 || (data != lc && !(may_have_le && data == lc + 1)))
		return profile_fault(r, "Lc says %d bytes of data, but there are %d", lc, data);
	return 1;
}

static int set_apdu(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	struct profile_apdus *list = field;
	struct profile_template t;
	(void)f;
	if (!read_template(r, &t, value, true) || !check_apdu(r, &t))
		return 0;
	list->v = xrealloc(list->v, list->n + 1, sizeof *list->v);
	list->v[list->n++] = t;
	return 1;
}

static void drop_apdu(void *field)
{
	struct profile_apdus *list = field;
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int profile_template_argument(struct profile_reader *r, struct profile_template *ret, const char *text)
{
	if (!read_template(r, ret, text, false))
		return 0;
	for (size_t i = 0; i < ret->n; i++) {
		if (ret->piece[i].kind == PROFILE_LC)
			return profile_fault(r, "{lc} belongs in a command, not in an argument");
	}
	return 1;
}

static int set_argument(struct profile_reader *r, const struct profile_field *f, void *field, const char *value)
{
	(void)f;
	return profile_template_argument(r, field, value);
}

/* Appends; -1 if the buffer is full. */
static int append(struct secret *s, const void *bytes, size_t len)
{
	if (len > SECRET_MAX - s->len)
		return -1;
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int append_hex(struct secret *s, const struct secret *digits)
{
	if (digits->len % 2 != 0 || digits->len / 2 > SECRET_MAX - s->len)
		return -1;
	for (size_t i = 0; i < digits->len; i += 2) {
		int high = hex_value(digits->bytes[i]), low = hex_value(digits->bytes[i + 1]);
		if (high < 0 || low < 0)
			return -1;
		s->bytes[s->len++] = (char)(high << 4 | low);
	}
	return 0;
}

static const char *secret_word(enum profile_secret s)
{
	static const char *const words[PROFILE_SECRET_COUNT] = {"PIN", "SO PIN", "PUK", "new value", "file"};
	return words[s];
}

static int does_not_fit(struct err *e, enum profile_secret s, const char *how)
{
	err_set(e, ERR_PIN_RULES, "the %s %s", secret_word(s), how);
	return err_next(e, "nothing was sent to the token; give one by the rules of its profile");
}

static int render_secret(const struct profile_piece *p, const struct secret *value, struct secret *ret, struct err *e)
{
	size_t start = ret->len;
	char width[64];
	if (value == NULL || value->len == 0) {
		err_set(e, ERR_PIN_NEEDED, "the %s is needed for this", secret_word(p->secret));
		return err_next(e, "run it on a terminal, or name a file or descriptor to read it from");
	}
	if ((p->hex ? append_hex(ret, value) : append(ret, value->bytes, value->len)) != 0)
		return does_not_fit(e, p->secret, p->hex ? "is not an even number of hex digits" : "is too long");
	size_t len = ret->len - start;
	if (p->len == 0)
		return 0;
	snprintf(width, sizeof width, "does not have the %zu bytes that the token wants", p->len);
	if (len > p->len || (len < p->len && p->pad < 0))
		return does_not_fit(e, p->secret, width);
	while (ret->len < start + p->len)
		ret->bytes[ret->len++] = (char)p->pad;
	return 0;
}

static int too_long(struct err *e)
{
	err_set(e, ERR_PIN_RULES, "the secrets are too long for one command to the token");
	return err_next(e, "nothing was sent to the token; take shorter ones");
}

int profile_render(const struct profile_template *t, const struct profile_secrets *s, struct secret *ret, struct err *e)
{
	size_t lc = 0;
	int ok = 0;
	secret_clear(ret);
	for (size_t i = 0; i < t->n && ok == 0; i++) {
		const struct profile_piece *p = &t->piece[i];
		if (p->kind == PROFILE_SECRET_BYTES) {
			ok = render_secret(p, s->v[p->secret], ret, e);
		} else if (p->kind == PROFILE_LC) {
			lc = ret->len++;
		} else {
			ok = append(ret, t->literal + p->start, p->len) == 0 ? 0 : too_long(e);
		}
	}
	if (ok == 0 && lc != 0 && ret->len - lc - 1 > 255)
		ok = too_long(e);
	if (ok == 0 && lc != 0)
		ret->bytes[lc] = (char)(ret->len - lc - 1);
	if (ok == 0)
		ret->bytes[ret->len] = '\0';
	else
		secret_clear(ret);
	return ok;
}

const struct profile_kind profile_kind_apdu = {set_apdu, drop_apdu, true};
const struct profile_kind profile_kind_argument = {set_argument, NULL, false};
