#include "station/station_impl.h"

#include "core/clock.h"
#include "core/process.h"
#include "core/xalloc.h"
#include "station/letters.h"
#include "station/signals.h"
#include "station/teller.h"
#include "station/watcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 1000 /* times and progress are drawn anew */

/* After how long it is said that the database is locked, and when again. */
#define LOCKED_MS 700
#define LOCKED_LAST_MS 100 /* waited for when all is to end at once */
#define LOCKED_AGAIN_MS 60000

static void tell(struct station *s, const struct station_event *ev)
{
	time_t now = time(NULL);
	if (now < s->since)
		s->since = now;
	s->set.view->event(s->set.view->arg, s, ev);
}

void station_tell(struct station *s, enum station_event_kind kind, const struct place *p, const char *text,
		  const struct err *why)
{
	tell(s, &(struct station_event){.kind = kind, .place = p, .text = text != NULL ? text : "", .why = why});
}

void station_tell_step(struct station *s, enum station_event_kind kind, const struct place *p, const char *text,
		       bool ok, int64_t ms)
{
	tell(s, &(struct station_event){.kind = kind, .place = p, .text = text, .ok = ok, .ms = ms});
}

void station_tell_letter(struct station *s, const char *user, bool ok, const char *text, const struct err *why)
{
	tell(s, &(struct station_event){.kind = STATION_LETTER, .user = user, .text = text, .why = why, .ok = ok});
}

void station_new(struct station **ret, const struct station_setup *setup)
{
	struct station *s = xcalloc(1, sizeof *s);
	s->set = *setup;
	s->began = clock_ms();
	s->since = time(NULL);
	s->letters_due = true;
	*ret = s;
}

/* It waits, and has nothing to finish. */
static void stop_watcher(struct rpc_peer **w)
{
	if (*w != NULL)
		rpc_peer_interrupt(*w);
	rpc_peer_stop(w);
}

void station_free(struct station **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < (*s)->n_places; i++) {
		rpc_peer_stop(&(*s)->places[i].enroller);
		roster_person_free(&(*s)->places[i].person);
	}
	stop_watcher(&(*s)->watcher);
	stop_watcher(&(*s)->slots);
	free((*s)->places);
	free((*s)->tokens);
	free((*s)->letters_off);
	free((*s)->giving_up);
	notes_free(*s);
	settle_free(*s);
	free((*s)->pin_wrong);
	free(*s);
	*s = NULL;
}

/* ---- the watcher of the readers */

static void take_trouble(struct station *s, const struct err *why)
{
	s->trouble = *why;
	s->has_trouble = true;
	station_tell(s, STATION_TROUBLE, NULL, NULL, why);
}

static const char *module_of(const struct station *s)
{
	return s->set.opt->module != NULL ? s->set.opt->module : s->set.cfg->token.module;
}

static char *copy(const char *text)
{
	return xstrdup(text != NULL ? text : "");
}

static void give_task(struct station *s, struct rpc_msg *out, bool slots)
{
	const struct station_options *o = s->set.opt;
	struct watcher_task t = {.slots = slots,
				 .verbose = o->verbose,
				 .module = copy(module_of(s)),
				 .config_path = xstrdup(s->set.cfg->path)};
	blob_set(&t.config_text, s->set.cfg->text.data, s->set.cfg->text.len);
	hidden_copy(&t.hidden, &s->set.cfg->hidden);
	watcher_put_task(out, &t);
	watcher_task_free(&t);
}

/* Cards and readers are not known any more; what is at work tells for itself. */
static void lose_readers(struct station *s, struct rpc_msg *call)
{
	struct err e = ERR_INIT;
	watcher_get_trouble(call, &e);
	place_take_readers(s, NULL, 0);
	take_trouble(s, &e);
}

static void on_readers(struct station *s, struct rpc_msg *call)
{
	struct reader *list = NULL;
	size_t n = 0;
	watcher_get_readers(call, &list, &n);
	s->has_trouble = false;
	place_take_readers(s, list, n);
	free(list);
}

static void on_tokens(struct station *s, struct rpc_msg *call)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	watcher_get_tokens(call, &list, &n);
	place_take_tokens(s, list, n);
	free(list);
}

static void serve_watcher(struct station *s, struct rpc_peer **w)
{
	struct rpc_msg call = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct err e = ERR_INIT;
	bool slots = w == &s->slots;
	int got = rpc_peer_next(*w, &call, &e);
	if (got < 0) {
		if (!slots)
			take_trouble(s, &e);
		rpc_peer_stop(w);
	} else if (got > 0) {
		;
	} else if (call.type == WATCHER_HELLO) {
		give_task(s, &out, slots);
	} else if (call.type == WATCHER_READERS) {
		on_readers(s, &call);
	} else if (call.type == WATCHER_TOKENS) {
		on_tokens(s, &call);
	} else if (call.type == WATCHER_NOTHING) {
		s->no_slots = true;
	} else if (slots) {
		watcher_get_trouble(&call, &e);
		station_tell(s, STATION_NOTE, NULL, e.what, &e);
	} else {
		lose_readers(s, &call);
	}
	if (got == 0)
		rpc_peer_answer(*w, &out);
	rpc_msg_free(&call);
	rpc_msg_free(&out);
}

