#include "screen.h"
#include "core/clean.h"
#include "core/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_WIDTH 16
#define DETAIL_WIDTH 48

/* A terminal that knows how to go back on a line and how to change colours. */
static bool is_terminal(void)
{
	const char *term = getenv("TERM");
	return isatty(STDERR_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

void screen_init(struct screen *s, const struct options *o)
{
	const char *no_color = getenv("NO_COLOR");
	bool terminal = is_terminal();
	memset(s, 0, sizeof *s);
	s->quiet = o->quiet;
	s->colour = terminal && (no_color == NULL || *no_color == '\0');
	s->live = terminal && !o->quiet && !o->json && !o->verbose;
}

void screen_free(struct screen *s)
{
	spinner_free(&s->spinner);
}

void screen_title(const struct screen *s, const char *text)
{
	char clean[512];
	clean_text(clean, sizeof clean, text);
	if (!s->quiet)
		fprintf(stderr, "%s%s%s\n", s->colour ? "\033[1m" : "", clean, s->colour ? "\033[0m" : "");
}

static void show_step(struct screen *s)
{
	if (s->live && s->step != NULL)
		spinner_show(s->spinner, s->line, s->began);
}

static void hide_step(struct screen *s)
{
	if (s->live && s->step != NULL)
		spinner_hide(s->spinner);
}

void screen_step_begin(struct screen *s, const char *step)
{
	s->step = step;
	snprintf(s->line, sizeof s->line, "  %-*s", STEP_WIDTH, step);
	s->began = clock_ms();
	if (s->live && s->spinner == NULL)
		s->spinner = spinner_new();
	show_step(s);
}

void screen_step_end(struct screen *s, bool ok, const char *detail)
{
	char clean[256];
	clean_text(clean, sizeof clean, detail);
	hide_step(s);
	if (!s->quiet)
		fprintf(stderr, "%s %-*s %s%6.2f s%s\n", s->line, DETAIL_WIDTH,
			ok || clean[0] != '\0' ? clean : "failed",
			!s->colour ? ""
			: ok       ? "\033[32m"
				   : "\033[31m",
			(double)(clock_ms() - s->began) / 1000, s->colour ? "\033[0m" : "");
	s->step = NULL;
}

void screen_pause(struct screen *s)
{
	hide_step(s);
	s->paused = clock_ms();
}

void screen_resume(struct screen *s)
{
	s->began += clock_ms() - s->paused;
	show_step(s);
}

void screen_note(struct screen *s, const char *text)
{
	char clean[1024];
	clean_text(clean, sizeof clean, text);
	hide_step(s);
	fprintf(stderr, "  note: %s\n", clean);
	show_step(s);
}

void screen_error(const struct screen *s, const struct err *e)
{
	char what[sizeof e->what], native[sizeof e->native], next[sizeof e->next];
	clean_text(what, sizeof what, e->what);
	clean_text(native, sizeof native, e->native);
	clean_text(next, sizeof next, err_advice(e));
	fprintf(stderr, "%stokenroll: %s%s%s%s%s\n", s->colour ? "\033[31m" : "", what, native[0] != '\0' ? " (" : "",
		native, native[0] != '\0' ? ")" : "", s->colour ? "\033[0m" : "");
	if (next[0] != '\0')
		fprintf(stderr, "  what to do: %s\n", next);
}
