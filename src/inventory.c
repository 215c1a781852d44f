#include "inventory.h"
#include "core/day.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>

#define STREAM_BYTES ((size_t)64 << 10)

static int check(const struct options *o, int least, int most, struct err *e)
{
	if (o->n_args < least)
		return err_set(e, ERR_USAGE, "'%s' wants a user: tokenroll %s USER", o->verb, o->verb);
	if (o->n_args > most)
		return err_set(e, ERR_USAGE, "'%s' is one argument too many", o->args[most]);
	return o->json && o->csv ? err_set(e, ERR_USAGE, "the result is either --json or --csv") : 0;
}

int inventory_open(struct inventory *v, const struct options *o, int least, int most, struct err *e)
{
	*v = (struct inventory){.o = o};
	screen_init(&v->screen, o);
	if (check(o, least, most, e) != 0 || cmd_config(&v->cfg, o, e) != 0)
		return -1;
	return store_open(&v->store, v->cfg->store_path, e);
}

void inventory_close(struct inventory *v)
{
	store_close(&v->store);
	config_free(&v->cfg);
	screen_free(&v->screen);
}

void inventory_stream(void)
{
	/* without one of ours the C library takes a page, whatever the size */
	static char buffer[STREAM_BYTES];
	signal(SIGPIPE, SIG_DFL);
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

void inventory_json_end(struct json_t *rest, const struct err *error)
{
	json_t *doc = rest != NULL ? rest : json_object();
	json_object_set_new(doc, "ok", json_boolean(error == NULL));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	fputs(",\n", stdout);
	(void)json_dumpf(doc, stdout, JSON_ENSURE_ASCII | JSON_EMBED | JSON_REAL_PRECISION(12));
	fputs("}\n", stdout);
	json_decref(doc);
}

struct json_t *inventory_json_day(time_t t)
{
	char day[DAY_SIZE];
	if (t == 0)
		return json_null();
	day_format(day, t);
	return json_string(day);
}

int inventory_written(struct err *e)
{
	return fflush(stdout) == 0 && !ferror(stdout)
		   ? 0
		   : err_errno(e, ERR_SYSTEM, "the result could not be written to stdout");
}