static void need_watchers(struct station *s)
{
	struct err e = ERR_INIT;
	bool verbose = s->set.opt->verbose;
	int64_t now = clock_ms();
	/* one that ends at once would be started again and again */
	if (s->stopping || now < s->watchers_at)
		return;
	s->watchers_at = now + TURN_MS;
	if (s->watcher == NULL && rpc_peer_start(&s->watcher, "watcher", verbose, &e) != 0 && !s->has_trouble)
		take_trouble(s, &e);
	if (s->slots == NULL && !s->no_slots && module_of(s) != NULL)
		(void)rpc_peer_start(&s->slots, "watcher", verbose, &e);
}

/* ---- enrollers */

static bool is_under_way(const struct place *p)
{
	return p->state == PLACE_LOOKING || p->state == PLACE_PICK || p->state == PLACE_ASKING ||
	       p->state == PLACE_WORKING;
}

/* One that ends without a word may have had a certificate revoked: telling of that once too often is no harm. */
static void note_untold(struct station *s, const struct place *p)
{
	if (p->state == PLACE_WORKING || p->state == PLACE_ASKING)
		teller_note(s);
}

static void serve_place(struct station *s, struct place *p)
{
	struct rpc_msg call = RPC_MSG_INIT;
	struct err e = ERR_INIT;
	int got = rpc_peer_next(p->enroller, &call, &e);
	if (got == 0) {
		serve_call(s, p, &call);
	} else if (got < 0) {
		/* its last words were its end, unless it was killed */
		if (is_under_way(p)) {
			note_untold(s, p);
			if (p->stopping)
				err_set(&e, p->card ? ERR_INTERRUPTED : ERR_REMOVED,
					p->card ? "interrupted" : "the token was pulled out");
			place_fail(s, p, PLACE_FAILED, &e);
		}
		place_end(s, p);
	}
	rpc_msg_free(&call);
}

/* ---- the signer */

/* Nobody has the passphrase any more, so without it nothing can go on. */
static void serve_signer(struct station *s)
{
	struct err e = ERR_INIT;
	bool asked = s->admitting > 0;
	if (asked)
		s->admitting--;
	if (s->broken.code != ERR_NONE)
		return;
	if (signer_admit_end(s->set.signer, &e) == 0)
		return;
	s->broken = e;
	err_next(&s->broken, "start the station again with the same command: it goes on where it stopped");
	station_stop(s, false);
}

/* ---- the loop */

/* Whoever has asked twice waits for it no more: what is under way can be gone on with. Asked three times there is only
 * the moment that another process of ours may need. */
static bool on_locked(void *arg, int64_t waited_ms)
{
	static const char why[] = "another program keeps the database locked; the station waits for it";
	struct station *s = arg;
	if (s->kill_at != 0 || s->hurried)
		return waited_ms < LOCKED_LAST_MS;
	if (waited_ms < LOCKED_MS)
		return true;
	if (s->set.view->held != NULL)
		s->set.view->held(s->set.view->arg, why);
	if (s->held_said == 0 || clock_ms() - s->held_said > LOCKED_AGAIN_MS) {
		s->held_said = clock_ms();
		station_tell(s, STATION_NOTE, NULL, why, NULL);
	}
	return !s->stopping || !signals_pending();
}

/* Where they cannot be read that is tried in each turn, and said once. */
static void read_counts(struct station *s)
{
	struct err e = ERR_INIT;
	if (!s->fresh)
		return;
	bool fails = store_roster_count(s->set.store, s->set.roster, &s->counts, &e) != 0;
	if (fails && !s->counts_fail)
		station_tell(s, STATION_NOTE, NULL, e.what, &e);
	s->fresh = s->counts_fail = fails;
}

/* A signal from a terminal that is closed, or from a service manager: those under way are finished. The second one, or
 * Ctrl-C where nobody can be asked, breaks them off, and the third ends them at once; but not SIGHUP, which a closed
 * terminal sends more than once: the shell does, and the kernel when the shell has ended. */
static void on_signal(struct station *s)
{
	int sig = signals_take();
	if (sig == SIGHUP)
		station_stop(s, false);
	else if (sig != 0)
		station_stop_more(s);
}

enum { FD_SIGNAL, FD_SIGNER, FD_WATCHER, FD_SLOTS, FD_LETTER, FD_VIEW, FD_PLACES };

