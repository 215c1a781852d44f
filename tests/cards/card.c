/*
 * A virtual smart card in a reader of vsmartcard-vpcd:
 *
 *     card TYPE --port N --state FILE --control SOCKET [--stand PID] [--foreground] [NAME=VALUE...]
 *
 * TYPE is one of card_types; NAME=VALUE make a new card and are refused for one that FILE already holds. The card is
 * not in the reader until the control socket (cardctl) says "insert". With --stand it works in the network of that
 * process (see stand.c) and ends with it. Returns when the card can be driven, and goes on in the background.
 */
#include "card.h"
#include "background.h"
#include "control.h"
#include "machine.h"
#include "net.h"
#include "state.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
	const struct card_type *type;
	uint16_t port;
	const char *state, *control;
	pid_t stand;
	bool foreground;
	char **options;
	size_t n_options;
};

static int usage(FILE *out)
{
	fprintf(out, "usage: card TYPE --port N --state FILE --control SOCKET [--stand PID] [--foreground] "
		     "[NAME=VALUE...]\n");
	for (const struct card_type *const *type = card_types; *type; type++)
		fprintf(out, "\n%s\n%s", (*type)->name, (*type)->options);
	return out == stdout ? 0 : 2;
}

static const struct card_type *find_type(const char *name)
{
	const struct card_type *const *type = card_types;

	while (*type && strcmp((*type)->name, name) != 0)
		type++;
	return *type;
}

static int parse_arguments(struct arguments *a, int argc, char **argv)
{
	static const struct option known[] = {
	    {"port", required_argument, NULL, 'p'},    {"state", required_argument, NULL, 's'},
	    {"control", required_argument, NULL, 'c'}, {"stand", required_argument, NULL, 'S'},
	    {"foreground", no_argument, NULL, 'f'},    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'p')
			a->port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (option == 's')
			a->state = optarg;
		else if (option == 'c')
			a->control = optarg;
		else if (option == 'S')
			a->stand = background_pid(optarg);
		else if (option == 'f')
			a->foreground = true;
		else
			return -1;
		if (option == 'S' && a->stand == 0)
			return -1;
	}
	if (optind == argc || !a->port || !a->state || !a->control)
		return -1;
	a->type = find_type(argv[optind]);
	a->options = argv + optind + 1;
	a->n_options = (size_t)(argc - optind - 1);
	return a->type ? 0 : -1;
}

/* The card out of its file, or a new one. */
static int make_card(struct machine *m, const struct arguments *a)
{
	int found = state_read(a->state, m->type->name, &m->saved, m->complaint, sizeof(m->complaint));

	if (found == -1)
		return -1;
	if (found == 0)
		return m->type->create(&m->card, a->options, a->n_options, m->complaint);
	if (a->n_options > 0) {
		snprintf(m->complaint, sizeof(m->complaint), "%s holds a card; %s is for a new one", a->state,
			 a->options[0]);
		return -1;
	}
	if (m->type->load(&m->card, buf_bytes(&m->saved)) == -1) {
		snprintf(m->complaint, sizeof(m->complaint), "%s holds no card of type %s", a->state, m->type->name);
		return -1;
	}
	return 0;
}

/* Says what failed with errno's word for it. */
static int failed(struct machine *m, const char *what)
{
	snprintf(m->complaint, sizeof(m->complaint), "%s: %s", what, strerror(errno));
	return -1;
}

static int prepare(struct machine *m, const struct arguments *a)
{
	char lock[PATH_MAX];

	if (a->stand) {
		m->stand = background_watch(a->stand);
		if (m->stand == -1 || net_join(a->stand) == -1)
			return failed(m, "cannot work with that stand");
	}
	snprintf(lock, sizeof(lock), "%s.lock", a->state);
	if (background_lock(lock) == -1)
		return failed(m, errno == EAGAIN ? "another process has this card" : lock);
	if (make_card(m, a) == -1 || machine_save(m) == -1)
		return -1;
	m->control = control_open(a->control);
	return m->control == -1 ? failed(m, a->control) : 0;
}

int main(int argc, char **argv)
{
	struct arguments a = {0};
	struct machine m = {.reader = -1, .control = -1, .stand = -1};
	char log[PATH_MAX];
	int ready = -1, rc;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (parse_arguments(&a, argc, argv) == -1)
		return usage(stderr);
	snprintf(log, sizeof(log), "%s.log", a.state);
	if (!a.foreground && (ready = background_start(log)) == -1) {
		perror(log);
		return 1;
	}
	m.type = a.type;
	m.state_path = a.state;
	m.port = a.port;
	rc = prepare(&m, &a);
	if (ready != -1)
		background_ready(ready, rc == 0 ? 0 : 1, m.complaint);
	if (rc == 0) {
		rc = machine_run(&m);
		unlink(a.control);
	}
	if (rc == -1)
		fprintf(stderr, "card: %s\n", m.complaint);
	machine_free(&m);
	return rc == 0 ? 0 : 1;
}
