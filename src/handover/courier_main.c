/*
 * courier_main: the process that renders and packs. It reads its calls
 * from RPC_FD and passes them to handover.h. It gets no secret of a token or
 * of the CA.
 */
#include "core/file.h"
#include "core/process.h"
#include "handover/confine.h"
#include "handover/courier.h"
#include "handover/courier_wire.h"
#include "handover/mailer.h"
#include "handover/owned.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* The mailer, which it starts, reads the mail server's password. */
#define HIDES (HIDDEN_ALL & ~HIDDEN_BIT(HIDDEN_BUNDLES) & ~HIDDEN_BIT(HIDDEN_MAIL))

struct state {
	struct config *cfg;
	char user[128];
	struct files rendered; /* for this user, with stand-ins for what is not known yet */
	struct handover_draft *draft;
	struct handover_facts facts; /* of the draft, then of what was made last */
	struct handover_result made;
	bool hidden, confined;
};

static int bad_call(struct err *e)
{
	return err_set(e, ERR_FAILED, "the courier process got a call that cannot be read");
}

static int op_check(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = s->state;
	struct blob text = BLOB_INIT;
	char path[PATH_MAX];
	(void)out;
	rpc_get_str(in, path, sizeof path);
	rpc_get_blob(in, &text);
	rpc_get_str(in, st->user, sizeof st->user);
	int ret = !in->bad && st->cfg == NULL ? 0 : bad_call(e);
	if (ret == 0)
		ret = config_parse(&st->cfg, path, &text, e);
	if (ret == 0)
		ret = courier_get_names(in, st->cfg, e);
	if (ret == 0)
		hidden_get(in, &st->cfg->hidden);
	if (ret == 0 && !rpc_msg_done(in))
		ret = bad_call(e);
	blob_free(&text);
	if (ret != 0)
		return -1;
	/* at once where that costs no waiting time; a folder that is made later could not be read */
	if (access(st->cfg->bundle.dir, F_OK) == 0)
		st->hidden = handover_hide(st->cfg, HIDES);
	return handover_check(st->cfg, st->user, &st->rendered, e);
}

static int op_room(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = s->state;
	(void)out;
	if (!rpc_msg_done(in) || st->rendered.n == 0)
		return bad_call(e);
	return owned_check(st->cfg->bundle.dir, st->user, &st->rendered, e);
}

/* A kernel without it is no reason not to make the bundle. */
static void confine(struct state *st)
{
	if (st->confined)
		return;
	/* whoever needs the folder says why it cannot be made */
	(void)file_mkdir(st->cfg->bundle.dir, 0700, NULL);
	st->hidden = st->hidden || handover_hide(st->cfg, HIDES);
	st->confined = handover_confine(st->cfg->bundle.dir);
}

static int take_facts(struct state *st, struct handover_facts *facts, struct rpc_msg *in, struct err *e)
{
	courier_get_facts(in, facts);
	return rpc_msg_done(in) && st->cfg != NULL ? 0 : bad_call(e);
}

static void keep_facts(struct state *st, struct handover_facts *facts)
{
	courier_free_facts(&st->facts);
	st->facts = *facts;
	*facts = (struct handover_facts){.user = NULL};
}

static int op_draft(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = s->state;
	struct handover_facts facts = {.user = NULL};
	(void)out;
	int ret = take_facts(st, &facts, in, e);
	if (ret == 0) {
		confine(st);
		handover_draft_free(&st->draft);
		ret = handover_draft_make(&st->draft, st->cfg, &facts, e);
	}
	if (ret == 0)
		keep_facts(st, &facts);
	courier_free_facts(&facts);
	return ret;
}

static int op_make(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = s->state;
	struct handover_facts facts = {.user = NULL};
	int ret = take_facts(st, &facts, in, e);
	handover_result_free(&st->made);
	if (ret == 0) {
		confine(st);
		if (st->draft != NULL && !courier_same_facts(&st->facts, &facts))
			handover_draft_free(&st->draft);
		if (st->draft == NULL)
			ret = handover_draft_make(&st->draft, st->cfg, &facts, e);
	}
	if (ret == 0)
		ret = handover_draft_put(st->draft, &st->made, e);
	handover_draft_free(&st->draft);
	if (ret == 0) {
		keep_facts(st, &facts);
		rpc_put_str(out, st->made.folder);
		rpc_put_str(out, st->made.tar_gz);
		rpc_put_str(out, st->made.zip);
	}
	courier_free_facts(&facts);
	return ret;
}

static int op_mail(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct state *st = s->state;
	(void)out;
	if (!rpc_msg_done(in) || st->made.folder == NULL)
		return bad_call(e);
	return mailer_send(st->cfg, &st->facts, &st->made, e);
}

static const struct rpc_op ops[] = {
    {COURIER_CHECK, 0, op_check}, {COURIER_ROOM, 0, op_room}, {COURIER_DRAFT, 0, op_draft},
    {COURIER_MAKE, 0, op_make},   {COURIER_MAIL, 0, op_mail},
};

int courier_main(void)
{
	struct err e = ERR_INIT;
	struct state st = {.cfg = NULL};
	struct rpc_server s = {.fd = RPC_FD, .state = &st};
	if (process_harden(&e) != 0) {
		fprintf(stderr, "courier: %s\n", e.what);
		return EXIT_FAILURE;
	}
	/* the parent asks for an end with SIGTERM: a mail under way is broken off */
	process_catch_signals();
	int status = rpc_serve(&s, ops, sizeof ops / sizeof *ops);
	handover_draft_free(&st.draft);
	courier_free_facts(&st.facts);
	handover_result_free(&st.made);
	files_free(&st.rendered);
	config_free(&st.cfg);
	return status;
}
