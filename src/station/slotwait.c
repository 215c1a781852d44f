#include "station/slotwait.h"

#include "core/clock.h"

#include <stdlib.h>

#define PAUSE_MS 2000 /* doubled each time, as one that fails again and again must not cost much */
#define PAUSE_MAX_MS (5 * 60 * 1000)

static void rest(struct slotwait *w)
{
	w->pause_ms = w->pause_ms == 0 ? PAUSE_MS : w->pause_ms * 2;
	if (w->pause_ms > PAUSE_MAX_MS)
		w->pause_ms = PAUSE_MAX_MS;
	w->not_before = clock_ms() + w->pause_ms;
}

void slotwait_put_aside(struct slotwait *w)
{
	worker_break_off(&w->worker);
	rest(w);
}

/* Listed first: some modules know only of slots for which they were asked. */
static int start(struct slotwait *w, const struct worker_settings *settings, const char *module, struct err *e)
{
	struct worker_token *list = NULL;
	size_t n = 0;
	int ret = worker_start(&w->worker, settings, e);
	if (ret == 0)
		ret = worker_tokens_begin(w->worker, module, e);
	if (ret == 0)
		ret = worker_tokens_end(w->worker, &list, &n, e);
	free(list);
	return ret == 0 ? worker_event_begin(w->worker, w->asks, e) : -1;
}

int slotwait_begin(struct slotwait *w, const struct worker_settings *settings, const char *module, struct err *e)
{
	if (w->never || w->worker != NULL || clock_ms() < w->not_before)
		return 0;
	if (start(w, settings, module, e) == 0)
		return 0;
	slotwait_put_aside(w);
	return -1;
}

int slotwait_fd(const struct slotwait *w)
{
	return w->worker != NULL ? worker_fd(w->worker) : -1;
}

bool slotwait_is_believed(const struct slotwait *w)
{
	return w->worker != NULL && (!w->asks || w->came);
}

static int lose(struct slotwait *w, struct err *e)
{
	bool first = !w->lost;
	slotwait_put_aside(w);
	w->lost = true;
	if (!first)
		return 0;
	err_prefix(e, "while it waited for slot events");
	return err_next(e,
			"nothing has to be done: until it waits again, the module is asked for its tokens each second");
}

int slotwait_take(struct slotwait *w, bool *ret_came, struct err *e)
{
	enum worker_event event = WORKER_EVENT_FAILED;
	*ret_came = false;
	if (worker_event_end(w->worker, &event, e) != 0)
		return lose(w, e);
	if (event == WORKER_EVENT_NEVER || event == WORKER_EVENT_FAILED) {
		worker_stop(&w->worker);
		rest(w);
		w->never = event == WORKER_EVENT_NEVER;
		return 0;
	}
	*ret_came = event == WORKER_EVENT_CAME;
	w->asks = w->asks || event == WORKER_EVENT_NOT_YET;
	if (*ret_came) {
		w->came = true;
		w->lost = false;
		w->pause_ms = 0;
	}
	return worker_event_begin(w->worker, w->asks, e) == 0 ? 0 : lose(w, e);
}

void slotwait_give_up(struct slotwait *w)
{
	w->never = true;
	worker_break_off(&w->worker);
}
