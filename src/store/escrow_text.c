#include "store/escrow_text.h"

#include "core/clean.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_LINE "tokenroll-escrow 1\n"
#define SECRET_LINE "\nsecret: "
#define HEAD_SIZE 256

static bool one_line(const char *s)
{
	return strpbrk(s, "\r\n") == NULL;
}

/* All up to the secret. Returns its length, 0 if the token's fields would be more than one line each. */
static size_t make_head(char ret[HEAD_SIZE], const struct store_token *t, enum escrow_kind kind)
{
	if (!one_line(t->manufacturer) || !one_line(t->model) || !one_line(t->serial))
		return 0;
	int n = snprintf(ret, HEAD_SIZE, FIRST_LINE "manufacturer: %s\nmodel: %s\nserial: %s\nkind: %s" SECRET_LINE,
			 t->manufacturer, t->model, t->serial, escrow_kind_name(kind));
	return n > 0 && n < HEAD_SIZE ? (size_t)n : 0;
}

int escrow_text_make(struct secret *ret, const struct store_token *t, enum escrow_kind kind, const struct secret *value,
		     struct err *e)
{
	char head[HEAD_SIZE];
	size_t len = make_head(head, t, kind);
	if (len == 0) {
		err_set(e, ERR_ESCROW, "the token's serial number, model or manufacturer is more than one line");
		return err_next(e, "take another token: this one is not in order");
	}
	if (value->len == 0 || value->len > SECRET_MAX - len) {
		err_set(e, ERR_ESCROW, "a secret of %zu bytes cannot be put into escrow", value->len);
		return err_next(e, "use one of 1 to %zu bytes", SECRET_MAX - len);
	}
	if (secret_set(ret, head, len, e) != 0)
		return -1;
	memcpy(ret->bytes + len, value->bytes, value->len);
	ret->len = len + value->len;
	return 0;
}

/* A line of the head, without its name; "" if there is none. */
static void take_line(char *ret, size_t size, const char *head, const char *name)
{
	char line[HEAD_SIZE] = "";
	const char *at = strstr(head, name);
	if (at != NULL)
		snprintf(line, sizeof line, "%.*s", (int)strcspn(at + strlen(name), "\n"), at + strlen(name));
	clean_text(ret, size, line);
}

/* The head that is there is no secret, but what follows it is. */
static int of_another(const struct secret *text, const struct store_token *t, enum escrow_kind kind, struct err *e)
{
	char head[HEAD_SIZE], model[HEAD_SIZE], serial[HEAD_SIZE], other[HEAD_SIZE];
	const char *end = memmem(text->bytes, text->len, SECRET_LINE, strlen(SECRET_LINE));
	size_t len = end != NULL ? (size_t)(end - text->bytes) : 0;
	if (len == 0 || len >= sizeof head || strncmp(text->bytes, FIRST_LINE, strlen(FIRST_LINE)) != 0) {
		err_set(e, ERR_ESCROW, "what is in escrow for token %s was not put there by tokenroll", t->serial);
		return err_next(e, "a backup of the database may have the value as it was put there");
	}
	memcpy(head, text->bytes, len);
	head[len] = '\0';
	take_line(model, sizeof model, head, "\nmodel: ");
	take_line(serial, sizeof serial, head, "\nserial: ");
	take_line(other, sizeof other, head, "\nkind: ");
	err_set(e, ERR_ESCROW, "what is in escrow as the %s of token %s (%s) is the %s of token %s (%s)",
		escrow_kind_name(kind), t->serial, t->model, other, serial, model);
	return err_next(e, "somebody has changed the database by other means; do not use the value, and compare the "
			   "database with a backup");
}

int escrow_text_read(struct secret *ret, const struct secret *text, const struct store_token *t, enum escrow_kind kind,
		     struct err *e)
{
	char head[HEAD_SIZE];
	size_t len = make_head(head, t, kind);
	if (len == 0 || text->len <= len || memcmp(text->bytes, head, len) != 0)
		return of_another(text, t, kind, e);
	return secret_set(ret, text->bytes + len, text->len - len, e);
}
