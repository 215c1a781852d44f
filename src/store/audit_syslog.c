#include "store/audit_syslog.h"

#include "core/xalloc.h"
#include "store/audit_record.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@+/-"

/*
 * Not syslog(3): that waits for as long as the daemon does not read, and an enrollment would stand still in its middle
 * because of a log. A datagram of the same form is sent at once or not at all.
 */
static int connect_log(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* RFC 3164 as Linux's daemons expect it on the socket: local time, no host. */
static void send_line(int fd, const char *text)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm) || strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm) == 0)
		when[0] = 0;
	char *line = xasprintf("<%d>%s tokenroll[%ld]: %s", LOG_AUTHPRIV | LOG_INFO, when, (long)getpid(), text);

	(void)!send(fd, line, strlen(line), MSG_NOSIGNAL);
	free(line);
}

static void put_field(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=", name);
	if (*value && strspn(value, PLAIN) == strlen(value)) {
		fputs(value, out);
		return;
	}
	fputc('"', out);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

static void say(int fd, const struct audit_record *r)
{
	char *text = NULL, hash[2 * AUDIT_HASH_LEN + 1];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return;
	hex_encode(hash, sizeof(hash), r->hash, AUDIT_HASH_LEN);
	/* an action is a word of this program */
	fprintf(out, "action=%s", r->text[AUDIT_ACTION]);
	put_field(out, "user", r->text[AUDIT_USER]);
	put_field(out, "token", r->text[AUDIT_TOKEN_SERIAL]);
	put_field(out, "cert", r->text[AUDIT_CERT_SERIAL]);
	fprintf(out, " id=%" PRId64 " hash=%s", r->id, hash);
	put_field(out, "login", r->text[AUDIT_LOGIN]);
	put_field(out, "sudo", r->text[AUDIT_SUDO_USER]);
	put_field(out, "detail", r->text[AUDIT_DETAIL]);
	if (fclose(out) == 0)
		send_line(fd, text);
	free(text);
}

/* What is read back is on disk, and is what was written. */
static void say_all(struct store *s, int fd)
{
	struct query q = QUERY_INIT;
	struct audit_record r;
	bool row = false;
	int rc = query_open(&q, s, "SELECT " AUDIT_COLUMNS " FROM audit WHERE id BETWEEN ? AND ? ORDER BY id", NULL);

	if (rc == 0) {
		query_put_int(&q, s->unsaid_from);
		query_put_int(&q, s->unsaid_to);
	}
	while (rc == 0 && query_next(&q, &row, NULL) == 0 && row) {
		audit_record_read(&q, &r);
		say(fd, &r);
	}
	query_close(&q);
}

void audit_syslog_note(struct store *s, int64_t id)
{
	if (s->unsaid_from == 0)
		s->unsaid_from = id;
	s->unsaid_to = id;
}

void audit_syslog_say(struct store *s)
{
	if (!s->syslog || s->unsaid_from == 0)
		return;
	int fd = connect_log();

	if (fd != -1) {
		say_all(s, fd);
		close(fd);
	}
	audit_syslog_forget(s);
}

void audit_syslog_forget(struct store *s)
{
	s->unsaid_from = s->unsaid_to = 0;
}

void store_use_syslog(struct store *s)
{
	s->syslog = true;
	audit_syslog_say(s);
}