/* What comes is in revents; nothing where a signal came instead. */
static void wait_for_all(struct station *s, struct pollfd *p)
{
	const struct station_view *v = s->set.view;
	p[FD_SIGNAL] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	p[FD_SIGNER] = (struct pollfd){.fd = signer_fd(s->set.signer), .events = POLLIN};
	p[FD_WATCHER] = (struct pollfd){.fd = s->watcher != NULL ? rpc_peer_fd(s->watcher) : -1, .events = POLLIN};
	p[FD_SLOTS] = (struct pollfd){.fd = s->slots != NULL ? rpc_peer_fd(s->slots) : -1, .events = POLLIN};
	p[FD_LETTER] = (struct pollfd){.fd = letters_fd(s), .events = POLLIN};
	p[FD_VIEW] = (struct pollfd){.fd = v->input(v->arg), .events = POLLIN};
	for (size_t i = 0; i < s->n_places; i++) {
		const struct rpc_peer *e = s->places[i].enroller;
		p[FD_PLACES + i] = (struct pollfd){.fd = e != NULL ? rpc_peer_fd(e) : -1, .events = POLLIN};
	}
	(void)poll(p, FD_PLACES + s->n_places, TURN_MS);
}

static bool is_due(const struct pollfd *p, const struct rpc_peer *peer)
{
	return peer != NULL && (p->revents != 0 || rpc_peer_late(peer));
}

/* Places come and go with the readers, so those are last. */
static void turn(struct station *s)
{
	const struct station_view *v = s->set.view;
	size_t n = s->n_places;
	struct pollfd *p = xcalloc(FD_PLACES + n, sizeof *p);
	wait_for_all(s, p);
	for (size_t i = 0; i < n; i++) {
		if (is_due(&p[FD_PLACES + i], s->places[i].enroller))
			serve_place(s, &s->places[i]);
	}
	if (p[FD_LETTER].revents != 0 || letters_late(s))
		letters_read(s);
	if (p[FD_SIGNER].revents != 0)
		serve_signer(s);
	if (p[FD_SIGNAL].revents != 0)
		on_signal(s);
	if (p[FD_VIEW].revents != 0)
		v->read(v->arg, s);
	if (is_due(&p[FD_WATCHER], s->watcher))
		serve_watcher(s, &s->watcher);
	if (is_due(&p[FD_SLOTS], s->slots))
		serve_watcher(s, &s->slots);
	free(p);
	if (signer_fd(s->set.signer) < 0)
		serve_signer(s);
	settle_turn(s);
	serve_waiting(s);
	place_begin_queued(s);
	letters_turn(s);
	teller_turn(s);
	need_watchers(s);
	read_counts(s);
	v->draw(v->arg, s);
}

static bool goes_on(const struct station *s)
{
	if (s->kill_at != 0)
		return station_busy(s) != 0 && clock_ms() < s->kill_at;
	return !s->stopping || station_busy(s) != 0 || (teller_is_busy(s) && !s->now);
}

/* Whoever was asked for the third time waits for nobody. */
static void kill_all(struct station *s)
{
	struct err why = ERR_INIT;
	err_set(&why, ERR_INTERRUPTED, "interrupted");
	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = &s->places[i];
		if (p->enroller == NULL)
			continue;
		rpc_peer_kill(p->enroller);
		note_untold(s, p);
		if (is_under_way(p))
			place_fail(s, p, PLACE_FAILED, &why);
	}
	if (s->broken.code != ERR_NONE)
		return;
	err_set(&s->broken, ERR_INTERRUPTED, "the station was ended before what was under way had come to a stop");
	err_next(&s->broken,
		 "start it again with the same command, and put the tokens in again: it goes on where it stopped");
}

static void finish_tokens(struct station *s)
{
	s->ending = false;
	while (goes_on(s))
		turn(s);
	if (s->kill_at != 0)
		kill_all(s);
	teller_end(s);
}

/* Until the last one is printed, or something is begun at a token. */
static void finish_letters(struct station *s)
{
	s->ending = true;
	for (letters_turn(s); s->printing != NULL && !s->hurried && s->kill_at == 0 && station_busy(s) == 0;
	     letters_turn(s))
		turn(s);
}

int station_run(struct station *s, struct err *e)
{
	/* without them nobody would be left */
	if (store_roster_count(s->set.store, s->set.roster, &s->counts, e) != 0 || signals_catch(e) != 0)
		return -1;
	store_on_wait(s->set.store, on_locked, s);
	station_tell(s, STATION_BEGINS, NULL, NULL, NULL);
	need_watchers(s);
	/* the operator may take something back as long as a letter is in the printer */
	do {
		finish_tokens(s);
		finish_letters(s);
	} while (station_busy(s) != 0 && s->kill_at == 0);
	letters_end(s);
	notes_end(s);
	read_counts(s);
	station_tell(s, STATION_ENDS, NULL, NULL, NULL);
	store_on_wait(s->set.store, NULL, NULL);
	/* what is still to come is waited for elsewhere */
	process_catch_signals();
	if (s->broken.code != ERR_NONE && e != NULL)
		*e = s->broken;
	return s->broken.code == ERR_NONE ? 0 : -1;
}
