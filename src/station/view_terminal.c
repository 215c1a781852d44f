#include "station/view_terminal.h"

#include <curses.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* After ESC a function key sends more; over a network it may take a while to come. */
#define ESCAPE_MS 50

#define KEPT_MAX (1 << 20) /* of what was written to stderr */
#define KEPT_SHOWN 4000    /* bytes of its end */

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGQUIT};

/* What a signal handler needs, so that it has to call nothing that might hang in it. */
static struct {
	volatile sig_atomic_t taken;
	SCREEN *screen;
	struct termios before;
	char leave[256]; /* what has the terminal leave the screen */
	size_t n_leave;
	int stderr_before, kept; /* -1: stderr is not the terminal */
	bool colours, utf8;
} t = {.stderr_before = -1, .kept = -1};

/* ---- as it was */

/* The terminal's own words for the end of a full screen, without the pauses that hardware of old needed ("$<5>"). */
static void add_leave(const char *name)
{
	/* NULL where it has none; all these are names of strings */
	const char *text = tigetstr(name);
	if (text == NULL)
		return;
	while (*text != '\0' && t.n_leave < sizeof t.leave) {
		if (strncmp(text, "$<", 2) == 0 && strchr(text, '>') != NULL)
			text = strchr(text, '>') + 1;
		else
			t.leave[t.n_leave++] = *text++;
	}
}

/* Only what POSIX lets a signal handler call (2.4.3). */
static void write_all(int fd, const char *bytes, size_t n)
{
	ssize_t done;
	for (; n > 0 && (done = write(fd, bytes, n)) > 0; n -= (size_t)done)
		bytes += done;
}

/* The end of what went to stderr meanwhile. */
static void show_kept(void)
{
	char text[KEPT_SHOWN];
	if (t.stderr_before < 0)
		return;
	dup2(t.stderr_before, STDERR_FILENO);
	off_t size = lseek(t.kept, 0, SEEK_END);
	off_t from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
	ssize_t n = pread(t.kept, text, sizeof text, from);
	if (n > 0)
		write_all(STDERR_FILENO, text, (size_t)n);
}

static void on_crash(int sig)
{
	if (t.taken) {
		t.taken = 0;
		write_all(STDOUT_FILENO, t.leave, t.n_leave);
		tcsetattr(STDIN_FILENO, TCSANOW, &t.before);
		show_kept();
	}
	raise(sig); /* the handler is gone, so this ends the process as it would have ended */
}

static void catch_crashes(void)
{
	struct sigaction sa = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &sa, NULL);
}

static void forget_crashes(void)
{
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		signal(crashes[i], SIG_DFL);
}

/* ---- taking it */

/* Of the variables that say it the first one counts (POSIX, 8.2); "" for none. */
static const char *locale_name(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value != NULL && value[0] != '\0')
			return value;
	}
	return "";
}

/*
 * Only the character set is wanted of the user's locale: in a Turkish one, say, letters would change their case in
 * another way, and names would compare otherwise on the screen than elsewhere. So it counts also where that locale is
 * not installed here, as with one that came over SSH. An environment that says nothing, as a service has it, is that
 * of a console, which takes UTF-8.
 */
