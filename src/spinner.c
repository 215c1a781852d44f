#include "spinner.h"
#include "core/clock.h"
#include "core/xalloc.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FIRST_MS 200 /* until the first picture */
#define EACH_MS 125

struct spinner {
	pthread_t thread;
	pthread_mutex_t lock; /* for all below, and for the terminal while a line is shown */
	pthread_cond_t changed;
	const char *line; /* NULL: nothing is to be drawn */
	int64_t began, next;
	unsigned frame;
	bool ending;
};

static void draw(struct spinner *s, int64_t now)
{
	static const char frames[] = "|/-\\";
	fprintf(stderr, "\r%s %c %" PRId64 " s", s->line, frames[s->frame++ % 4], (now - s->began) / 1000);
	s->next = now + EACH_MS;
}

static void wait_until(struct spinner *s, int64_t when)
{
	const struct timespec t = {.tv_sec = when / 1000, .tv_nsec = when % 1000 * 1000000};
	pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

static void *run(void *arg)
{
	struct spinner *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		int64_t now = clock_ms();
		if (s->line == NULL)
			pthread_cond_wait(&s->changed, &s->lock);
		else if (now >= s->next)
			draw(s, now);
		else
			wait_until(s, s->next);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* With all signals blocked in it: Ctrl-C has to wake up whoever waits for the token. */
static int start_thread(struct spinner *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

struct spinner *spinner_new(void)
{
	struct spinner *s = xcalloc(1, sizeof *s);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->lock, NULL);
	if (start_thread(s) == 0)
		return s;
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

static void set_line(struct spinner *s, const char *line)
{
	s->line = line;
	pthread_cond_signal(&s->changed);
}

void spinner_show(struct spinner *s, const char *line, int64_t began)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	fprintf(stderr, "%s …", line);
	s->began = began;
	s->next = clock_ms() + FIRST_MS;
	set_line(s, line);
	pthread_mutex_unlock(&s->lock);
}

void spinner_hide(struct spinner *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	if (s->line != NULL)
		fputs("\r\033[K", stderr);
	set_line(s, NULL);
	pthread_mutex_unlock(&s->lock);
}

void spinner_free(struct spinner **s)
{
	if (s == NULL || *s == NULL)
		return;
	pthread_mutex_lock(&(*s)->lock);
	(*s)->ending = true;
	pthread_cond_signal(&(*s)->changed);
	pthread_mutex_unlock(&(*s)->lock);
	pthread_join((*s)->thread, NULL);
	pthread_cond_destroy(&(*s)->changed);
	pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}
