#include "enroll/turn.h"
#include "core/clock.h"
#include "core/xalloc.h"
#include "enroll/worker_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_US 50000
#define TELL_MS 1000

struct turn {
	int fd;
};

/* Which byte: the file stays empty, locks may lie beyond its end. */
static off_t place_of(const struct worker_token *t, const char *serial)
{
	char name[128];
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	int n = snprintf(name, sizeof name, "%s/%s/%s", t->manufacturer, t->model, serial);
	EVP_Digest(name, (size_t)n, digest, NULL, EVP_sha256(), NULL);
	off_t place = 0;
	for (int i = 0; i < 5; i++)
		place = place << 8 | digest[i];
	return place;
}

static int wait_for(const struct turn *turn, struct rpc_server *s, off_t place, const char *serial, int64_t began,
		    struct err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
	const char *what = serial[0] != '\0' ? "token " : "a new token";
	for (bool told = false; clock_ms() - began < WORKER_TURN_MS; usleep(STEP_US)) {
		if (fcntl(turn->fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return err_errno(e, ERR_SYSTEM, "cannot take the turn at %s%s", what, serial);
		if (!told && clock_ms() - began >= TELL_MS) {
			rpc_note(s, "waiting for an earlier tokenroll that is still at %s%s", what, serial);
			told = true;
		}
	}
	return err_set(e, ERR_BUSY, "an earlier tokenroll is still at %s%s", what, serial);
}

/* The turn at each of these serial numbers of the token's make and model, one after the other. */
static int take(struct turn **ret, struct rpc_server *s, const char *path, const struct worker_token *t,
		const char *const serials[], size_t n, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(e, ERR_SYSTEM, "cannot open %s", path);
	struct turn *turn = xcalloc(1, sizeof *turn);
	turn->fd = fd;
	int got = 0;
	int64_t began = clock_ms();
	for (size_t i = 0; got == 0 && i < n; i++)
		got = wait_for(turn, s, place_of(t, serials[i]), serials[i], began, e);
	if (got == 0)
		*ret = turn;
	else
		turn_give(&turn);
	return got;
}

int turn_take(struct turn **ret, struct rpc_server *s, const char *path, const struct worker_token *t, struct err *e)
{
	const char *const serials[] = {t->serial};
	return take(ret, s, path, t, serials, 1, e);
}

int turn_take_setup(struct turn **ret, struct rpc_server *s, const char *path, const struct worker_token *t,
		    struct err *e)
{
	/* the shared one first, for everybody: nobody waits for it who has another */
	const char *const serials[] = {"", t->serial};
	bool shared = (t->flags & WORKER_TOKEN_NO_PIN) != 0;
	return take(ret, s, path, t, shared ? serials : serials + 1, shared ? 2 : 1, e);
}

void turn_give(struct turn **turn)
{
	if (turn == NULL || *turn == NULL)
		return;
	close((*turn)->fd);
	free(*turn);
	*turn = NULL;
}