static void choose_characters(void)
{
	const char *name = locale_name();
	bool named = name[0] == '\0' || strcasestr(name, "UTF-8") != NULL || strcasestr(name, "utf8") != NULL;
	t.utf8 = named || (setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	if (!t.utf8 || setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
		t.utf8 = false;
		setlocale(LC_CTYPE, "C");
	}
}

static void keep_stderr(void)
{
	if (!isatty(STDERR_FILENO))
		return;
	t.kept = memfd_create("stderr", MFD_CLOEXEC);
	t.stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (t.kept < 0 || t.stderr_before < 0)
		return;
	fcntl(t.kept, F_SETFL, O_APPEND);
	dup2(t.kept, STDERR_FILENO);
}

static int unsupported(struct err *e, const char *what)
{
	const char *term = getenv("TERM");
	err_set(e, ERR_UNSUPPORTED, "the screen cannot be shown: %s", what);
	return err_next(e, "TERM is \"%s\"; set it to what the terminal is, e.g. vt100, or use --plain",
			term != NULL ? term : "");
}

static int check(struct err *e)
{
	int why = 0;
	if (tcgetattr(STDIN_FILENO, &t.before) != 0 || !isatty(STDOUT_FILENO))
		return unsupported(e, "this is no terminal");
	if (setupterm(NULL, STDOUT_FILENO, &why) != OK)
		return unsupported(e, "the type of this terminal is not known");
	const char *move = tigetstr("cup");
	t.n_leave = 0;
	add_leave("sgr0");
	add_leave("rmkx");
	add_leave("cnorm");
	add_leave("rmcup");
	del_curterm(cur_term);
	return move != NULL ? 0 : unsupported(e, "this type of terminal cannot move its cursor");
}

/* The number block of a terminal in the mode that its arrow keys need (DECKPAM) sends "ESC O p" for 0, and so on. */
static void define_number_block(void)
{
	for (int digit = 0; digit <= 9; digit++) {
		const char keys[] = {'\033', 'O', (char)('p' + digit), '\0'};
		define_key(keys, '0' + digit);
	}
	define_key("\033OM", KEY_ENTER);
}

static void set_up_curses(void)
{
	const char *no_color = getenv("NO_COLOR");
	raw(); /* Ctrl-C is a key here, and Ctrl-Z would stop more than a screen */
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	typeahead(-1);
	set_escdelay(ESCAPE_MS);
	define_number_block();
	t.colours = (no_color == NULL || no_color[0] == '\0') && has_colors() && start_color() == OK;
	if (!t.colours)
		return;
	short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
	init_pair(VIEW_BAD, COLOR_RED, background);
	init_pair(VIEW_GOOD, COLOR_GREEN, background);
	init_pair(VIEW_ASKS, COLOR_YELLOW, background);
}

int view_terminal_open(struct err *e)
{
	static bool at_exit;
	if (check(e) != 0)
		return -1;
	choose_characters();
	t.screen = newterm(NULL, stdout, stdin);
	if (t.screen == NULL)
		return unsupported(e, "curses cannot use this terminal");
	t.taken = 1;
	if (!at_exit)
		atexit(view_terminal_close);
	at_exit = true;
	catch_crashes();
	set_up_curses();
	keep_stderr();
	return 0;
}

void view_terminal_close(void)
{
	if (!t.taken)
		return;
	t.taken = 0;
	/* a console has no other screen to go back to: what is said next goes over the last row */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
	delscreen(t.screen);
	forget_crashes();
	setlocale(LC_CTYPE, "C");
	show_kept();
	if (t.kept >= 0)
		close(t.kept);
	if (t.stderr_before >= 0)
		close(t.stderr_before);
	t.kept = t.stderr_before = -1;
}

/* ---- while it is taken */

int view_terminal_fd(void)
{
	return STDIN_FILENO;
}

bool view_terminal_is_gone(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* A talkative module must not fill the memory. */
static void bound_kept(void)
{
	if (t.kept >= 0 && lseek(t.kept, 0, SEEK_END) > KEPT_MAX)
		(void)!ftruncate(t.kept, 0);
}

void view_terminal_resize(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
	    is_term_resized(size.ws_row, size.ws_col))
		resizeterm(size.ws_row, size.ws_col);
	bound_kept();
}

unsigned long view_terminal_attr(enum view_colour c)
{
	if (c == VIEW_PLAIN)
		return A_NORMAL;
	return t.colours ? COLOR_PAIR(c) | A_BOLD : A_BOLD;
}

bool view_terminal_is_utf8(void)
{
	return t.utf8;
}
