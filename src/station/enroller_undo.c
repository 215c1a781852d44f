/*
 * enroller_undo: takes back what was made a moment ago, where the operator sees
 * that it went to the wrong person: revokes the certificate, and empties the
 * token. One that holds somebody else's objects, too, is not emptied.
 */
#include "station/enroller.h"

#include "life/life.h"

#include <string.h>

static int ui_secret(void *arg, enum life_ask what, const struct worker_token *t, const struct profile *p,
		     const struct profile_limits *limits, struct secret *ret, struct err *e)
{
	struct enroller *n = arg;
	(void)limits;
	switch (what) {
	case LIFE_PIN:
		return enroller_ask(n, DESK_PIN_NOW, t, p, ret, e);
	case LIFE_SO_PIN:
		return enroller_ask(n, DESK_SO_PIN, t, p, ret, e);
	default:
		return err_set(e, ERR_SECRET_NEEDED, "the station cannot ask for that");
	}
}

static int ui_confirm(void *arg, const struct worker_token *t, const char *what, struct err *e)
{
	(void)arg;
	(void)t;
	(void)what;
	(void)e;
	return 0; /* at the station */
}

static int refuse_foreign(const struct enroller *n, struct err *e)
{
	err_set(e, ERR_FOREIGN, "token %s holds other objects beside ours, so it is not emptied", n->seen.id);
	return err_next(e, "`tokenroll revoke %s` revokes the certificate that was made", n->order.user);
}

int enroller_undo(struct enroller *n, bool *ret_published, struct err *e)
{
	struct enroll_ports ports = enroll_ports_real;
	struct life_wiped wiped;
	const struct desk_task *t = &n->task;
	const struct life_options opt = {.serial = enroller_given(n->seen.token.serial),
					 .reader = enroller_given(t->reader),
					 .module = enroller_given(t->module),
					 .pin_given = n->order.pin_given,
					 .so_pin_given = n->order.so_pin_given,
					 .verbose = t->verbose};
	const struct life_ui ui = {.arg = n,
				   .secret = ui_secret,
				   .confirm = ui_confirm,
				   .passphrase = enroller_ui.passphrase,
				   .note = enroller_ui.note};
	struct life life = {.ports = &ports, .cfg = n->cfg, .opt = &opt, .ui = &ui};
	if (n->seen.foreign != 0)
		return refuse_foreign(n, e);
	ports.ca.start = enroller_join_signer;
	int ret = life_open(&life, false, e);
	if (ret == 0 && strcmp(life.owner, n->order.user) != 0)
		ret = err_set(e, ERR_TOKEN_TAKEN, "token %s is not %s's", n->seen.id, n->order.user);
	if (ret == 0) {
		ret = life_wipe(&life, &wiped, e);
		*ret_published = wiped.n_revoked != 0;
		life_wiped_free(&wiped);
	}
	life_close(&life);
	return ret;
}
