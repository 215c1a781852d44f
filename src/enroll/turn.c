#include "enroll/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#define STEP_US 50000
#define STEPS (45 * 1000000 / STEP_US)

/* Which byte: the file stays empty, locks may lie beyond its end. */
static off_t place_of(const struct worker_token *t)
{
	char name[128];
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	int n = snprintf(name, sizeof name, "%s/%s/%s", t->manufacturer, t->model, t->serial);
	EVP_Digest(name, (size_t)n, digest, NULL, EVP_sha256(), NULL);
	off_t place = 0;
	for (int i = 0; i < 5; i++)
		place = place << 8 | digest[i];
	return place;
}

static int wait_for(struct rpc_server *s, int fd, off_t place, const struct worker_token *t, struct err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
	for (int i = 0; i < STEPS; i++) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return err_errno(e, ERR_SYSTEM, "cannot take the turn at token %s", t->serial);
		if (i == 20)
			rpc_note(s, "waiting for an earlier tokenroll that is still at token %s", t->serial);
		usleep(STEP_US);
	}
	return err_set(e, ERR_BUSY, "an earlier tokenroll is still at token %s", t->serial);
}

int turn_take(struct rpc_server *s, const char *path, const struct worker_token *t, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(e, ERR_SYSTEM, "cannot open %s", path);
	if (wait_for(s, fd, place_of(t), t, e) == 0)
		return 0; /* the descriptor stays open as long as this process is there */
	close(fd);
	return -1;
}
