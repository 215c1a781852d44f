/*
 * tokenroll station FILE: bulk enrollment of the people on a roster.
 */
#include "core/prompt.h"
#include "core/xalloc.h"
#include "credentials.h"
#include "handover/courier.h"
#include "hook.h"
#include "lifeui.h"
#include "report.h"
#include "rosterreport.h"
#include "rosterui.h"
#include "station/station.h"
#include "station/view_lines.h"
#include "station/view_screen.h"
#include "unlock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stationcmd {
	const struct options *o;
	struct config *cfg;
	struct screen screen;
	struct store *store;
	struct signer *signer;
	struct ca_info ca;
	struct secret *key; /* for PINs that wait for their letters */
	struct secret *pin, *so_pin;
	struct pinletters *printer;
	struct roster *people; /* of which only the names of the columns are kept */
	int64_t roster;
	enum config_pins pins;
	struct view_lines lines;
	bool unread;              /* nobody reads them */
	struct view_screen *full; /* NULL: lines are printed */
	struct err letter_why;    /* why the PIN letter waits that failed last; ERR_NONE */
};

static void note(void *arg, const char *text)
{
	struct stationcmd *c = arg;
	screen_note(&c->screen, text);
}

static bool has_screen(const struct options *o)
{
	return !o->plain && !o->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int check_arguments(const struct options *o, struct err *e)
{
	if (o->n_args == 1 && o->pick && !has_screen(o)) {
		err_set(e, ERR_USAGE,
			"with --pick somebody types whose each token is, and there is no screen to type at");
		return err_next(e, "run it at a terminal without --plain and --json, or let the roster's order decide");
	}
	if (o->n_args == 1)
		return o->json && o->plain ? err_set(e, ERR_USAGE, "the station prints either --plain lines or --json")
					   : 0;
	err_set(e, ERR_USAGE, o->n_args == 0 ? "'station' wants a roster" : "'station' takes one roster");
	return err_next(e, "name the CSV file of those who are to get tokens, or - for standard input: "
			   "tokenroll station ROSTER.csv");
}

/* What goes for one token goes for many, where nothing else is said. */
static enum config_pins usual_pins(const struct config *cfg)
{
	if (cfg->station.pins != CONFIG_PINS_COUNT)
		return cfg->station.pins;
	return cfg->token.pin == CONFIG_PIN_RANDOM ? CONFIG_PINS_RANDOM
	       : cfg->token.pin == CONFIG_PIN_KEEP ? CONFIG_PINS_KEEP
						   : CONFIG_PINS_TYPED;
}

static int refuse_typed(struct err *e)
{
	err_set(e, ERR_USAGE, "with PINs that are typed each person types theirs, and there is no screen to type at");
	return err_next(e, "run it at a terminal without --plain and --json, or with --pins random; --pins keep leaves "
			   "the tokens the PIN of --pin-file, and --pins pad has it entered at the readers");
}

static int refuse_unknown(struct err *e)
{
	err_set(e, ERR_SECRET_NEEDED, "the tokens' PIN is needed, and there is no screen to type it at");
	return err_next(e,
			"give the PIN that all tokens have with --pin-file FILE or --pin-fd N, or run it at a terminal "
			"without --plain and --json; where readers have a PIN pad, --pins pad needs none");
}

/* Before the first token, where it would go for each. At a PIN pad somebody types, whatever there is here; random ones
 * are for tokens that are blank or have the factory's, too; and the factory's that are kept are sent unasked. */
static int check_pins(const struct stationcmd *c, struct err *e)
{
	if (has_screen(c->o))
		return 0;
	if (c->pins == CONFIG_PINS_TYPED)
		return refuse_typed(e);
	bool unknown = c->pins == CONFIG_PINS_KEEP && !credentials_has_pin(c->o) && !c->o->keep_factory_pins;
	return unknown ? refuse_unknown(e) : 0;
}

static int choose_pins(struct stationcmd *c, struct err *e)
{
	c->pins = usual_pins(c->cfg);
	if (c->o->pins != NULL && config_pins_parse(&c->pins, c->o->pins, e) != 0)
		return -1;
	return check_pins(c, e);
}

/* With the names that the roster gives, and none that is only in its head: a template that cannot be rendered would
 * stop each token, one after the other. */
static int check_templates(struct stationcmd *c, struct err *e)
{
	static const char *const always[] = {"name", "email", "department", "language"};
	struct courier *courier = NULL;
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < sizeof always / sizeof *always; i++)
		ret = config_add_name(c->cfg, always[i], "", e);
	for (size_t i = 0; ret == 0 && i < c->people->n_further; i++)
		ret = config_add_name(c->cfg, c->people->further[i], "", e);
	if (ret == 0)
		ret = courier_start(&courier, c->cfg, "somebody", c->o->verbose, e);
	if (ret == 0)
		ret = courier_check(courier, e);
	courier_stop(&courier);
	return ret;
}

