#include "machine.h"

#include "control.h"
#include "state.h"
#include "vpcd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOUCH_PATIENCE 15000 /* milliseconds */

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

/* Waits for what comes from outside, but not from the reader unless told so. Returns whether the reader has sent. */
static bool listen_for(struct machine *m, bool reader, long ms)
{
	struct pollfd fds[] = {{.fd = m->control, .events = POLLIN},
			       {.fd = m->stand, .events = POLLIN},
			       {.fd = reader ? m->reader : -1, .events = POLLIN}};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), (int)ms) <= 0)
		return false;
	if (fds[1].revents)
		m->quit = true;
	if (fds[0].revents)
		control_serve(m);
	return fds[2].revents && m->reader != -1;
}

/* Lets time pass. Returns whether the card is still in the reader that waits for it. */
static bool pause_for(struct machine *m, unsigned ms)
{
	unsigned insertion = m->insertions;
	long until = now_ms() + (long)ms, left;

	while ((left = until - now_ms()) > 0 && !m->quit && m->reader != -1 && m->insertions == insertion)
		listen_for(m, false, left);
	return !m->quit && m->reader != -1 && m->insertions == insertion;
}

static void reset(struct machine *m)
{
	channel_reset(&m->channel);
	m->type->reset(m->card);
}

int machine_insert(struct machine *m)
{
	if (m->reader != -1) {
		snprintf(m->complaint, sizeof(m->complaint), "it is in the reader already");
		return -1;
	}
	m->reader = vpcd_insert(m->port);
	if (m->reader == -1) {
		snprintf(m->complaint, sizeof(m->complaint), "cannot reach the reader on port %u: %s", m->port,
			 strerror(errno));
		return -1;
	}
	m->insertions++;
	return 0;
}

void machine_pull(struct machine *m)
{
	vpcd_pull(&m->reader, m->answering);
	reset(m);
}

int machine_save(struct machine *m)
{
	struct buf now = {0};
	int rc = 0;

	m->type->save(m->card, &now);
	if (now.failed) {
		snprintf(m->complaint, sizeof(m->complaint), "no memory");
		rc = -1;
	} else if (!bytes_equal(buf_bytes(&now), buf_bytes(&m->saved))) {
		rc = state_write(m->state_path, m->type->name, buf_bytes(&now), m->complaint, sizeof(m->complaint));
	}
	if (rc == 0) {
		buf_free(&m->saved);
		m->saved = now;
		now = (struct buf){0};
	}
	buf_free(&now);
	return rc;
}

static void put_hex(FILE *out, struct bytes data)
{
	for (size_t i = 0; i < data.n; i++)
		fprintf(out, "%02X", data.p[i]);
}

/* NUMBER, the command in words, the command, the answer and how long it took. */
static void write_trace(struct machine *m, struct bytes command, struct bytes answer, long ms)
{
	struct apdu a;

	if (!m->trace)
		return;
	fprintf(m->trace, "%lu %s\t", m->count, apdu_parse(&a, command) == 0 ? m->type->describe(&a) : "no APDU");
	put_hex(m->trace, command);
	fprintf(m->trace, "\t");
	put_hex(m->trace, answer);
	fprintf(m->trace, "%s\t%ld ms\n", answer.n ? "" : "pulled", ms);
	fflush(m->trace);
}

/* The time a command takes. Returns whether the card is still in its reader. */
static bool take_time(struct machine *m, struct bytes command)
{
	struct apdu a;
	unsigned ms = m->plan.delay;

	if (apdu_parse(&a, command) == 0 && m->type->makes_key(&a))
		ms += m->plan.key_delay;
	return ms == 0 || pause_for(m, ms);
}

/* Waits for somebody to touch it, as long as cards do. Returns whether the card is still in its reader. */
static bool await_touch(struct machine *m)
{
	unsigned insertion = m->insertions;
	long until = now_ms() + (m->plan.touch_after ? (long)m->plan.touch_after : TOUCH_PATIENCE), left;

	m->finger = FINGER_AWAITED;
	while (m->finger == FINGER_AWAITED && (left = until - now_ms()) > 0 && !m->quit && m->reader != -1 &&
	       m->insertions == insertion)
		listen_for(m, false, left);
	if (m->finger == FINGER_ON || (m->finger == FINGER_AWAITED && m->plan.touch_after))
		m->type->touched(m->card);
	m->finger = FINGER_OFF;
	return !m->quit && m->reader != -1 && m->insertions == insertion;
}

static bool wants_touch(const struct machine *m, struct bytes command)
{
	struct apdu a;

	return m->type->wants_touch && apdu_parse(&a, command) == 0 && m->type->wants_touch(m->card, &a);
}

/* Works out the answer. Returns false if there is to be none, because the card is or has to be out of its reader. */
static bool work_out(struct machine *m, struct bytes command, struct buf *answer)
{
	struct deed deed = plan_next(&m->plan);
	bool executed = deed.kind == DEED_NONE || deed.after;

	if (!take_time(m, command) || (executed && wants_touch(m, command) && !await_touch(m)))
		return false;
	if (executed) {
		channel_transmit(&m->channel, command, m->type->transmit, m->card, answer);
		if (machine_save(m) == -1) {
			m->quit = true;
			return false;
		}
	} else {
		channel_reset(&m->channel);
	}
	plan_spoil(deed, answer);
	return deed.kind != DEED_PULL;
}

static void handle_apdu(struct machine *m, struct bytes command)
{
	struct buf answer = {0};
	unsigned insertion = m->insertions;
	long began = now_ms();

	m->count++;
	m->answering = true;
	if (work_out(m, command, &answer) && vpcd_answer(m->reader, buf_bytes(&answer)) == 0) {
		write_trace(m, command, buf_bytes(&answer), now_ms() - began);
	} else {
		write_trace(m, command, (struct bytes){NULL, 0}, now_ms() - began);
		if (m->insertions == insertion) /* else it was pulled and put back meanwhile */
			machine_pull(m);
	}
	m->answering = false;
	buf_free(&answer);
}

static void handle_control(struct machine *m, uint8_t code)
{
	struct buf atr = {0};

	if (code == VPCD_ATR) {
		m->type->atr(m->card, &atr);
		if (vpcd_answer(m->reader, buf_bytes(&atr)) == -1)
			machine_pull(m);
	} else {
		reset(m);
	}
	buf_free(&atr);
}

int machine_run(struct machine *m)
{
	struct buf message = {0};

	m->complaint[0] = 0;
	while (!m->quit) {
		if (!listen_for(m, true, -1))
			continue;
		if (vpcd_receive(m->reader, &message) == -1)
			machine_pull(m);
		else if (message.n == 1)
			handle_control(m, message.p[0]);
		else
			handle_apdu(m, buf_bytes(&message));
	}
	machine_pull(m);
	buf_free(&message);
	return m->complaint[0] ? -1 : 0;
}

void machine_free(struct machine *m)
{
	channel_free(&m->channel);
	buf_free(&m->saved);
	if (m->type && m->card)
		m->type->free(&m->card);
	if (m->trace && fclose(m->trace) != 0)
		perror("trace");
	if (m->control != -1)
		close(m->control);
	if (m->stand != -1)
		close(m->stand);
}
