#include "enroll/touch.h"
#include "core/xalloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* A token that signs without a finger has mostly done so by then. */
#define LONG_MS 200

struct touch {
	struct rpc_server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool runs; /* the thread */
	bool over, told;
};

static void *wait_and_tell(void *arg)
{
	struct touch *t = arg;
	struct timespec until;
	int rv = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LONG_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&t->lock);
	while (!t->over && rv == 0)
		rv = pthread_cond_clockwait(&t->changed, &t->lock, CLOCK_MONOTONIC, &until);
	/* under the lock: no answer can go out in the middle of it */
	if (!t->over) {
		rpc_note(t->server, "touch the token, if its light blinks");
		t->told = true;
	}
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
	if (policy == PROFILE_TOUCH_NEVER)
		return NULL;
	struct touch *t = xcalloc(1, sizeof *t);
	t->server = s;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->told = policy == PROFILE_TOUCH_ALWAYS;
	if (t->told)
		rpc_note(s, "touch the token");
	else /* a signature without a word about the finger is better than none */
		t->runs = start(t);
	return t;
}

static int explain(struct err *e)
{
	struct err why = *e;
	if (e->code != ERR_TOKEN_FAILED && e->code != ERR_PROOF && e->code != ERR_PIN_NEEDED)
		return -1;
	err_set(e, why.code, "%s; it seems to have waited for a finger", why.what);
	err_native(e, "%s", why.native);
	return err_next(e,
			"run the same command again, and touch the token while its light blinks; it goes on where it "
			"stopped");
}

int touch_end(struct touch **touch, int ret, struct err *e)
{
	struct touch *t = *touch;
	if (t == NULL)
		return ret;
	pthread_mutex_lock(&t->lock);
	t->over = true;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	if (t->runs)
		pthread_join(t->thread, NULL);
	bool told = t->told;
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
	*touch = NULL;
	return ret != 0 && told ? explain(e) : ret;
}
