/*
 * slots: the tokens of a module that are in no reader of PC/SC's: software, or
 * a vendor's own way to the hardware. A worker waits for the module's slot
 * events; of a module that has none the tokens are looked at each second. Each
 * look is taken by a worker of its own, as many a module lists new tokens only
 * when it is initialized.
 */
#include "station/watcher.h"

#include "core/clock.h"
#include "core/config.h"
#include "core/xalloc.h"
#include "enroll/ports.h"
#include "life/life.h"
#include "pkcs11/opensc.h"
#include "pkcs11/reader.h"
#include "station/slotwait.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000     /* between two looks, where there are no slot events */
#define ANYWAY_MS 30000   /* and where there are: what is done to a token that stays in its slot is none */
#define LOOKS_FOR_EVENT 3 /* a token may take a moment from its event until it is listed; two may come with one */
#define LOOKS_AT_FIRST 2  /* where there are cards the second is the first beside one that waits */
#define UNTOLD_MS 2500    /* for an event to come after a look has shown the same */
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
	struct slotwait wait;
	unsigned looks;      /* how many were taken, up to LOOKS_AT_FIRST */
	int64_t looked_at;   /* clock_ms, the last one's end */
	int64_t untold_at;   /* when a token was seen to have come or gone without an event; 0: none */
	unsigned looks_left; /* for the last event */
	bool shown;          /* what it was about */
	bool troubled;       /* and that was told */
	bool left_alone;
	bool suspect, suspect_failed; /* the last look was to no avail, or failed, beside one that waits */
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
 * As long as the module has shown no token at all it is not asked while a card is in any reader, which would disturb
 * that one: but at first, and for an event.
 */
static bool is_due(struct slots *s)
{
	read_readers(s);
	return s->looks < LOOKS_AT_FIRST || s->any_told || s->looks_left > 0 || !any_card(s);
}

/* Before the look, so that nothing falls between them; but a module that may show cards only is looked at first. */
static int begin_wait(struct slots *s, struct err *e)
{
	return s->looks == 0 && any_card(s) ? 0 : slotwait_begin(&s->wait, &s->settings, s->module, e);
}

/* What failed, or did not show what an event was about, is tried without one that waits for events before it counts:
 * some modules let one process alone at their tokens. */
static void judge_sharing(struct slots *s, bool fine, bool differs)
{
	bool waits = slotwait_fd(&s->wait) >= 0;
	s->shown = s->shown || differs;
	if (!waits && s->suspect && fine && (s->suspect_failed || differs))
		slotwait_give_up(&s->wait);
	s->suspect = waits && (!fine || (s->looks_left == 1 && !s->shown));
	s->suspect_failed = s->suspect && !fine;
	if (s->suspect)
		slotwait_put_aside(&s->wait);
}

/* A token that has come or gone, without an event on either side of the look: this module tells of none. */
static void judge_events(struct slots *s, bool waited, bool changed)
{
	if (s->untold_at != 0 && clock_ms() - s->untold_at > UNTOLD_MS) {
		slotwait_give_up(&s->wait);
		s->untold_at = 0;
	} else if (s->untold_at == 0 && waited && changed && s->looks_left == 0) {
		s->untold_at = clock_ms();
	}
}

static int tell_look(struct slots *s, bool fine, bool differs, struct worker_token *list, size_t n, const struct err *e)
{
	bool counts = !s->suspect_failed;
	int told = !fine && counts && !s->troubled ? watcher_tell_trouble(s->station, e) : 0;
	if (counts)
		s->troubled = !fine;
	if (differs)
		return tell_tokens(s, list, n);
	free(list);
	return told;
}

static int take_look(struct slots *s)
{
	struct err e = ERR_INIT;
	struct worker_token *list = NULL;
	size_t n = 0;
	if (!is_due(s))
		return 0;
	bool waited = slotwait_fd(&s->wait) >= 0;
	bool fine = begin_wait(s, &e) == 0 && look(s, &list, &n, &e) == 0;
	size_t own = leave_out_cards(s, list, n);
	bool differs = fine && (own > 0 || s->any_told) && !is_same(s, list, own);
	judge_sharing(s, fine, differs);
	judge_events(s, waited, differs && own != s->n_told);
	s->looks_left -= s->looks_left > 0;
	s->looks += s->looks < LOOKS_AT_FIRST;
	s->left_alone = fine && n > 0 && own == 0 && !s->any_told;
	return tell_look(s, fine, differs, list, own, &e);
}

/* Until then, or until fd (-1: none) can be read: 1; -1 if the station is gone, which answers only when it is told. */
static int rest(const struct slots *s, int fd, int64_t until)
{
	struct pollfd p[] = {{.fd = rpc_peer_fd(s->station), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int64_t left;
	while ((left = until - clock_ms()) > 0) {
		if (poll(p, 2, (int)left) > 0)
			return p[0].revents != 0 ? -1 : 1;
	}
	return 0;
}

static int take_event(struct slots *s)
{
	struct err e = ERR_INIT;
	bool came = false;
	int told = slotwait_take(&s->wait, &came, &e) != 0 ? watcher_tell_trouble(s->station, &e) : 0;
	if (came) {
		s->looks_left = LOOKS_FOR_EVENT;
		s->shown = false;
		s->untold_at = 0;
	}
	return told;
}

/* A module whose wait comes back again and again costs no more than one without events. */
static int await_next(struct slots *s)
{
	int fd = slotwait_fd(&s->wait);
	bool quiet = slotwait_is_believed(&s->wait) && !s->troubled && s->looks_left == 0 && s->untold_at == 0;
	int64_t soonest = s->looked_at + AGAIN_MS;
	int got = rest(s, fd, quiet ? s->looked_at + ANYWAY_MS : soonest);
	if (got > 0)
		got = take_event(s);
	return got == 0 ? rest(s, -1, soonest) : -1;
}

/* A module that shows tokens in PC/SC's readers only is left alone from then on: to ask it once more would disturb
 * them. */
static void watch(struct slots *s)
{
	int told = 0;
	while (told == 0 && !s->left_alone) {
		told = take_look(s);
		s->looked_at = clock_ms();
		if (told == 0 && !s->left_alone)
			told = await_next(s);
	}
	slotwait_put_aside(&s->wait);
}

static void no_note(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

void slots_watch(struct rpc_peer *station, struct watcher_task *t)
{
	struct err e = ERR_INIT;
	struct slots s = {.station = station};
	struct rpc_msg in = RPC_MSG_INIT;
	const struct life_options opt = {.verbose = t->verbose};
	const struct life_ui ui = {.note = no_note};
	int ret = config_parse(&s.cfg, t->config_path, &t->config_text, &e);
	if (ret == 0) {
		config_hide(s.cfg, &t->hidden);
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