static const char *base_name(const char *source)
{
	const char *slash = strrchr(source, '/');
	return slash != NULL ? slash + 1 : strcmp(source, "-") == 0 ? "standard input" : source;
}

/* All lists on standard input are one roster, and a file has a name to tell which it is. */
static void tell_withdrawn(struct stationcmd *c, const struct roster_merged *m)
{
	char text[200];
	if (m->withdrawn == 0 || strcmp(c->people->source, "-") != 0)
		return;
	snprintf(text, sizeof text,
		 "%" PRId64 " whom an earlier list on standard input named, and this one does not, get no token: give "
		 "each list a file of its own to have both",
		 m->withdrawn);
	note(c, text);
}

/* As a whole, before anybody is asked anything. */
static int take_roster(struct stationcmd *c, struct err *e)
{
	struct roster_faults *faults = xcalloc(1, sizeof *faults);
	struct roster_merged merged;
	int ret = roster_read(&c->people, c->o->args[0], c->cfg->ca.key_types, faults, e);
	const struct roster *r = c->people;
	if (ret == 0)
		ret = check_templates(c, e);
	if (ret == 0)
		ret = store_open(&c->store, c->cfg->store_path, e);
	if (ret == 0)
		ret = roster_check_known(r, c->store, faults, e);
	if (ret != 0 && faults->n_all > 1)
		rosterui_faults(faults);
	if (ret == 0 && c->cfg->audit.syslog)
		store_use_syslog(c->store);
	if (ret == 0)
		ret = store_roster_open(c->store, r->source, r->people, r->n, &c->roster, &merged, e);
	if (ret == 0)
		tell_withdrawn(c, &merged);
	roster_forget_people(c->people);
	free(faults);
	return ret;
}

/* What no unlocked key can derive is made for this run; what an earlier one has kept stays closed then. */
static int get_key(struct stationcmd *c, struct err *e)
{
	static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	c->key = secret_new();
	if (signer_derive(c->signer, "station letters", c->key, e) == 0)
		return 0;
	if (e->code != ERR_UNSUPPORTED)
		return -1;
	err_clear(e);
	if (c->pins == CONFIG_PINS_RANDOM)
		note(c,
		     "the CA key is an EC key on an HSM: PINs whose letters are not printed when this station ends are "
		     "lost, and "
		     "their tokens need `tokenroll unblock`");
	return secret_random(c->key, alphabet, 32, e);
}

static int open_ca(struct stationcmd *c, struct err *e)
{
	if (signer_start(&c->signer, &c->cfg->ca, c->o->verbose, note, c, e) != 0 ||
	    signer_open(c->signer, &c->ca, e) != 0)
		return -1;
	if (!c->ca.has_key) {
		err_set(e, ERR_CA_PKI, "the CA's private key is not on this machine");
		return err_next(e, "run the station where the CA is");
	}
	return unlock_signer(c->signer, &c->ca, c->o, NULL, note, c, e) == 0 ? get_key(c, e) : -1;
}

static int read_pins(struct stationcmd *c, struct err *e)
{
	if (credentials_has_pin(c->o)) {
		c->pin = secret_new();
		if (credentials_pin(c->o, "", c->pin, e) != 0)
			return -1;
	}
	if (c->o->so_pin_file != NULL) {
		c->so_pin = secret_new();
		return secret_read_file(c->so_pin, c->o->so_pin_file, e);
	}
	return 0;
}

static void fill_options(const struct stationcmd *c, struct station_options *ret)
{
	*ret = (struct station_options){
	    .pin = c->pins,
	    .pick = c->o->pick,
	    .init = c->o->init,
	    .allow_foreign = c->o->allow_foreign,
	    .keep_factory_pins = c->o->keep_factory_pins,
	    .replace = c->o->replace,
	    .module = c->o->module,
	    .pin_given = c->pin,
	    .so_pin_given = c->so_pin,
	    .verbose = c->o->verbose,
	};
}

