/*
 * slots: the tokens of a module that are in no reader of PC/SC's: software, or
 * a vendor's own way to the hardware. Each look is taken by a worker of its own, as a
 * module tells of new tokens only when it is initialized, or not at all.
 */
#include "station/watcher.h"

#include "core/config.h"
#include "core/xalloc.h"
#include "enroll/ports.h"
#include "life/life.h"
#include "pkcs11/opensc.h"
#include "pkcs11/reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGAIN_S 1
#define TOKENS_MAX 100000

struct slots {
	struct rpc_peer *station;
	struct config *cfg;
	struct worker_settings settings;
	char module[512];
	struct worker_token *told; /* as they were told last */
	size_t n_told;
	bool any_told;
	struct reader *readers; /* PC/SC's, as they were before the last look */
	size_t n_readers;
};

static void put_tokens(struct rpc_msg *m, const struct worker_token *list, size_t n)
{
	rpc_put_u32(m, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		rpc_put_str(m, list[i].reader);
		rpc_put_str(m, list[i].serial);
		rpc_put_str(m, list[i].label);
		rpc_put_str(m, list[i].manufacturer);
		rpc_put_str(m, list[i].model);
		rpc_put_u32(m, list[i].flags);
	}
}

void watcher_get_tokens(struct rpc_msg *m, struct worker_token **ret, size_t *ret_n)
{
	uint32_t n = rpc_get_u32(m);
	m->bad = m->bad || n > TOKENS_MAX;
	*ret_n = m->bad ? 0 : n;
	*ret = xcalloc(*ret_n + 1, sizeof **ret);
	for (size_t i = 0; i < *ret_n; i++) {
		struct worker_token *t = &(*ret)[i];
		rpc_get_str(m, t->reader, sizeof t->reader);
		rpc_get_str(m, t->serial, sizeof t->serial);
		rpc_get_str(m, t->label, sizeof t->label);
		rpc_get_str(m, t->manufacturer, sizeof t->manufacturer);
		rpc_get_str(m, t->model, sizeof t->model);
		t->flags = rpc_get_u32(m);
	}
}

/* A path, or what p11-kit calls it. */
static int find_module(struct slots *s, const char *name, struct err *e)
{
	struct worker *w = NULL;
	struct worker_module *list = NULL;
	size_t n = 0;
	if (strchr(name, '/') != NULL) {
		snprintf(s->module, sizeof s->module, "%s", name);
		return 0;
	}
	int ret = worker_start(&w, &s->settings, e);
	if (ret == 0)
		ret = worker_modules_begin(w, e);
	if (ret == 0)
		ret = worker_modules_end(w, &list, &n, e);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0)
			snprintf(s->module, sizeof s->module, "%s", list[i].path);
	}
	free(list);
	worker_stop(&w);
	return ret;
}

static int look(struct slots *s, struct worker_token **ret, size_t *ret_n, struct err *e)
{
	struct worker *w = NULL;
	int got = worker_start(&w, &s->settings, e);
	if (got == 0)
		got = worker_tokens_begin(w, s->module, e);
	if (got == 0)
		got = worker_tokens_end(w, ret, ret_n, e);
	worker_stop(&w);
	return got;
}

static void read_readers(struct slots *s)
{
	free(s->readers);
	s->readers = NULL;
	if (reader_list(&s->readers, &s->n_readers, NULL) != 0)
		s->n_readers = 0;
}

static bool any_card(const struct slots *s)
{
	for (size_t i = 0; i < s->n_readers; i++) {
		if (s->readers[i].present)
			return true;
	}
	return false;
}

/* Those in PC/SC's readers are PC/SC's to tell of. */
static size_t leave_out_cards(const struct slots *s, struct worker_token *list, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if ((list[i].flags & WORKER_TOKEN_IN_HARDWARE) == 0 ||
		    reader_find(s->readers, s->n_readers, list[i].reader) == NULL)
			list[kept++] = list[i];
	}
	return kept;
}

static bool is_same(const struct slots *s, const struct worker_token *list, size_t n)
{
	bool same = s->any_told && n == s->n_told;
	for (size_t i = 0; same && i < n; i++)
		same = strcmp(list[i].reader, s->told[i].reader) == 0 &&
		       strcmp(list[i].serial, s->told[i].serial) == 0 && list[i].flags == s->told[i].flags;
	return same;
}

/* Takes the list over. */
static int tell_tokens(struct slots *s, struct worker_token *list, size_t n)
{
	struct rpc_msg in = RPC_MSG_INIT;
	free(s->told);
	s->told = list;
	s->n_told = n;
	s->any_told = true;
	rpc_msg_reset(&in, WATCHER_TOKENS);
	put_tokens(&in, list, n);
	return watcher_tell(s->station, &in);
}

/*
 * A module that shows tokens in PC/SC's readers only is left alone from then on: to ask it once more would disturb
 * them. As long as it has shown none at all it is not asked while a card is in any of them, but once.
 */
static void watch(struct slots *s)
{
	static const struct timespec pause = {AGAIN_S, 0};
	bool troubled = false;
	int told = 0;
	for (bool first = true; told == 0; first = false, nanosleep(&pause, NULL)) {
		struct err e = ERR_INIT;
		struct worker_token *list = NULL;
		size_t n = 0;
		read_readers(s);
		if (!first && !s->any_told && any_card(s))
			continue;
		bool fine = look(s, &list, &n, &e) == 0;
		size_t own = leave_out_cards(s, list, n);
		if (!fine && !troubled)
			told = watcher_tell_trouble(s->station, &e);
		troubled = !fine;
		if (fine && (own > 0 || s->any_told) && !is_same(s, list, own)) {
			told = tell_tokens(s, list, own);
			continue;
		}
		free(list);
		if (fine && n > 0 && own == 0 && !s->any_told)
			return;
	}
}

static void no_note(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static const char *given(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

void slots_watch(struct rpc_peer *station, struct watcher_task *t)
{
	struct err e = ERR_INIT;
	struct slots s = {.station = station};
	struct rpc_msg in = RPC_MSG_INIT;
	const struct life_options opt = {
	    .secret_files = {given(t->pin_file), given(t->so_pin_file), given(t->ca_pass_file)}, .verbose = t->verbose};
	const struct life_ui ui = {.note = no_note};
	int ret = config_parse(&s.cfg, t->config_path, &t->config_text, &e);
	if (ret == 0) {
		const struct life life = {.ports = &enroll_ports_real, .cfg = s.cfg, .opt = &opt, .ui = &ui};
		s.settings = life_settings(&life);
		ret = find_module(&s, t->module, &e);
	}
	if (ret != 0)
		(void)watcher_tell_trouble(station, &e);
	else if (s.module[0] != '\0' && !opensc_is_module(s.module))
		watch(&s);
	rpc_msg_reset(&in, WATCHER_NOTHING);
	(void)watcher_tell(station, &in);
	free(s.told);
	free(s.readers);
	config_free(&s.cfg);
}
