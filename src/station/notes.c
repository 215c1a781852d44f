/*
 * notes: what is said of each token again in the same words, because it is
 * about the CA or this machine, is shown once, and at the end of how many
 * tokens.
 */
#include "station/station_impl.h"

#include "core/xalloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 50 /* different ones; what comes behind is shown each time */

struct station_note {
	char *text;
	int64_t times;
};

static struct station_note *find(struct station *s, const char *text)
{
	for (size_t i = 0; i < s->n_notes; i++) {
		if (strcmp(s->notes[i].text, text) == 0)
			return &s->notes[i];
	}
	return NULL;
}

void notes_take(struct station *s, const struct place *p, const char *text, bool shared)
{
	struct station_note *known = shared ? find(s, text) : NULL;
	if (known != NULL) {
		known->times++;
		return;
	}
	if (shared && s->n_notes < NOTES_MAX) {
		s->notes = xrealloc(s->notes, s->n_notes + 1, sizeof *s->notes);
		s->notes[s->n_notes++] = (struct station_note){xstrdup(text), 1};
	}
	station_tell(s, STATION_NOTE, shared ? NULL : p, text, NULL);
}

void notes_end(struct station *s)
{
	for (size_t i = 0; i < s->n_notes; i++) {
		const struct station_note *n = &s->notes[i];
		if (n->times == 1)
			continue;
		char *text = xasprintf("said %" PRId64 " times: %s", n->times, n->text);
		station_tell(s, STATION_NOTE, NULL, text, NULL);
		free(text);
	}
}

void notes_free(struct station *s)
{
	for (size_t i = 0; i < s->n_notes; i++)
		free(s->notes[i].text);
	free(s->notes);
	s->notes = NULL;
	s->n_notes = 0;
}