/* Before the first token: a PIN that nobody can be told would lock its token. */
static int open_printer(struct stationcmd *c, struct err *e)
{
	if (c->pins != CONFIG_PINS_RANDOM ||
	    pinletters_open(&c->printer, c->cfg, (const char *const *)c->people->further, c->people->n_further,
			    c->o->verbose, note, c, e) == 0)
		return 0;
	return e->code == ERR_INTERRUPTED ? -1 : err_prefix(e, "PINs at random need letters");
}

/* What the day has come to. A program has read it in the events. */
static void tell_end(const struct stationcmd *c, time_t since)
{
	struct err e = ERR_INIT;
	const struct err *why = c->letter_why.code != ERR_NONE ? &c->letter_why : NULL;
	if (!c->o->json && !c->o->quiet && rosterreport_end(c->store, c->people->source, since, why, &e) != 0)
		screen_error(&c->screen, &e);
}

/* What was on the screen is gone with it, also what to do now. A failure of the station's comes before that of lines
 * that nobody reads, and then no report is written behind them. */
static void end_view(struct stationcmd *c, time_t since, int *ret, struct err *e)
{
	struct roster_counts counts;
	struct err unread = ERR_INIT;
	bool full = c->full != NULL;
	view_screen_close(&c->full);
	if (view_queue_end(&c->lines.out, &unread) != 0) {
		c->unread = true;
		if (*ret == 0)
			*e = unread;
		*ret = -1;
		return;
	}
	tell_end(c, since);
	if (!full || c->o->quiet || store_roster_count(c->store, c->roster, &counts, NULL) != 0)
		return;
	puts(counts.left == 0 ? "Everybody on the roster has a token."
			      : "To go on with those who are left, start the station again with the same command.");
}

/* A terminal that can show no screen gets lines, and hears why. */
static struct station_view choose_view(struct stationcmd *c)
{
	struct err e = ERR_INIT;
	c->lines = (struct view_lines){.json = c->o->json, .ends_alone = true};
	view_queue_open(&c->lines.out, STDOUT_FILENO);
	if (!has_screen(c->o))
		return view_lines(&c->lines);
	if (view_screen_open(&c->full, base_name(c->people->source), &e) == 0)
		return view_screen(c->full);
	screen_error(&c->screen, &e);
	return view_lines(&c->lines);
}

static int run(struct stationcmd *c, struct err *e)
{
	struct station_options opt;
	struct station *s = NULL;
	fill_options(c, &opt);
	if (open_printer(c, e) != 0)
		return -1;
	struct station_view view = choose_view(c);
	struct debt *debt = hook_begin(c->cfg);
	const struct station_setup setup = {.opt = &opt,
					    .cfg = c->cfg,
					    .store = c->store,
					    .roster = c->roster,
					    .columns = (const char *const *)c->people->further,
					    .n_columns = c->people->n_further,
					    .signer = c->signer,
					    .key = c->key,
					    .printer = c->printer,
					    .debt = debt,
					    .view = &view};
	station_new(&s, &setup);
	int ret = station_run(s, e);
	/* whoever wants it to end at once does not wait for the hook either */
	bool hurry = ret != 0 && e->code == ERR_INTERRUPTED, due = station_published(s);
	struct hook_end end = {.debt = debt, .published = due && !hurry, .later = due && hurry, .done = ""};
	time_t since = station_since(s);
	if (station_letter_trouble(s) != NULL)
		c->letter_why = *station_letter_trouble(s);
	station_free(&s);
	end_view(c, since, &ret, e);
	return hook_end(c->cfg, &c->screen, &end, ret, e);
}

int cmd_station(const struct options *o, struct err *e)
{
	struct stationcmd c = {.o = o};
	screen_init(&c.screen, o);
	int ret = check_arguments(o, e);
	if (ret == 0)
		ret = cmd_config(&c.cfg, o, e);
	if (ret == 0)
		ret = choose_pins(&c, e);
	if (ret == 0)
		ret = read_pins(&c, e);
	if (ret == 0)
		ret = take_roster(&c, e);
	if (ret == 0)
		ret = open_ca(&c, e);
	if (ret == 0)
		ret = run(&c, e);
	if (ret != 0 && o->json && !c.unread)
		report_error_json_line(e);
	pinletters_close(&c.printer);
	secret_free(&c.key);
	secret_free(&c.pin);
	secret_free(&c.so_pin);
	ca_info_free(&c.ca);
	signer_stop(&c.signer);
	store_close(&c.store);
	roster_free(&c.people);
	config_free(&c.cfg);
	screen_free(&c.screen);
	return ret;
}
