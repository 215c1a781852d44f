/*
 * look_serve: the calls of look.h in the signer process.
 */
#include "ca/look.h"
#include "ca/pki.h"
#include "ca/signer_wire.h"
#include "core/landlock.h"

#include <stdlib.h>
#include <string.h>

#define PATH_BYTES_MAX 4096
#define ROWS_MAX 16384           /* in one piece */
#define DETAILS_MAX 4096         /* asked for at once */
#define DETAILS_BYTES (1U << 20) /* of an answer, after which the rest is to be asked for again */

static int bad_call(struct err *e)
{
	return err_set(e, ERR_FAILED, "the signer process got a call that cannot be read");
}

static int the_look(const struct rpc_server *s, struct ca **ret, struct err *e)
{
	*ret = *(struct ca **)s->state;
	return *ret != NULL && (*ret)->looks_only
		   ? 0
		   : err_set(e, ERR_FAILED, "the signer process was not asked to look at the PKI");
}

/* A kernel without it is no reason not to look. */
static void give_up_writing(void)
{
	struct landlock *l = NULL;
	if (landlock_begin(&l, LANDLOCK_CHANGE | LANDLOCK_EXECUTE))
		(void)landlock_enforce(&l);
}

static void put_dates(struct rpc_msg *m, const struct ca_crl_dates *d)
{
	rpc_put_u32(m, d->there);
	rpc_put_u64(m, (uint64_t)d->this_update);
	rpc_put_u64(m, (uint64_t)d->next_update);
}

static void put_trouble(struct rpc_msg *m, const struct err *e)
{
	rpc_put_u32(m, (uint32_t)e->code);
	rpc_put_str(m, e->what);
	rpc_put_str(m, e->native);
	rpc_put_str(m, e->next);
}

static void put_look(struct rpc_msg *m, const struct ca_look *l)
{
	rpc_put_str(m, l->subject);
	rpc_put_str(m, l->pki);
	rpc_put_u64(m, (uint64_t)l->not_after);
	rpc_put_u32(m, l->has_key);
	rpc_put_u32(m, l->has_index);
	rpc_put_u32(m, l->publishes);
	rpc_put_u32(m, l->outdated);
	put_dates(m, &l->made);
	put_dates(m, &l->published);
	signer_put_served(m, &l->served);
	put_trouble(m, &l->no_index);
	put_trouble(m, &l->no_crl);
}

int look_op_open(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct config_ca cfg = {.pki = NULL};
	char **texts[] = {&cfg.pki, &cfg.cert, &cfg.key, &cfg.crl, &cfg.chain};
	struct ca **ca = s->state;
	struct ca_look look;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		*texts[i] = rpc_get_strdup(in, PATH_BYTES_MAX);
		if ((*texts[i])[0] == '\0') {
			free(*texts[i]);
			*texts[i] = NULL;
		}
	}
	int ret = rpc_msg_done(in) && cfg.pki != NULL && *ca == NULL ? 0 : bad_call(e);
	if (ret == 0) {
		give_up_writing();
		ret = ca_look(ca, &cfg, &look, e);
	}
	if (ret == 0)
		put_look(out, &look);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(*texts[i]);
	return ret;
}

int look_op_rows(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	struct ca_rows rows = {.list = NULL};
	struct ca *ca = NULL;
	uint64_t from = rpc_get_u64(in);
	if (!rpc_msg_done(in))
		return bad_call(e);
	int ret = the_look(s, &ca, e) == 0 ? ca_look_rows(ca, from, ROWS_MAX, &rows, e) : -1;
	if (ret == 0) {
		rpc_put_u32(out, (uint32_t)rows.n);
		rpc_put_u32(out, rows.more);
	}
	for (size_t i = 0; ret == 0 && i < rows.n; i++) {
		rpc_put_str(out, rows.list[i].serial);
		rpc_put_u32(out, (unsigned char)rows.list[i].status);
		rpc_put_u64(out, (uint64_t)rows.list[i].not_after);
		rpc_put_u64(out, (uint64_t)rows.list[i].revoked);
	}
	ca_rows_free(&rows);
	return ret;
}

static void put_detail(struct rpc_msg *m, const struct ca_detail *d)
{
	rpc_put_u32(m, d->found);
	rpc_put_str(m, d->name);
	rpc_put_str(m, d->subject);
	rpc_put_str(m, d->reason);
	rpc_put_str(m, d->purpose);
	rpc_put_blob(m, &d->cert);
	rpc_put_blob(m, &d->spki);
	rpc_put_blob(m, &d->request);
}

/* Answers until there is enough in the message; what is asked for after that is read over. */
int look_op_details(struct rpc_server *s, struct rpc_msg *in, struct rpc_msg *out, struct err *e)
{
	uint32_t n = rpc_get_u32(in);
	struct ca *ca = NULL;
	int ret = n <= DETAILS_MAX ? the_look(s, &ca, e) : bad_call(e);
	for (uint32_t i = 0; ret == 0 && i < n; i++) {
		char serial[CA_SERIAL_HEX_MAX];
		struct ca_detail d = {.found = false};
		rpc_get_str(in, serial, sizeof serial);
		if (in->bad)
			return bad_call(e);
		if (out->len > DETAILS_BYTES)
			continue;
		ret = ca_look_detail(ca, serial, &d, e);
		if (ret == 0)
			put_detail(out, &d);
		ca_detail_free(&d);
	}
	return ret == 0 && !rpc_msg_done(in) ? bad_call(e) : ret;
}
