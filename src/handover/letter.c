#include "handover/letter.h"
#include "core/xalloc.h"
#include "handover/text.h"

#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Takes the text over. */
static void append(struct letter_lines *l, char *text)
{
	l->v = xrealloc(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = text;
}

void letter_lines_free(struct letter_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct letter_lines){NULL, 0};
}

/* A mailbox of plain ASCII with one @ in it (RFC 5321, 4.1.2, without quoted local parts). */
static bool is_address(const char *s)
{
	const char *at = strchr(s, '@');
	if (at == NULL || at == s || at[1] == '\0' || strchr(at + 1, '@') != NULL)
		return false;
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s >= 0x7F || strchr("<>()[]\\,;:\"", *s) != NULL)
			return false;
	}
	return true;
}

/* Cuts blanks, and a name before <address>, off in place. */
static char *bare_address(char *s)
{
	char *open = strchr(s, '<'), *close = strrchr(s, '>');
	if (open != NULL && close > open && close[1 + strspn(close + 1, " \t")] == '\0') {
		*close = '\0';
		s = open + 1;
	}
	s += strspn(s, " \t");
	for (size_t len = strlen(s); len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'); len--)
		s[len - 1] = '\0';
	return s;
}

int letter_addresses(struct letter_lines *ret, const char *key, const char *list, struct err *e)
{
	struct letter_lines found = {NULL, 0};
	if (!text_is_one_line(list))
		return err_set(e, ERR_CONFIG, "[mail] %s: it has a control character, so it is not a mail address",
			       key);
	char *copy = xstrdup(list), *rest = copy;
	int status = 0;
	for (char *one; status == 0 && (one = strsep(&rest, ",")) != NULL;) {
		const char *address = bare_address(one);
		if (is_address(address)) {
			append(&found, xstrdup(address));
			continue;
		}
		char *shown = text_one_line(address);
		status = err_set(e, ERR_CONFIG, "[mail] %s: \"%.100s\" is not a mail address", key, shown);
		free(shown);
	}
	free(copy);
	if (status != 0)
		letter_lines_free(&found);
	else
		*ret = found;
	return status;
}

/* RFC 5322, 3.3; in English whatever the locale. */
static char *date_now(void)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm t;
	gmtime_r(&now, &t);
	return xasprintf("%s, %d %s %d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
			 t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_header(struct letter *l, const char *name, const char *value)
{
	append(&l->headers, xasprintf("%s: %s", name, value));
}

static char *join(const struct letter_lines *list)
{
	char *ret = xstrdup("");
	for (size_t i = 0; i < list->n; i++) {
		char *longer = xasprintf("%s%s<%s>", ret, i == 0 ? "" : ", ", list->v[i]);
		free(ret);
		ret = longer;
	}
	return ret;
}

static int add_headers(struct letter *l, const char *user, struct err *e)
{
	unsigned char random[16];
	char hex[2 * sizeof random + 1];
	if (RAND_bytes(random, sizeof random) != 1)
		return err_openssl(e, ERR_FAILED, "cannot draw a random number for the mail's Message-ID");
	hex_encode(hex, sizeof hex, random, sizeof random);
	char *to = join(&l->recipients), *date = date_now();
	char *from = xasprintf("<%s>", l->from), *subject = xasprintf("VPN bundle for %s", user);
	char *id = xasprintf("<%s%s>", hex, strchr(l->from, '@'));
	add_header(l, "Date", date);
	add_header(l, "From", from);
	add_header(l, "To", to);
	add_header(l, "Subject", subject);
	add_header(l, "Message-ID", id);
	add_header(l, "Auto-Submitted", "auto-generated"); /* RFC 3834: no out-of-office replies */
	free(to);
	free(date);
	free(from);
	free(subject);
	free(id);
	return 0;
}

static char *write_text(const struct handover_facts *f)
{
	struct tm t = {0};
	char expires[32] = "";
	char *label = text_one_line(f->token_label != NULL ? f->token_label : "");
	char *serial = text_one_line(f->token_serial != NULL ? f->token_serial : "");
	if (gmtime_r(&f->not_after, &t) == NULL || strftime(expires, sizeof expires, "%Y-%m-%d", &t) == 0)
		expires[0] = '\0';
	char *ret = xasprintf("The VPN bundle for %s is ready.\r\n"
			      "\r\n"
			      "Token:        %s (serial %s)\r\n"
			      "Certificate:  %s\r\n"
			      "Valid until:  %s\r\n"
			      "\r\n"
			      "Attached are %s.zip and %s.tar.gz with the same files: a profile for Linux, Windows\r\n"
			      "and macOS each, and what else your template folder holds for the employee.\r\n"
			      "\r\n"
			      "There is no private key in them: it was made on the token and stays there. If your\r\n"
			      "VPN uses a tls-auth or tls-crypt key, the profiles contain it, so treat them as\r\n"
			      "confidential. The PIN is not in this mail; tell it to %s in another way.\r\n",
			      f->user, label, serial, f->cert_serial != NULL ? f->cert_serial : "", expires, f->user,
			      f->user, f->user);
	free(label);
	free(serial);
	return ret;
}

int letter_write(struct letter *ret, const struct config_mail *cfg, const struct handover_facts *f, struct err *e)
{
	struct letter l = {.from = NULL};
	struct letter_lines from = {NULL, 0};
	int status = -1;
	if (config_check_user(f->user, e) != 0 || letter_addresses(&from, "from", cfg->from, e) != 0 ||
	    letter_addresses(&l.recipients, "to", cfg->to, e) != 0)
		goto out;
	l.from = xstrdup(from.n != 0 ? from.v[0] : "");
	if (add_headers(&l, f->user, e) != 0)
		goto out;
	l.text = write_text(f);
	*ret = l;
	l = (struct letter){.from = NULL};
	status = 0;
out:
	letter_lines_free(&from);
	letter_free(&l);
	return status;
}

void letter_free(struct letter *l)
{
	free(l->from);
	free(l->text);
	letter_lines_free(&l->recipients);
	letter_lines_free(&l->headers);
	*l = (struct letter){.from = NULL};
}
