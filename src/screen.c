#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_WIDTH 16
#define DETAIL_WIDTH 48

void screen_init(struct screen *s, const struct options *o)
{
	const char *no_color = getenv("NO_COLOR");
	memset(s, 0, sizeof *s);
	s->quiet = o->quiet;
	s->terminal = isatty(STDERR_FILENO);
	s->colour = s->terminal && (no_color == NULL || *no_color == '\0');
}

void screen_clean(char *ret, size_t size, const char *text)
{
	size_t n = 0;
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && n + 1 < size; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
		ret[n++] = *p < 0x20 || *p == 0x7f || c1 ? '?' : (char)*p;
		p += c1;
	}
	ret[n] = '\0';
}

void screen_title(const struct screen *s, const char *text)
{
	char clean[512];
	screen_clean(clean, sizeof clean, text);
	if (!s->quiet)
		fprintf(stderr, "%s%s%s\n", s->colour ? "\033[1m" : "", clean, s->colour ? "\033[0m" : "");
}

static void clear_line(const struct screen *s)
{
	if (s->terminal && !s->quiet && s->step != NULL)
		fputs("\r\033[K", stderr);
}

static void show_running(const struct screen *s)
{
	if (s->terminal && !s->quiet && s->step != NULL)
		fprintf(stderr, "  %-*s …", STEP_WIDTH, s->step);
}

void screen_step_begin(struct screen *s, const char *step)
{
	s->step = step;
	clock_gettime(CLOCK_MONOTONIC, &s->began);
	if (!s->quiet)
		show_running(s);
}

static double seconds_since(const struct timespec *t)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

void screen_step_end(struct screen *s, bool ok, const char *detail)
{
	char clean[256];
	screen_clean(clean, sizeof clean, detail);
	if (!s->quiet) {
		clear_line(s);
		fprintf(stderr, "  %-*s %-*s %s%6.2f s%s\n", STEP_WIDTH, s->step, DETAIL_WIDTH, ok ? clean : "failed",
			!s->colour ? ""
			: ok       ? "\033[32m"
				   : "\033[31m",
			seconds_since(&s->began), s->colour ? "\033[0m" : "");
	}
	s->step = NULL;
}

void screen_note(struct screen *s, const char *text)
{
	char clean[1024];
	screen_clean(clean, sizeof clean, text);
	clear_line(s);
	fprintf(stderr, "  note: %s\n", clean);
	show_running(s);
}

void screen_error(const struct screen *s, const struct err *e)
{
	char what[sizeof e->what], native[sizeof e->native], next[sizeof e->next];
	screen_clean(what, sizeof what, e->what);
	screen_clean(native, sizeof native, e->native);
	screen_clean(next, sizeof next, err_advice(e));
	fprintf(stderr, "%stokenroll: %s%s%s%s%s\n", s->colour ? "\033[31m" : "", what, native[0] != '\0' ? " (" : "",
		native, native[0] != '\0' ? ")" : "", s->colour ? "\033[0m" : "");
	if (next[0] != '\0')
		fprintf(stderr, "  what to do: %s\n", next);
}
