#include "vpn/client.h"
#include "core/clean.h"
#include "core/process.h"
#include "vpn/agent.h"
#include "vpn/management.h"
#include "vpn/notify.h"
#include "vpn/openvpn.h"
#include "vpn/pulled.h"
#include "vpn/wait.h"

#include <stdlib.h>
#include <string.h>

/* A token that was just put in takes pcscd and the module a moment. */
#define INSERT_TRIES 12
#define INSERT_MS 500

struct client {
	const char *profile, *name;
	struct management m;
	char asked[1024]; /* whose passwords since the last connection, each with a line end before and behind it */
	unsigned missing;
	pid_t watch;     /* who watches the token; -1: nobody yet */
	char ended[128]; /* why OpenVPN ended, in its words */
};

/* The text between the first "Need '" and the last ' before suffix, which ends in *ret_rest; NULL for another line. */
static char *needed(char *line, const char *suffix, char **ret_rest)
{
	char *what = strstr(line, "Need '");
	if (what == NULL)
		return NULL;
	what += strlen("Need '");
	char *end = NULL;
	for (char *at = strstr(what, suffix); at != NULL; at = strstr(at + 1, suffix))
		end = at;
	if (end == NULL)
		return NULL;
	*ret_rest = end + strlen(suffix);
	*end = '\0';
	return what;
}

/* OpenVPN calls what it wants a password of LABEL token; the label alone is what the person knows. */
static void show_label(char *ret, size_t size, const char *what)
{
	static const char suffix[] = " token";
	clean_text(ret, size, what);
	size_t len = strlen(ret), cut = sizeof suffix - 1;
	if (len > cut && strcmp(ret + len - cut, suffix) == 0)
		ret[len - cut] = '\0';
}

static int was_wrong(const char *what, struct err *e)
{
	char shown[128];
	show_label(shown, sizeof shown, what);
	err_set(e, ERR_PIN_WRONG, "the PIN of \"%s\" was not accepted, and it is not tried again", shown);
	return err_next(e, "a few wrong PINs lock the token: if you are sure of the PIN, pull the token out and put it "
			   "in again; otherwise ask your administrator");
}

/* Notes that it is asked for; false if it was already, or if there are too many. */
static bool ask_once(struct client *c, const char *what)
{
	char line[MANAGEMENT_LINE + 2];
	size_t used = strlen(c->asked), n = (size_t)snprintf(line, sizeof line, "\n%s\n", what);
	if (strstr(c->asked, line) != NULL || used + n >= sizeof c->asked)
		return false;
	memcpy(c->asked + used, line, n + 1);
	return true;
}

static int ask(struct client *c, const char *command, const char *what, const char *text, struct err *e)
{
	struct secret *s = secret_new();
	int rc = agent_ask(s, text, strcmp(command, "username") == 0, c->m.fd, e);
	if (rc == 0)
		rc = management_answer(&c->m, command, what, s, e);
	secret_free(&s);
	if (rc != 0 && e->code == ERR_INTERRUPTED)
		err_next(e, "pull the token out and put it in again to be asked anew");
	return rc;
}

/* what: the token's label and " token", or "Private Key" */
static int on_password(struct client *c, const char *what, struct err *e)
{
	char text[512], shown[256];
	if (!ask_once(c, what))
		return was_wrong(what, e);
	c->missing = 0;
	/* whose PIN is asked for is in */
	pulled_watch(&c->watch, c->profile);
	show_label(shown, sizeof shown, what);
	snprintf(text, sizeof text, "VPN %s: PIN of \"%s\":", c->name, shown);
	notify_send("STATUS=The PIN is asked for");
	return ask(c, "password", what, text, e);
}

/* A company may want a password of its own besides the token; it is asked for once, too: auth-retry is none. */
static int on_account(struct client *c, const char *what, const char *rest, struct err *e)
{
	char text[512];
	if (strstr(rest, "SC:") != NULL) {
		err_set(e, ERR_CONFIG, "the VPN asks for a one-time code, which cannot be asked for here");
		return err_next(e, "use this profile without tokenroll-vpn@.service");
	}
	snprintf(text, sizeof text, "VPN %s: user name:", c->name);
	if (ask(c, "username", what, text, e) != 0)
		return -1;
	snprintf(text, sizeof text, "VPN %s: password:", c->name);
	return ask(c, "password", what, text, e);
}

