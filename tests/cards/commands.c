#include "control.h"
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOW_MAX 600000 /* milliseconds */

struct request {
	struct machine *m;
	char *const *words;
	size_t n;
	char *reply; /* what the client is told, of that size */
	size_t size;
};

static int refuse(struct request *r, const char *why)
{
	snprintf(r->reply, r->size, "%s", why);
	return -1;
}

/* A decimal number from low to high. */
static int number(const char *text, unsigned low, unsigned high, unsigned *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < low || value > high)
		return -1;
	*ret = (unsigned)value;
	return 0;
}

static int cmd_insert(struct request *r)
{
	int rc = machine_insert(r->m);

	if (rc == -1)
		refuse(r, r->m->complaint);
	r->m->complaint[0] = 0;
	return rc;
}

static int cmd_pull(struct request *r)
{
	machine_pull(r->m);
	return 0;
}

static int cmd_status(struct request *r)
{
	struct machine *m = r->m;
	FILE *out = fmemopen(r->reply, r->size, "w");

	if (!out)
		return refuse(r, "no memory");
	fprintf(out, "type=%s pid=%d inserted=%d apdus=%lu planned=%zu touch-wanted=%d", m->type->name, (int)getpid(),
		m->reader != -1, m->count, m->plan.n, m->finger == FINGER_AWAITED);
	m->type->status(m->card, out);
	return fclose(out) == 0 ? 0 : refuse(r, "too much to say");
}

static int cmd_count(struct request *r)
{
	snprintf(r->reply, r->size, "%lu", r->m->count);
	return 0;
}

static int cmd_reset_count(struct request *r)
{
	r->m->count = 0;
	return 0;
}

static int cmd_log(struct request *r)
{
	FILE *trace = NULL;

	if (strcmp(r->words[1], "off") != 0) {
		trace = fopen(r->words[1], "ae");
		if (!trace)
			return refuse(r, strerror(errno));
	}
	if (r->m->trace && fclose(r->m->trace) != 0)
		perror("trace");
	r->m->trace = trace;
	return 0;
}

static int set_delay(struct request *r, unsigned *delay)
{
	return number(r->words[1], 0, SLOW_MAX, delay) == 0 ? 0 : refuse(r, "a delay is 0 to 600000 milliseconds");
}

static int cmd_delay(struct request *r)
{
	return set_delay(r, &r->m->plan.delay);
}

static int cmd_delay_key(struct request *r)
{
	return set_delay(r, &r->m->plan.key_delay);
}

/* A finger, or the end of the card's patience. */
static int cmd_touch(struct request *r)
{
	bool late = r->n == 2;

	if (late && strcmp(r->words[1], "late") != 0)
		return refuse(r, "touch, or touch late");
	if (r->m->finger != FINGER_AWAITED)
		return refuse(r, "it does not wait for a touch");
	r->m->finger = late ? FINGER_LATE : FINGER_ON;
	return 0;
}

static int cmd_touch_after(struct request *r)
{
	return set_delay(r, &r->m->plan.touch_after);
}

static int cmd_export(struct request *r)
{
	const struct machine *m = r->m;
	struct buf out = {0};
	FILE *file;
	int rc = m->type->export ? m->type->export(m->card, r->words[1], &out) : -1;

	if (rc == -1 || out.failed) {
		buf_free(&out);
		return refuse(r, "this card has nothing of that name");
	}
	file = fopen(r->words[2], "we");
	rc = file && fwrite(out.p, 1, out.n, file) == out.n ? 0 : -1;
	if (file && fclose(file) != 0)
		rc = -1;
	buf_free(&out);
	return rc == 0 ? 0 : refuse(r, strerror(errno));
}

static int add(struct request *r, struct deed deed)
{
	if (number(r->words[1], 1, 1000000, &deed.in) == -1)
		return refuse(r, "an APDU is named by its number from now on: 1 is the next");
	if (plan_add(&r->m->plan, deed) == -1)
		return refuse(r, "too much is planned already");
	return 0;
}

static int cmd_pull_at(struct request *r)
{
	struct deed deed = {.kind = DEED_PULL, .after = r->n == 3};

	if (r->n == 3 && strcmp(r->words[2], "after") != 0)
		return refuse(r, "pull-at K [after]");
	return add(r, deed);
}

static int cmd_answer_at(struct request *r)
{
	struct deed deed = {.after = r->n == 4};
	const char *what = r->words[2];
	uint8_t sw[2];
	size_t sw_n;

	if (strcmp(what, "garbage") == 0 || strcmp(what, "truncated") == 0) {
		deed.kind = what[0] == 'g' ? DEED_GARBAGE : DEED_TRUNCATED;
		deed.after = true;
	} else if (bytes_from_hex(sw, sizeof(sw), &sw_n, what) == 0 && sw_n == sizeof(sw)) {
		deed.kind = DEED_STATUS;
		deed.sw = (uint16_t)(sw[0] << 8 | sw[1]);
	}
	if (deed.kind == DEED_NONE || (r->n == 4 && strcmp(r->words[3], "after") != 0))
		return refuse(r, "answer-at K SW [after], or answer-at K garbage|truncated");
	return add(r, deed);
}

static int cmd_forget(struct request *r)
{
	r->m->plan = (struct plan){0};
	return 0;
}

static int cmd_quit(struct request *r)
{
	r->m->quit = true;
	return 0;
}

static const struct {
	const char *name;
	size_t least, most; /* words behind the name */
	int (*run)(struct request *r);
} commands[] = {
    {"insert", 0, 0, cmd_insert},
    {"pull", 0, 0, cmd_pull},
    {"status", 0, 0, cmd_status},
    {"count", 0, 0, cmd_count},
    {"reset-count", 0, 0, cmd_reset_count},
    {"log", 1, 1, cmd_log},
    {"delay", 1, 1, cmd_delay},
    {"delay-key", 1, 1, cmd_delay_key},
    {"touch", 0, 1, cmd_touch},
    {"touch-after", 1, 1, cmd_touch_after},
    {"export", 2, 2, cmd_export},
    {"pull-at", 1, 2, cmd_pull_at},
    {"answer-at", 2, 3, cmd_answer_at},
    {"forget", 0, 0, cmd_forget},
    {"quit", 0, 0, cmd_quit},
};

int command_run(struct machine *m, char *const words[], size_t n, char *reply, size_t size)
{
	struct request r = {m, words, n, reply, size};

	for (size_t i = 0; n > 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words[0]) != 0)
			continue;
		if (n - 1 < commands[i].least || n - 1 > commands[i].most)
			return refuse(&r, "that command takes another number of words");
		return commands[i].run(&r);
	}
	return refuse(&r, "no such command");
}
