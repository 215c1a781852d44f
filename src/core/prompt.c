#include "core/prompt.h"
#include "core/process.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool prompt_possible(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int interrupted(struct err *e)
{
	fputc('\n', stderr);
	return err_set(e, ERR_INTERRUPTED, "interrupted at a question");
}

int prompt_passphrase(struct secret *ret, const char *text, struct err *e)
{
	secret_clear(ret);
	if (readpassphrase(text, ret->bytes, SECRET_MAX + 1, RPP_ECHO_OFF | RPP_REQUIRE_TTY) == NULL) {
		secret_clear(ret);
		return interrupted(e);
	}
	ret->len = strlen(ret->bytes);
	return 0;
}

int prompt_secret(struct secret *ret, const char *text, struct err *e)
{
	if (prompt_passphrase(ret, text, e) != 0)
		return -1;
	/* nothing typed and end of file look the same here; neither is a secret to try */
	return ret->len != 0 ? 0 : err_set(e, ERR_INTERRUPTED, "nothing was typed");
}

static const char *fault_of(const struct secret *s, const struct secret *again, size_t min, size_t max, char *buf,
			    size_t size)
{
	if (s->len < min || s->len > max) {
		snprintf(buf, size, "It must have %zu to %zu characters.", min, max);
		return buf;
	}
	if (again != NULL && !secret_equal(s, again))
		return "The two are not the same.";
	return NULL;
}

int prompt_new_secret(struct secret *ret, const char *text, size_t min, size_t max, struct err *e)
{
	char line[256], note[64];
	struct secret *again = secret_new();
	const char *fault = "";
	int got = 0;
	while (got == 0 && fault != NULL) {
		snprintf(line, sizeof line, "%s: ", text);
		got = prompt_secret(ret, line, e);
		if (got != 0)
			break;
		fault = fault_of(ret, NULL, min, max, note, sizeof note);
		if (fault == NULL) {
			snprintf(line, sizeof line, "%s, again: ", text);
			got = prompt_secret(again, line, e);
			fault = fault_of(ret, again, min, max, note, sizeof note);
		}
		if (got == 0 && fault != NULL)
			fprintf(stderr, "%s\n", fault);
	}
	secret_free(&again);
	if (got != 0)
		secret_clear(ret);
	return got;
}

int prompt_line_or(char *ret, size_t size, const char *text, const char *otherwise, struct err *e)
{
	if (readpassphrase(text, ret, size, RPP_ECHO_ON | RPP_REQUIRE_TTY) == NULL)
		return interrupted(e);
	if (ret[0] == '\0')
		snprintf(ret, size, "%s", otherwise);
	return ret[0] != '\0' ? 0 : err_set(e, ERR_INTERRUPTED, "nothing was typed");
}

int prompt_line(char *ret, size_t size, const char *text, struct err *e)
{
	return prompt_line_or(ret, size, text, "", e);
}

int prompt_choice(unsigned *ret, const char *text, unsigned n, struct err *e)
{
	for (;;) {
		char answer[32], *end;
		if (prompt_line(answer, sizeof answer, text, e) != 0)
			return -1;
		errno = 0;
		unsigned long v = strtoul(answer, &end, 10);
		if (end != answer && *end == '\0' && errno == 0 && v >= 1 && v <= n) {
			*ret = (unsigned)v;
			return 0;
		}
		fprintf(stderr, "A number from 1 to %u, or Ctrl-C to leave.\n", n);
	}
}

int prompt_yes(bool *ret, const char *text, struct err *e)
{
	char answer[32];
	*ret = false;
	if (prompt_line(answer, sizeof answer, text, e) != 0)
		return process_stop_signal() != 0 ? -1 : (err_clear(e), 0);
	*ret = strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
	return 0;
}
