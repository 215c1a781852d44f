#include "station/watcher.h"

#include "core/process.h"
#include "core/xalloc.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define READERS_MAX 1000
#define AGAIN_S 1 /* after PC/SC could not be used */
#define ANSWER_LOOK_MS 100
#define ANSWER_MS (24 * 3600 * 1000)

void watcher_put_task(struct rpc_msg *m, const struct watcher_task *t)
{
	rpc_put_u32(m, t->slots);
	rpc_put_u32(m, t->verbose);
	rpc_put_str(m, t->module);
	rpc_put_str(m, t->config_path);
	hidden_put(m, t->hidden.place, t->hidden.n);
	rpc_put_blob(m, &t->config_text);
}

void watcher_get_task(struct rpc_msg *m, struct watcher_task *ret)
{
	*ret = (struct watcher_task){.config_text = BLOB_INIT};
	ret->slots = rpc_get_u32(m) != 0;
	ret->verbose = rpc_get_u32(m) != 0;
	ret->module = rpc_get_strdup(m, PATH_MAX);
	ret->config_path = rpc_get_strdup(m, PATH_MAX);
	hidden_get(m, &ret->hidden);
	rpc_get_blob(m, &ret->config_text);
}

void watcher_task_free(struct watcher_task *t)
{
	free(t->module);
	free(t->config_path);
	hidden_free(&t->hidden);
	blob_free(&t->config_text);
	*t = (struct watcher_task){.config_text = BLOB_INIT};
}

static void put_readers(struct rpc_msg *m, const struct reader *list, size_t n)
{
	rpc_put_u32(m, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		rpc_put_str(m, list[i].name);
		rpc_put_str(m, list[i].atr);
		rpc_put_u32(m, list[i].present);
		rpc_put_u32(m, list[i].mute);
		rpc_put_u32(m, list[i].exclusive);
		rpc_put_u32(m, list[i].events);
	}
}

void watcher_get_readers(struct rpc_msg *m, struct reader **ret, size_t *ret_n)
{
	uint32_t n = rpc_get_u32(m);
	m->bad = m->bad || n > READERS_MAX;
	*ret_n = m->bad ? 0 : n;
	*ret = xcalloc(*ret_n + 1, sizeof **ret);
	for (size_t i = 0; i < *ret_n; i++) {
		struct reader *r = &(*ret)[i];
		rpc_get_str(m, r->name, sizeof r->name);
		rpc_get_str(m, r->atr, sizeof r->atr);
		r->present = rpc_get_u32(m) != 0;
		r->mute = rpc_get_u32(m) != 0;
		r->exclusive = rpc_get_u32(m) != 0;
		r->events = rpc_get_u32(m);
	}
}

void watcher_get_trouble(struct rpc_msg *m, struct err *ret)
{
	*ret = (struct err)ERR_INIT;
	rpc_get_str(m, ret->what, sizeof ret->what);
	rpc_get_str(m, ret->native, sizeof ret->native);
	rpc_get_str(m, ret->next, sizeof ret->next);
	ret->code = ERR_READERS;
}

int watcher_tell(struct rpc_peer *station, struct rpc_msg *in)
{
	struct rpc_msg out = RPC_MSG_INIT;
	int ret = rpc_call(station, in, &out, ANSWER_MS, NULL);
	rpc_msg_free(in);
	rpc_msg_free(&out);
	return ret;
}

static void put_trouble(struct rpc_msg *m, const struct err *why)
{
	rpc_msg_reset(m, WATCHER_TROUBLE);
	rpc_put_str(m, why->what);
	rpc_put_str(m, why->native);
	rpc_put_str(m, err_advice(why));
}

int watcher_tell_trouble(struct rpc_peer *station, const struct err *why)
{
	struct rpc_msg in = RPC_MSG_INIT;
	put_trouble(&in, why);
	return watcher_tell(station, &in);
}

/* ---- readers: a station may be busy for a while, and what is put in and pulled out meanwhile is seen all the same */

struct watch {
	struct rpc_peer *station;
	bool troubled;       /* and that is in news, or was told */
	struct rpc_msg news; /* the newest, which is all that counts */
	bool due, asked;     /* news is to be told; what was told is not answered yet */
};

/* Trouble is told once; that it is over shows by a list of readers. */
static void look(struct watch *w, struct reader_watch *readers)
{
	static const struct timespec pause = {AGAIN_S, 0};
	struct err e = ERR_INIT;
	struct reader *list = NULL;
	size_t n = 0;
	bool fine = reader_watch_next(readers, w->asked ? ANSWER_LOOK_MS : -1, &list, &n, &e) == 0;
	bool news = list != NULL || (!fine && !w->troubled);
	if (list != NULL) {
		rpc_msg_reset(&w->news, WATCHER_READERS);
		put_readers(&w->news, list, n);
	} else if (news) {
		put_trouble(&w->news, &e);
	}
	free(list);
	w->due = w->due || news;
	w->troubled = !fine;
	if (!fine && !news)
		nanosleep(&pause, NULL);
}

static int take_answer(struct watch *w)
{
	struct pollfd p = {.fd = rpc_peer_fd(w->station), .events = POLLIN};
	struct rpc_msg out = RPC_MSG_INIT;
	if (!w->asked || poll(&p, 1, 0) == 0)
		return 0;
	w->asked = false;
	int ret = rpc_wait(w->station, &out, ANSWER_MS, NULL);
	rpc_msg_free(&out);
	return ret;
}

static int tell(struct watch *w)
{
	if (!w->due || w->asked)
		return 0;
	w->due = false;
	w->asked = true;
	return rpc_send(w->station, &w->news, NULL);
}

static void watch(struct rpc_peer *station)
{
	struct watch w = {.station = station, .news = RPC_MSG_INIT};
	struct reader_watch *readers = reader_watch_new();
	do
		look(&w, readers);
	while (take_answer(&w) == 0 && tell(&w) == 0);
	rpc_msg_free(&w.news);
	reader_watch_free(&readers);
}

int watcher_main(void)
{
	struct err e = ERR_INIT;
	struct rpc_peer *station = NULL;
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	struct watcher_task task = {.slots = false};
	if (process_harden(&e) != 0) {
		fprintf(stderr, "watcher: %s\n", e.what);
		return EXIT_FAILURE;
	}
	rpc_peer_adopt(&station, "station", RPC_FD);
	rpc_msg_reset(&in, WATCHER_HELLO);
	if (rpc_call(station, &in, &out, ANSWER_MS, NULL) == 0) {
		watcher_get_task(&out, &task);
		if (task.slots)
			slots_watch(station, &task);
		else
			watch(station);
	}
	watcher_task_free(&task);
	rpc_msg_free(&in);
	rpc_msg_free(&out);
	rpc_peer_stop(&station);
	return EXIT_SUCCESS;
}
