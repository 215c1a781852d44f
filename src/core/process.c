#include "core/process.h"
#include "core/clock.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)1 << 20)

static volatile sig_atomic_t stop_signal, stop_count;

void process_fill_descriptors(void)
{
	static const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};
	/* from 0 on, so that each gets the number that is free */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
			_exit(126);
	}
}

int process_folder(char *ret, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	if (n < 0)
		return err_errno(e, ERR_SYSTEM, "cannot find out where this program is");
	ret[n] = '\0';
	char *slash = strrchr(ret, '/');
	if (slash != NULL)
		*slash = '\0';
	return 0;
}

int process_harden(struct err *e)
{
	static const struct rlimit no_core = {0, 0};
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot turn core files off");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot give up new privileges");
#ifndef __SANITIZE_ADDRESS__ /* the leak checker reads its own process through ptrace */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot shut out debuggers");
#endif
	return 0;
}

static void on_stop(int sig)
{
	stop_signal = sig;
	stop_count++;
	if (stop_count > 2)
		_exit(7);
}

void process_catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_stop}; /* no SA_RESTART: a prompt has to end, too */
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static unsigned term_grace_s;

static void on_term(int sig)
{
	stop_signal = sig;
	if (term_grace_s != 0)
		alarm(term_grace_s);
}

void process_catch_term(unsigned grace_s)
{
	term_grace_s = grace_s;
	struct sigaction sa = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	sigemptyset(&sa.sa_mask);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGTERM, &sa, NULL);
}

int process_stop_signal(void)
{
	return stop_signal;
}

bool process_stop_urgent(void)
{
	return stop_count > 1;
}

struct run {
	const char *const *env;          /* NULL: ours */
	const struct process_hook *hook; /* NULL: one of our own choice */
	pid_t pid;
	int out, err;
	int ended;           /* a descriptor that tells that it has; -1 where nobody waits for that */
	bool silent[2];      /* nothing more comes from out, from err */
	struct blob text[2]; /* what came from out and err */
};

/* PATH is among it, and it is searched with that. */
static void set_environment(const char *const env[])
{
	clearenv();
	for (; *env != NULL; env++) {
		char *pair = xstrdup(*env);
		putenv(pair);
	}
}

static void exec_program(const char *const argv[], const struct run *r, int out, int err, pid_t parent)
{
	/* it works for us alone, so it does not outlive us */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		_exit(126);
	int in = r->hook != NULL && r->hook->in >= 0 ? r->hook->in : open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	if (r->hook != NULL) {
		(void)setpgid(0, 0);
		umask(r->hook->umask);
	}
	if (r->env != NULL)
		set_environment(r->env);
	/* execvp's type predates const; it changes nothing */
	char **args = NULL;
	memcpy(&args, &argv, sizeof args);
	execvp(args[0], args);
	_exit(127);
}

static int run_start(struct run *r, const char *const argv[], struct err *e)
{
	int out[2], err[2];
	if (pipe2(out, O_CLOEXEC) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for %s", argv[0]);
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return err_errno(e, ERR_SYSTEM, "cannot make a pipe for %s", argv[0]);
	}
	pid_t self = getpid();
	r->pid = fork();
	if (r->pid == 0)
		exec_program(argv, r, out[1], err[1], self);
	close(out[1]);
	close(err[1]);
	r->out = out[0];
	r->err = err[0];
	if (r->pid < 0)
		return err_errno(e, ERR_SYSTEM, "cannot start %s", argv[0]);
	if (r->hook != NULL) {
		(void)setpgid(r->pid, r->pid); /* whoever of the two comes first */
		r->ended = pidfd_open(r->pid, 0);
	}
	return 0;
}

/* Adds what can be read to b; returns 0 at the end of the stream. What is beyond the limit is read and dropped. */
static int drain(int fd, struct blob *b)
{
	char part[4096];
	ssize_t n = read(fd, part, sizeof part);
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	size_t room = OUTPUT_MAX - b->len;
	size_t take = (size_t)n < room ? (size_t)n : room;
	b->data = xrealloc(b->data, 1, b->len + take + 1);
	memcpy(b->data + b->len, part, take);
	b->len += take;
	b->data[b->len] = '\0';
	return 1;
}

/* What comes within wait_ms. Returns 1 when it has ended, 0 while it goes on, -1 when nothing can be found out. */
static int collect_some(struct run *r, int wait_ms)
{
	struct pollfd p[3] = {{.fd = r->silent[0] ? -1 : r->out, .events = POLLIN},
			      {.fd = r->silent[1] ? -1 : r->err, .events = POLLIN},
			      {.fd = r->ended, .events = POLLIN}};
	if (p[0].fd < 0 && p[1].fd < 0 && p[2].fd < 0)
		return 1;
	if (poll(p, 3, wait_ms) < 0)
		return errno == EINTR ? 0 : -1;
	/* what it wrote itself is there by then */
	if (p[2].fd >= 0 && p[2].revents != 0 && p[0].revents == 0 && p[1].revents == 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		if (p[i].fd >= 0 && p[i].revents != 0 && !drain(p[i].fd, &r->text[i]))
			r->silent[i] = true;
	}
	return 0;
}

