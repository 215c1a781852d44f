#include "setupui.h"

#include "core/clean.h"
#include "core/day.h"
#include "core/prompt.h"
#include "core/xalloc.h"
#include "credentials.h"
#include "setup/pkis.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PKI_DEFAULT "/etc/easy-rsa/pki"
#define DAYS_DEFAULT 3650
#define ANSWER_MAX 512

static bool may_ask(const struct setup *s)
{
	return !s->o->yes && prompt_possible();
}

static void set(char **to, char *value)
{
	free(*to);
	*to = value;
}

/* A line for the person, whatever is in it. */
static void say(const struct setup *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct setup *s, const char *fmt, ...)
{
	char line[1200], text[1200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	clean_text(text, sizeof text, line);
	if (!s->screen.quiet)
		fprintf(stderr, "%s\n", text);
}

/* The answer, or what an empty line stands for; NULL for nothing. */
static int ask(char **ret, const char *text, const char *otherwise, struct err *e)
{
	char line[ANSWER_MAX + 128], clean[ANSWER_MAX + 128], answer[ANSWER_MAX] = "";
	snprintf(line, sizeof line, otherwise != NULL ? "%s [%s]: " : "%s: ", text, otherwise);
	clean_text(clean, sizeof clean, line);
	if (prompt_line_or(answer, sizeof answer, clean, otherwise != NULL ? otherwise : "", e) != 0)
		return -1;
	set(ret, xstrdup(answer));
	return 0;
}

/* A question, and what is said where it cannot be asked. */
struct question {
	const char *text, *what, *option;
};

static int cannot_ask(const struct question *q, struct err *e)
{
	err_set(e, ERR_USAGE, "%s is not known, and there is nobody to ask for it", q->what);
	return err_next(e, "give it with %s, or run this on a terminal", q->option);
}

/* An option's value, else what is asked for, else the usual one. */
static int settle(const struct setup *s, char **ret, const char *given, const struct question *q, const char *otherwise,
		  struct err *e)
{
	if (given != NULL || (!may_ask(s) && otherwise != NULL)) {
		set(ret, xstrdup(given != NULL ? given : otherwise));
		return 0;
	}
	if (!may_ask(s))
		return cannot_ask(q, e);
	return ask(ret, q->text, otherwise, e);
}

static int choose_pki(struct setup *s, const struct config_list *l, struct err *e)
{
	unsigned choice = 0;
	say(s, "There is an easy-rsa PKI with a CA in");
	for (size_t i = 0; i < l->n; i++)
		say(s, "  %2zu  %s", i + 1, l->text[i]);
	say(s, "  %2zu  none of them: make a new CA", l->n + 1);
	if (prompt_choice(&choice, "Which one? ", (unsigned)l->n + 1, e) != 0)
		return -1;
	if (choice <= l->n) {
		set(&s->pki, xstrdup(l->text[choice - 1]));
		return 0;
	}
	return ask(&s->pki, "Folder for the new CA's PKI",
		   access(PKI_DEFAULT "/ca.crt", F_OK) != 0 ? PKI_DEFAULT : NULL, e);
}

static int unsure(const struct config_list *l, struct err *e)
{
	if (l->n == 0)
		err_set(e, ERR_USAGE, "no PKI was found, and nobody is there to agree that a new CA is made");
	else
		err_set(e, ERR_USAGE, "a PKI was found in %s%s, and nobody is there to agree that it is the one",
			l->text[0], l->n > 1 ? " and in other places" : "");
	return err_next(e, "name the PKI with --pki DIR%s, or run this on a terminal",
			l->n > 1 ? "" : ", or agree with --yes");
}

int setupui_pki(struct setup *s, struct err *e)
{
	struct config_list found = {NULL, 0};
	int got = 0;
	if (s->o->pki != NULL) {
		set(&s->pki, xstrdup(s->o->pki));
		return 0;
	}
	setup_pkis(&found);
	if (s->o->yes && found.n <= 1)
		set(&s->pki, xstrdup(found.n == 1 ? found.text[0] : PKI_DEFAULT));
	else if (!may_ask(s))
		got = unsure(&found, e);
	else if (found.n == 0)
		got = ask(&s->pki, "No PKI was found. Folder for a new CA's", PKI_DEFAULT, e);
	else
		got = choose_pki(s, &found, e);
	config_list_free(&found);
	return got;
}

static int check_type(struct setup *s, struct err *e)
{
	char list[128];
	if (keytype_parse(&s->key_type, s->o->key_type != NULL ? s->o->key_type : "ec:P-384", e) != 0)
		return -1;
	if ((KEYTYPE_BIT(s->key_type) & CA_ROOT_TYPES) != 0)
		return 0;
	keytype_names(CA_ROOT_TYPES, list, sizeof list);
	err_set(e, ERR_USAGE, "a CA's key of type %s is too weak for the years it has to last", s->o->key_type);
	return err_next(e, "choose one of %s", list);
}

/* "vpn.example.com 1194 udp": what a profile's remote line has. */
static int settle_remote(struct setup *s, struct err *e)
{
	static const struct question q = {"Where laptops reach the VPN server (HOST PORT PROTO)",
					  "where laptops reach the VPN server", "--remote \"HOST PORT PROTO\""};
	const struct setup_vpn *v = &s->vpn;
	char *usual = NULL;
	if (s->server != NULL && strchr(s->server, '.') != NULL)
		usual = xasprintf("%s %s %s", s->server, v->port != NULL ? v->port : "1194",
				  v->proto != NULL ? v->proto : "udp");
	int got = settle(s, &s->remote, s->o->remote, &q, usual, e);
	free(usual);
	return got;
}

static int settle_server(struct setup *s, const char *usual, struct err *e)
{
	static const struct question q = {"The VPN server's name, for its certificate", "the VPN server's name",
					  "--server NAME"};
	if (settle(s, &s->server, s->o->server, &q, usual, e) != 0)
		return -1;
	return config_check_user(s->server, e) == 0 ? 0 : err_prefix(e, "the VPN server's name");
}

int setupui_new_ca(struct setup *s, struct err *e)
{
	static const struct question q = {"Name of the new CA", "the new CA's name", "--ca-name NAME"};
	s->days = s->o->days != 0 ? s->o->days : DAYS_DEFAULT;
	if (check_type(s, e) != 0)
		return -1;
	if (settle(s, &s->ca_name, s->o->ca_name, &q, "VPN CA", e) != 0 || settle_server(s, s->server, e) != 0)
		return -1;
	return s->configured ? 0 : settle_remote(s, e);
}

int setupui_server(struct setup *s, const struct config_list *servers, struct err *e)
{
	const char *usual = s->vpn.server != NULL ? s->vpn.server : servers->n == 1 ? servers->text[0] : NULL;
	for (size_t i = 0; s->vpn.server == NULL && servers->n > 1 && i < servers->n; i++)
		say(s, "  server       there is a certificate for %s", servers->text[i]);
	return settle_server(s, usual, e) == 0 ? settle_remote(s, e) : -1;
}

void setupui_found(struct setup *s)
{
	char until[DAY_SIZE];
	day_format(until, s->ca.not_after);
	say(s, "The PKI %s", s->ca.pki);
	say(s, "  CA           %s, until %s", s->ca.subject, until);
	say(s, "  its key      %s",
	    s->ca.hsm.name[0] != '\0' ? s->ca.hsm.name
	    : !s->ca.has_key          ? "is not here: certificates have to be signed elsewhere"
	    : s->ca.needs_passphrase  ? "has a passphrase"
				      : "has no passphrase: whoever can read the file can sign");
	say(s, "  certificates %zu valid, %zu revoked", s->valid, s->revoked);
	if (s->vpn.file != NULL)
		say(s, "  VPN server   %s", s->vpn.file);
}

static void show_plan(struct setup *s)
{
	bool new_ca = !s->ground.has_ca;
	say(s, "%s", new_ca ? "To be made:" : "To be written:");
	if (new_ca) {
		say(s, "  CA           %s, %s, for %ld days, in %s", s->ca_name,
		    s->ground.has_key ? "with the key that is there" : keytype_name(s->key_type), s->days,
		    s->ground.pki);
		say(s, "  its key      %s",
		    s->ground.hsm.name[0] != '\0' ? s->ground.hsm.name : "in private/ca.key, with a passphrase");
		say(s, "  server       a certificate for %s", s->server);
	}
	if (!s->configured)
		say(s, "  settings     %s", s->conf_path);
}

int setupui_agree(struct setup *s, struct err *e)
{
	bool yes = false;
	if (s->ground.has_ca && s->configured)
		return 0;
	show_plan(s);
	if (!may_ask(s))
		return 0;
	if (prompt_yes(&yes, "Go on? [y/N] ", e) != 0)
		return -1;
	return yes ? 0 : err_set(e, ERR_INTERRUPTED, "nothing was made or written");
}

static int new_passphrase(struct setup *s, struct err *e)
{
	const struct options *o = s->o;
	if (o->ca_pass_file != NULL)
		return secret_read_file(s->passphrase, o->ca_pass_file, e);
	if (o->ca_pass_fd >= 0)
		return secret_read_fd(s->passphrase, (int)o->ca_pass_fd, e);
	if (prompt_possible())
		return prompt_new_secret(s->passphrase, "Passphrase for the new CA key", CA_PASSPHRASE_MIN, SECRET_MAX,
					 e);
	err_set(e, ERR_SECRET_NEEDED, "the new CA key needs a passphrase and there is no terminal to ask for it");
	return err_next(e, "give it with --ca-pass-file FILE or --ca-pass-fd N");
}

int setupui_passphrase(struct setup *s, unsigned attempt, struct err *e)
{
	const struct ca_ground *g = &s->ground;
	struct ca_info info = {.needs_passphrase = g->needs_passphrase, .hsm = g->hsm};
	if (s->passphrase == NULL)
		s->passphrase = secret_new();
	if (!g->has_key && g->hsm.name[0] == '\0')
		return new_passphrase(s, e);
	snprintf(info.subject, sizeof info.subject, "%s/private/ca.key", g->pki);
	return g->needs_passphrase ? credentials_ca(s->o, &info, attempt, s->passphrase, e) : 0;
}