static int on_insert(struct client *c, const char *message, struct err *e)
{
	static const char please[] = "MSG:Please insert ";
	if (++c->missing <= INSERT_TRIES) {
		notify_send("STATUS=Waiting for the token");
		if (wait_ms(c->m.fd, INSERT_MS))
			management_send(&c->m, "needok token-insertion-request ok");
		return 0;
	}
	char shown[128];
	const char *token = strstr(message, please);
	show_label(shown, sizeof shown, token != NULL ? token + sizeof please - 1 : message);
	err_set(e, ERR_NO_TOKEN, "the token \"%s\", which the profile names, is not there", shown);
	return err_next(e, "put that one in; if it is in, see whether pcscd runs and the module of the profile's "
			   "pkcs11-providers is installed");
}

/* >STATE:time,name,description,... */
static void on_state(struct client *c, char *rest)
{
	char *save = NULL, *name = strtok_r(rest, ",", &save) != NULL ? strtok_r(NULL, ",", &save) : NULL;
	if (name == NULL)
		return;
	const char *why = strtok_r(NULL, ",", &save);
	if (strcmp(name, "CONNECTED") == 0) {
		c->asked[0] = '\0';
		/* where its PIN is typed on a pad, nobody was asked */
		pulled_watch(&c->watch, c->profile);
		notify_send("READY=1\nSTATUS=Connected");
	} else if (strcmp(name, "RECONNECTING") == 0) {
		notify_send("STATUS=Connecting again");
	} else if (strcmp(name, "EXITING") == 0) {
		clean_text(c->ended, sizeof c->ended, why != NULL ? why : "");
	}
}

static int on_line(struct client *c, char *line, struct err *e)
{
	char *what = NULL, *rest = NULL;
	if (strncmp(line, ">STATE:", 7) == 0) {
		on_state(c, line + 7);
	} else if (strncmp(line, ">FATAL:", 7) == 0) {
		clean_text(c->ended, sizeof c->ended, line + 7);
	} else if (strncmp(line, ">PASSWORD:", 10) == 0) {
		if ((what = needed(line, "' username/password", &rest)) != NULL)
			return on_account(c, what, rest, e);
		if ((what = needed(line, "' password", &rest)) != NULL)
			return on_password(c, what, e);
	} else if (strncmp(line, ">NEED-OK:", 9) == 0) {
		if ((what = needed(line, "' confirmation", &rest)) != NULL &&
		    strcmp(what, "token-insertion-request") == 0)
			return on_insert(c, rest, e);
		return err_set(e, ERR_CONFIG, "OpenVPN asks something that nobody here can answer: %s", line + 9);
	} else if (strncmp(line, ">NEED-STR:", 10) == 0) {
		err_set(e, ERR_CONFIG, "the profile leaves it open which key is meant");
		return err_next(e, "take pkcs11-id-management out of it, and put pkcs11-id in");
	}
	return 0;
}

/* Until OpenVPN has ended, or something is wrong; 0 for the former. */
static int converse(struct client *c, struct err *e)
{
	char *line = NULL;
	management_send(&c->m, "state on");
	for (;;) {
		if (management_read(&c->m, &line, e) != 0)
			return -1;
		if (line == NULL)
			return 0;
		if (on_line(c, line, e) != 0)
			return -1;
	}
}

static int ended_by_itself(const struct client *c, struct err *e)
{
	err_set(e, ERR_FAILED, "OpenVPN has ended%s%s", c->ended[0] != '\0' ? ": " : "", c->ended);
	return err_next(e, "see above what it says, or in the journal: journalctl -u tokenroll-vpn@%s", c->name);
}

int client_run(const char *profile, const char *name, const char *const options[], struct err *e)
{
	struct client c = {.profile = profile, .name = name, .watch = -1};
	struct openvpn *o = NULL;
	int rc = management_listen(&c.m, e);
	if (rc == 0)
		rc = openvpn_start(&o, profile, c.m.path, options, e);
	if (rc == 0)
		rc = openvpn_connect(o, &c.m, e);
	if (rc == 0 && c.m.fd >= 0)
		rc = converse(&c, e);
	/* both ways: one that has become another user takes no signal from a service without CAP_KILL */
	management_send(&c.m, "signal SIGTERM");
	openvpn_end(&o);
	pulled_end(&c.watch);
	management_end(&c.m);
	if (process_stop_signal() != 0)
		return 0;
	return rc != 0 ? rc : ended_by_itself(&c, e);
}