static int run_collect(struct run *r, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - clock_ms();
		int got = left <= 0 ? -1 : collect_some(r, (int)left);
		if (got != 0)
			return got < 0 ? -1 : 0;
	}
}

/* The last line that is not empty, without its line end. */
static const char *last_line(struct blob *b)
{
	if (b->data == NULL)
		return "";
	char *text = (char *)b->data;
	while (b->len > 0 && (text[b->len - 1] == '\n' || text[b->len - 1] == '\r'))
		text[--b->len] = '\0';
	char *lf = strrchr(text, '\n');
	return lf != NULL ? lf + 1 : text;
}

static int run_finish(struct run *r, const char *name, bool in_time, int timeout_ms, struct err *e)
{
	int status = 0;
	if (!in_time)
		kill(r->hook != NULL ? -r->pid : r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return err_set(e, ERR_SYSTEM, "%s did not finish within %d s", name, timeout_ms / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && r->text[1].len == 0) {
		err_set(e, ERR_SYSTEM, "%s cannot be run", name);
		return err_next(e, "install %s", name);
	}
	err_set(e, ERR_SYSTEM, "%s failed", name);
	return err_native(e, "%s", last_line(&r->text[1]));
}

static void run_close(struct run *r)
{
	if (r->out >= 0)
		close(r->out);
	if (r->err >= 0)
		close(r->err);
	if (r->ended >= 0)
		close(r->ended);
}

static int run_whole(struct run *r, const char *const argv[], int timeout_ms, struct err *e)
{
	int ret = run_start(r, argv, e);
	if (ret == 0) {
		bool in_time = run_collect(r, clock_ms() + timeout_ms) == 0;
		ret = run_finish(r, argv[0], in_time, timeout_ms, e);
	}
	run_close(r);
	return ret;
}

int process_run(const char *const argv[], const char *const env[], struct blob *ret_out, int timeout_ms, struct err *e)
{
	struct run r = {.env = env, .pid = -1, .out = -1, .err = -1, .ended = -1};
	int ret = run_whole(&r, argv, timeout_ms, e);
	if (ret == 0 && ret_out != NULL) {
		blob_take(ret_out, r.text[0].data, r.text[0].len);
		r.text[0].data = NULL;
	}
	blob_free(&r.text[0]);
	blob_free(&r.text[1]);
	return ret;
}

/* ---- a program that is not waited for */

#define PIECES 16   /* of its output, at once */
#define STEP_MS 200 /* until it is looked again whether a signal has come */

struct process_job {
	struct run run;
	struct process_hook hook;
	char *name;
	int64_t deadline;
	bool over, broken_off;
};

static void free_job(struct process_job **j)
{
	run_close(&(*j)->run);
	blob_free(&(*j)->run.text[0]);
	blob_free(&(*j)->run.text[1]);
	free((*j)->name);
	free(*j);
	*j = NULL;
}

int process_job_begin(struct process_job **ret, const struct process_hook *h, struct err *e)
{
	struct process_job *j = xcalloc(1, sizeof *j);
	j->hook = *h;
	j->run = (struct run){.env = h->env, .hook = &j->hook, .pid = -1, .out = -1, .err = -1, .ended = -1};
	j->name = xstrdup(h->argv[0]);
	j->deadline = clock_ms() + h->timeout_ms;
	if (run_start(&j->run, h->argv, e) != 0) {
		free_job(&j);
		return -1;
	}
	*ret = j;
	return 0;
}

bool process_job_over(struct process_job *j)
{
	int got = 0;
	for (int i = 0; i < PIECES && got == 0; i++)
		got = collect_some(&j->run, 0);
	j->over = got > 0;
	return got != 0 || clock_ms() >= j->deadline;
}

void process_job_wait(struct process_job *j)
{
	int got = 0;
	const sig_atomic_t before = stop_count;
	while (got == 0 && clock_ms() < j->deadline && stop_count == before)
		got = collect_some(&j->run, STEP_MS);
	j->over = got > 0;
	j->broken_off = got == 0 && stop_count != before;
}

int process_job_end(struct process_job **j, struct blob *ret_output, struct err *e)
{
	struct run *r = &(*j)->run;
	struct blob *both = &r->text[0], *more = &r->text[1];
	int ret = run_finish(r, (*j)->name, (*j)->over, (*j)->hook.timeout_ms, e);
	if ((*j)->broken_off)
		ret = err_set(e, ERR_INTERRUPTED, "%s was not waited for any longer", (*j)->name);
	if (more->len > 0) {
		both->data = xrealloc(both->data, both->len + more->len + 1, 1);
		memcpy(both->data + both->len, more->data, more->len);
		both->len += more->len;
		both->data[both->len] = '\0';
	}
	blob_take(ret_output, both->data, both->len);
	both->data = NULL;
	free_job(j);
	return ret;
}

int process_run_hook(const struct process_hook *h, struct blob *ret_output, struct err *e)
{
	struct process_job *j = NULL;
	if (process_job_begin(&j, h, e) != 0)
		return -1;
	j->over = run_collect(&j->run, j->deadline) == 0;
	return process_job_end(&j, ret_output, e);
}
