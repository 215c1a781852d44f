#include "handover/pinletter.h"

#include "core/clock.h"
#include "core/xalloc.h"
#include "handover/pinletter_language.h"
#include "handover/pinletter_wire.h"

#include <poll.h>
#include <stdlib.h>

#define CHECK_MS 60000
/* more than drawing takes */
#define DRAW_MS 30000
/* to take the call, and to be whole for an answer that has begun */
#define TALK_MS 5000

struct pinletters {
	char *path;
	struct blob text; /* the configuration */
	struct hidden_list hidden;
	bool verbose;
	int print_ms;
	struct config_list languages; /* that there are templates for */
	struct config_list columns;
};

struct pinletter {
	struct rpc_peer *peer;
	int print_ms;
	int64_t until; /* clock_ms */
};

static int bad_answer(struct err *e)
{
	return err_set(e, ERR_FAILED, "the process that prints letters gave an answer that cannot be read");
}

static void put_config(struct rpc_msg *m, enum pinletter_op op, const struct pinletters *l)
{
	rpc_msg_reset(m, op);
	rpc_put_str(m, l->path);
	rpc_put_blob(m, &l->text);
	hidden_put(m, l->hidden.place, l->hidden.n);
}

static int get_languages(struct pinletters *l, struct rpc_msg *out, struct err *e)
{
	size_t n = rpc_get_u32(out);
	for (size_t i = 0; i < n && !out->bad; i++)
		config_list_add(&l->languages, rpc_get_strdup(out, NAME_MAX));
	return rpc_msg_done(out) ? 0 : bad_answer(e);
}

static int check(struct pinletters *l, rpc_note_fn *note, void *arg, struct err *e)
{
	struct rpc_peer *peer = NULL;
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	if (rpc_peer_start(&peer, "letter", l->verbose, e) != 0)
		return -1;
	rpc_peer_on_note(peer, note, arg);
	put_config(&in, PINLETTER_CHECK, l);
	rpc_put_u32(&in, (uint32_t)l->columns.n);
	for (size_t i = 0; i < l->columns.n; i++)
		rpc_put_str(&in, l->columns.text[i]);
	int ret = rpc_call(peer, &in, &out, CHECK_MS, e);
	if (ret == 0)
		ret = get_languages(l, &out, e);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	rpc_peer_stop(&peer);
	return ret;
}

int pinletters_open(struct pinletters **ret, const struct config *cfg, const char *const *columns, size_t n_columns,
		    bool verbose, rpc_note_fn *note, void *arg, struct err *e)
{
	struct pinletters *l = xcalloc(1, sizeof *l);
	l->path = xstrdup(cfg->path);
	blob_set(&l->text, cfg->text.data, cfg->text.len);
	hidden_copy(&l->hidden, &cfg->hidden);
	l->verbose = verbose;
	l->print_ms = (int)cfg->letter.timeout * 1000 + DRAW_MS;
	for (size_t i = 0; i < n_columns; i++)
		config_list_add(&l->columns, xstrdup(columns[i]));
	if (check(l, note, arg, e) != 0) {
		pinletters_close(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

void pinletters_close(struct pinletters **l)
{
	if (l == NULL || *l == NULL)
		return;
	free((*l)->path);
	config_list_free(&(*l)->languages);
	config_list_free(&(*l)->columns);
	blob_free(&(*l)->text);
	hidden_free(&(*l)->hidden);
	free(*l);
	*l = NULL;
}

bool pinletters_has(const struct pinletters *l, const char *language)
{
	return pinletter_language_find(&l->languages, language) >= 0;
}

static void drop(struct pinletter **p)
{
	rpc_peer_stop(&(*p)->peer);
	free(*p);
	*p = NULL;
}

/* A column that this person has nothing in is known all the same: of two of a name the first counts. */
static void put_facts(struct rpc_msg *m, const struct pinletters *l, const struct pinletter_facts *f)
{
	struct pinletter_facts whole = *f;
	struct pinletter_name *names = xcalloc(f->n_names + l->columns.n + 1, sizeof *names);
	for (size_t i = 0; i < f->n_names; i++)
		names[i] = f->names[i];
	for (size_t i = 0; i < l->columns.n; i++)
		names[f->n_names + i].name = l->columns.text[i];
	whole.names = names;
	whole.n_names = f->n_names + l->columns.n;
	pinletter_put_facts(m, &whole);
	free(names);
}

int pinletter_begin(struct pinletter **ret, const struct pinletters *l, const struct pinletter_facts *f,
		    struct secret *pin, struct secret *puk, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT;
	struct pinletter *p = xcalloc(1, sizeof *p);
	p->print_ms = l->print_ms;
	p->until = clock_ms() + l->print_ms;
	if (rpc_peer_start(&p->peer, "letter", l->verbose, e) != 0) {
		drop(&p);
		return -1;
	}
	put_config(&in, PINLETTER_PRINT, l);
	put_facts(&in, l, f);
	rpc_put_secret(&in, pin);
	if (puk != NULL)
		rpc_put_secret(&in, puk);
	int got = rpc_send_within(p->peer, &in, TALK_MS, e);
	rpc_msg_free(&in);
	if (got != 0) {
		drop(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

int pinletter_fd(const struct pinletter *p)
{
	return rpc_peer_fd(p->peer);
}

bool pinletter_late(const struct pinletter *p)
{
	return clock_ms() >= p->until;
}

static int end_late(struct pinletter *p, struct err *e)
{
	rpc_peer_kill(p->peer);
	return err_set(e, ERR_FAILED, "the process that prints letters did not finish within %d s and was ended",
		       p->print_ms / 1000);
}

static int wait_for(struct pinletter *p, struct rpc_msg *out, struct err *e)
{
	struct pollfd answer = {.fd = rpc_peer_fd(p->peer), .events = POLLIN};
	/* whoever comes late himself gets an answer that has waited for him */
	if (poll(&answer, 1, 0) == 1)
		return rpc_wait(p->peer, out, TALK_MS, e);
	int64_t left = p->until - clock_ms();
	return left > 0 ? rpc_wait(p->peer, out, (int)left, e) : end_late(p, e);
}

int pinletter_end(struct pinletter **p, struct pinletter_outcome *ret, struct err *e)
{
	struct rpc_msg out = RPC_MSG_INIT;
	struct pinletter_outcome o = {.file = ""};
	int got = wait_for(*p, &out, e);
	if (got == 0) {
		pinletter_get_outcome(&out, &o);
		got = rpc_msg_done(&out) ? 0 : bad_answer(e);
	}
	if (got == 0)
		*ret = o;
	rpc_msg_free(&out);
	drop(p);
	return got;
}

void pinletter_break(struct pinletter **p)
{
	rpc_peer_kill((*p)->peer);
	drop(p);
}

int pinletter_print(const struct pinletters *l, const struct pinletter_facts *f, struct secret *pin, struct secret *puk,
		    struct pinletter_outcome *ret, struct err *e)
{
	struct pinletter *p = NULL;
	return pinletter_begin(&p, l, f, pin, puk, e) == 0 ? pinletter_end(&p, ret, e) : -1;
}
