#include "enroll/touch.h"
#include "core/xalloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* A token that signs without a finger has done so by then. */
#define LONG_S 1

struct touch {
	struct rpc_server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over;
};

static void *wait_and_tell(void *arg)
{
	struct touch *t = arg;
	struct timespec until;
	int rv = 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_S;
	pthread_mutex_lock(&t->lock);
	while (!t->over && rv == 0)
		rv = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	/* under the lock: no answer can go out in the middle of it */
	if (!t->over)
		rpc_note(t->server, "touch the token, if its light blinks");
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static bool start(struct touch *t)
{
	sigset_t all, old;
	/* signals are for the module's thread, which knows how to end */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool started = pthread_create(&t->thread, NULL, wait_and_tell, t) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

struct touch *touch_begin(struct rpc_server *s, enum profile_touch policy)
{
	if (policy == PROFILE_TOUCH_ALWAYS)
		rpc_note(s, "touch the token");
	if (policy != PROFILE_TOUCH_MAYBE)
		return NULL;
	struct touch *t = xcalloc(1, sizeof *t);
	t->server = s;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	if (start(t))
		return t;
	/* a signature without a word about the finger is better than none */
	free(t);
	return NULL;
}

void touch_end(struct touch **touch)
{
	struct touch *t = *touch;
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->over = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
	*touch = NULL;
}
