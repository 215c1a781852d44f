#include "core/secret.h"
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct secret *secret_new(void)
{
	void *page = mmap(NULL, sizeof(struct secret), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		fputs("tokenroll: no memory for a secret\n", stderr);
		abort();
	}
	/* A limit of locked memory below one page must not stop an enrollment: the page then stays out of core
	 * files and is wiped all the same. */
	(void)mlock(page, sizeof(struct secret));
	(void)madvise(page, sizeof(struct secret), MADV_DONTDUMP);
	(void)madvise(page, sizeof(struct secret), MADV_WIPEONFORK);
	return page;
}

void secret_free(struct secret **s)
{
	if (s == NULL || *s == NULL)
		return;
	secret_clear(*s);
	munmap(*s, sizeof **s);
	*s = NULL;
}

void secret_clear(struct secret *s)
{
	OPENSSL_cleanse(s, sizeof *s);
}

int secret_set(struct secret *s, const void *bytes, size_t len, struct err *e)
{
	if (len > SECRET_MAX)
		return err_set(e, ERR_USAGE, "a secret is longer than %d bytes", SECRET_MAX);
	secret_clear(s);
	if (len != 0)
		memcpy(s->bytes, bytes, len);
	s->len = len;
	return 0;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* One byte; 0 at the end of input, -1 with errno. */
static ssize_t read_byte(int fd, char *ret)
{
	ssize_t n;
	do
		n = read(fd, ret, 1);
	while (n < 0 && errno == EINTR && process_stop_signal() == 0);
	return n;
}

static int not_plain(struct err *e)
{
	return err_next(e, "put the secret there as plain text, on one line");
}

/* U+FEFF at the start of a file is how some editors mark UTF-8, and nothing that anybody has typed. */
static void drop_byte_order_mark(struct secret *s)
{
	static const char mark[] = "\xEF\xBB\xBF";
	size_t n = sizeof mark - 1;
	if (s->len < n || memcmp(s->bytes, mark, n) != 0)
		return;
	s->len -= n;
	memmove(s->bytes, s->bytes + n, s->len);
	OPENSSL_cleanse(s->bytes + s->len, n);
}

static int read_line(struct secret *s, int fd, const char *name, struct err *e)
{
	secret_clear(s);
	for (;;) {
		/* read into its final place, so that no copy stays on the stack */
		char *c = &s->bytes[s->len];
		ssize_t n = read_byte(fd, c);
		if (n < 0 && errno == EINTR)
			return err_set(e, ERR_INTERRUPTED, "interrupted while a secret was read from %s", name);
		if (n < 0) {
			err_errno(e, ERR_SECRET_FILE, "cannot read a secret from %s", name);
			return err_next(e, "see that it can be read, and that there is a line in it");
		}
		if (n == 0 || *c == '\n') {
			*c = '\0';
			break;
		}
		if (s->len == SECRET_MAX) {
			secret_clear(s);
			err_set(e, ERR_SECRET_FILE, "the first line of %s is longer than %d bytes", name, SECRET_MAX);
			return not_plain(e);
		}
		s->len++;
	}
	if (s->len != 0 && s->bytes[s->len - 1] == '\r')
		s->bytes[--s->len] = '\0';
	drop_byte_order_mark(s);
	if (memchr(s->bytes, '\0', s->len) != NULL) {
		secret_clear(s);
		err_set(e, ERR_SECRET_FILE, "the first line of %s has a NUL byte in it", name);
		return not_plain(e);
	}
	if (s->len == 0) {
		err_set(e, ERR_SECRET_FILE, "the first line of %s is empty", name);
		return not_plain(e);
	}
	return 0;
}

int secret_read_fd(struct secret *s, int fd, struct err *e)
{
	char name[32];
	snprintf(name, sizeof name, "descriptor %d", fd);
	return read_line(s, fd, name, e);
}

static int check_private(const struct stat *st, const char *path, struct err *e)
{
	if (S_ISFIFO(st->st_mode) || S_ISCHR(st->st_mode))
		return 0;
	if (!S_ISREG(st->st_mode)) {
		err_set(e, ERR_SECRET_FILE, "%s is not a file that a secret can be read from", path);
		return err_next(e, "name a regular file or a pipe");
	}
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		const char *slash = strrchr(path, '/');
		const char *name = slash != NULL ? slash + 1 : path;
		err_set(e, ERR_SECRET_FILE, "%s can be read by others (mode %04o)", path,
			(unsigned)st->st_mode & 07777);
		/* a file system without modes, such as FAT, shows all files alike and lets no chmod change that */
		return err_next(e,
				"chmod 600 '%s'; if it is on a stick where that changes nothing (FAT): install -m 600 "
				"'%s' '/dev/shm/%s', name that one, and remove it afterwards",
				path, path, name);
	}
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		err_set(e, ERR_SECRET_FILE, "%s belongs to another user (uid %u)", path, (unsigned)st->st_uid);
		return err_next(e, "use a file of your own");
	}
	return 0;
}

int secret_file_check(const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return err_errno(e, ERR_SECRET_FILE, "cannot look at %s", path);
	return check_private(&st, path, e);
}

int secret_read_file(struct secret *s, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		err_errno(e, ERR_SECRET_FILE, "cannot open %s", path);
		return err_next(e, "name a file that exists and that you can read");
	}
	struct stat st;
	int ret = fstat(fd, &st) == 0 ? check_private(&st, path, e)
				      : err_errno(e, ERR_SECRET_FILE, "cannot look at %s", path);
	if (ret == 0)
		ret = read_line(s, fd, path, e);
	close(fd);
	return ret;
}

int secret_random(struct secret *s, const char *alphabet, size_t n, struct err *e)
{
	size_t letters = strlen(alphabet);
	if (n > SECRET_MAX || letters == 0 || letters > 256)
		return err_set(e, ERR_FAILED, "a random secret of %zu characters from %zu cannot be made", n, letters);
	size_t fair = 256 - 256 % letters;
	secret_clear(s);
	while (s->len < n) {
		unsigned char byte;
		if (RAND_priv_bytes(&byte, 1) != 1) {
			secret_clear(s);
			return err_openssl(e, ERR_FAILED, "the random generator failed");
		}
		if (byte < fair)
			s->bytes[s->len++] = alphabet[byte % letters];
		OPENSSL_cleanse(&byte, sizeof byte);
	}
	return 0;
}
