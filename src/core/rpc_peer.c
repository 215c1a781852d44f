#include "core/clock.h"
#include "core/process.h"
#include "core/rpc.h"
#include "core/rpc_wire.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a child may take to finish by itself once its socket is closed: a module's C_Finalize talks to the card. */
#define GRACE_MS 3000

/* How long one that was killed may take for that. */
#define KILLED_MS 2000

/* After how long whoever has pressed Ctrl-C is told why nothing happens yet. */
#define NOTICE_MS 300

/*
 * How long one that was asked to stop may go on with what it cannot break off: a call into a token's module, which ends
 * itself after 30 s then (worker_main.c), or a change of the PKI's files, which takes no time to speak of.
 */
#define FINISH_MS 35000

/* A child's call is sent whole, and it waits for the answer: whoever serves many is held up by none. */
#define CALL_MS 3000
#define ANSWER_MS 1000
#define REST_MS 2 /* until it is looked again whether the rest of a call has come */

/*
 * What a role is called when it fails; what it has to finish after it was asked to stop (by SIGTERM), "" if it breaks
 * off without harm; and whether it is never killed for that, because it has nothing in it that can hang.
 */
struct role {
	const char *name, *what;
	enum err_code code;
	const char *finishes;
	bool spared;
};

static const struct role roles[] = {
    {"worker", "the process that runs the token's PKCS#11 module", ERR_MODULE, "the token", false},
    {"signer", "the signer process", ERR_CA_FAILED, "the CA", true},
    {"hsm-signer", "the signer process that runs the PKCS#11 module of the CA's HSM", ERR_CA_HSM, "the CA", false},
    {"courier", "the process that packs the bundle", ERR_FAILED, "", false},
    {"letter", "the process that prints letters", ERR_FAILED, "the printer", false},
    {"mailer", "the process that mails the bundle", ERR_MAIL, "", false},
    {"enroller", "the process that enrolls one token", ERR_FAILED, "the token", true},
    {"watcher", "the process that watches the readers", ERR_FAILED, "", false},
    {"station", "the station", ERR_INTERRUPTED, "", true},
};

struct rpc_peer {
	pid_t pid; /* 0: somebody else's child */
	int pidfd; /* readable once the process has ended */
	int fd;
	int64_t until;       /* clock_ms: for the rest of its call, or for its end; 0: nothing is waited for */
	enum rpc_wire broke; /* for its end: why */
	bool killed;
	const struct role *role;
	rpc_note_fn *note;
	void *note_arg;
};

static const struct role *find_role(const char *name)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	}
	abort(); /* a mistake in our own code */
}

static int is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* tokenroll-ROLE beside this program, as it is built, or in ../libexec/tokenroll, as it is installed. */
static int find_program(char ret[PATH_MAX], const char *role, struct err *e)
{
	char self[PATH_MAX];
	if (process_folder(self, e) != 0)
		return -1;
	snprintf(ret, PATH_MAX, "%s/tokenroll-%s", self, role);
	if (is_program(ret))
		return 0;
	snprintf(ret, PATH_MAX, "%s/../libexec/tokenroll/tokenroll-%s", self, role);
	if (is_program(ret))
		return 0;
	err_errno(e, ERR_SYSTEM, "tokenroll-%s is neither in %s nor in %s/../libexec/tokenroll", role, self, self);
	return err_next(e, "install tokenroll as a whole: make install");
}

/* The socket, and what is shared, on the descriptors that the role expects. */
static bool place_descriptors(int fd, int shared)
{
	/* out of the way of each other */
	int a = fcntl(fd, F_DUPFD, RPC_SHARED_FD + 1), b = shared >= 0 ? fcntl(shared, F_DUPFD, RPC_SHARED_FD + 1) : -1;
	return a >= 0 && dup2(a, RPC_FD) == RPC_FD &&
	       (shared < 0 || (b >= 0 && dup2(b, RPC_SHARED_FD) == RPC_SHARED_FD));
}

static void become_role(int fd, int shared, const char *program, bool verbose, pid_t parent)
{
	/* A child whose parent was killed finishes the call it is in, as each role arranges, but does not stay. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent)
		_exit(127);
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || (!verbose && dup2(null, 2) < 0))
		_exit(127);
	if (!place_descriptors(fd, shared))
		_exit(127);
	close_range(shared >= 0 ? RPC_SHARED_FD + 1 : RPC_FD + 1, ~0U, 0);
	/* The terminal's Ctrl-C is for the parent: it lets a child finish the step it is in. */
	setpgid(0, 0);
	execl(program, program, (char *)NULL);
	_exit(127);
}

int rpc_peer_start(struct rpc_peer **ret, const char *role, bool verbose, struct err *e)
{
	return rpc_peer_start_with(ret, role, -1, verbose, e);
}

int rpc_peer_start_with(struct rpc_peer **ret, const char *role, int shared, bool verbose, struct err *e)
{
	int pair[2];
	char program[PATH_MAX];
	if (find_program(program, role, e) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_errno(e, ERR_SYSTEM, "cannot make a socket for the %s", role);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0) {
		err_errno(e, ERR_SYSTEM, "cannot start the %s", role);
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid == 0)
		become_role(pair[1], shared, program, verbose, parent);
	close(pair[1]);
	struct rpc_peer *p = xcalloc(1, sizeof *p);
	p->pid = pid;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->fd = pair[0];
	p->role = find_role(role);
	*ret = p;
	return 0;
}

void rpc_peer_adopt(struct rpc_peer **ret, const char *role, int fd)
{
	struct rpc_peer *p = xcalloc(1, sizeof *p);
	p->pidfd = -1;
	p->fd = fd;
	p->role = find_role(role);
	*ret = p;
}

void rpc_peer_on_note(struct rpc_peer *p, rpc_note_fn *fn, void *arg)
{
	p->note = fn;
	p->note_arg = arg;
}

/* Waits for the child until the deadline, or a second Ctrl-C. Returns whether it has ended. */
static bool wait_end(const struct rpc_peer *p, int64_t deadline, int *ret_status)
{
	struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};
	pid_t got;
	while ((got = waitpid(p->pid, ret_status, WNOHANG)) == 0 && !process_stop_urgent()) {
		int64_t left = deadline - clock_ms();
		if (left <= 0)
			break;
		/* a signal between the check and poll is seen a fifth of a second later */
		poll(&ended, 1, left < 200 ? (int)left : 200);
	}
	return got != 0;
}

static void forget_process(struct rpc_peer *p)
{
	close(p->pidfd);
	p->pid = p->pidfd = -1;
	p->until = 0;
}

/* A call into the kernel that hangs, e.g. of a driver, keeps it even then: it is left to whoever is our parent. */
static void wait_killed(const struct rpc_peer *p, int *ret_status)
{
	struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};
	int64_t deadline = clock_ms() + KILLED_MS, left;
	pid_t got;
	while ((got = waitpid(p->pid, ret_status, WNOHANG)) == 0 && (left = deadline - clock_ms()) > 0)
		poll(&ended, 1, (int)left);
	if (got == 0)
		*ret_status = SIGKILL;
}

/* Waits for the child until the deadline, then kills it unless it is spared. Returns its wait status. */
static int reap(struct rpc_peer *p, int64_t deadline, bool spare)
{
	int status = 0;
	if (!p->killed && !wait_end(p, deadline, &status) && !spare)
		rpc_peer_kill(p);
	if (p->killed)
		wait_killed(p, &status);
	forget_process(p);
	return status;
}

void rpc_peer_interrupt(const struct rpc_peer *p)
{
	if (p->pid > 0)
		kill(p->pid, SIGTERM);
}

void rpc_peer_kill(struct rpc_peer *p)
{
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
	p->killed = true;
}

/* Asks the child to stop, and says so if that takes a while. Returns until when it may. */
static int64_t ask_to_stop(const struct rpc_peer *p)
{
	int64_t now = clock_ms();
	int status;
	char text[128];
	rpc_peer_interrupt(p);
	if (*p->role->finishes == '\0' || wait_end(p, now + NOTICE_MS, &status))
		return now + GRACE_MS;
	snprintf(text, sizeof text, "finishing what %s is doing; press Ctrl-C again to stop at once",
		 p->role->finishes);
	if (p->note != NULL)
		p->note(p->note_arg, text);
	return now + FINISH_MS;
}

static int gone(const struct rpc_peer *p, struct err *e)
{
	return err_set(e, p->role->code, "%s is not running any more", p->role->what);
}

static int say_broken(const struct role *role, enum rpc_wire w, int status, int timeout_ms, struct err *e)
{
	switch (w) {
	case RPC_WIRE_STOPPED:
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	case RPC_WIRE_TIMEOUT:
		return err_set(e, role->code, "%s did not answer within %d s and was ended", role->what,
			       timeout_ms / 1000);
	case RPC_WIRE_NONSENSE:
		return err_set(e, role->code, "%s sent something that is no message and was ended", role->what);
	default:
		break;
	}
	if (WIFSIGNALED(status)) {
		err_set(e, role->code, "%s crashed", role->what);
		return err_native(e, "signal %d, SIG%s", WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	}
	return err_set(e, role->code, "%s ended early, with status %d", role->what, WEXITSTATUS(status));
}

/* The child broke off: finds out how, and leaves the peer without a process. */
static int broken(struct rpc_peer *p, enum rpc_wire w, int timeout_ms, struct err *e)
{
	close(p->fd);
	p->fd = -1;
	if (p->pid <= 0)
		return w == RPC_WIRE_STOPPED ? err_set(e, ERR_INTERRUPTED, "interrupted") : gone(p, e);
	/* one that hangs or lies has had its time; one that was merely interrupted may end the step it is in */
	int64_t deadline = w == RPC_WIRE_CLOSED ? clock_ms() + GRACE_MS : w == RPC_WIRE_STOPPED ? ask_to_stop(p) : 0;
	int status = reap(p, deadline, w == RPC_WIRE_STOPPED && p->role->spared);
	return say_broken(p->role, w, status, timeout_ms, e);
}

int rpc_send_within(struct rpc_peer *p, struct rpc_msg *in, int timeout_ms, struct err *e)
{
	if (p->fd < 0)
		return gone(p, e);
	int64_t deadline = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	if (rpc_wire_send(p->fd, in, deadline) == 0)
		return 0;
	bool late = deadline >= 0 && clock_ms() >= deadline;
	return broken(p, late ? RPC_WIRE_TIMEOUT : RPC_WIRE_CLOSED, timeout_ms, e);
}

int rpc_send(struct rpc_peer *p, struct rpc_msg *in, struct err *e)
{
	return rpc_send_within(p, in, -1, e);
}

static int take_err(struct rpc_msg *m, struct err *e)
{
	struct err got = ERR_INIT;
	uint32_t code = rpc_get_u32(m);
	rpc_get_str(m, got.what, sizeof got.what);
	rpc_get_str(m, got.native, sizeof got.native);
	rpc_get_str(m, got.next, sizeof got.next);
	if (!rpc_msg_done(m) || code == ERR_NONE || code >= ERR_CODE_COUNT)
		return -1;
	got.code = (enum err_code)code;
	if (e != NULL)
		*e = got;
	return 0;
}

static void take_note(struct rpc_peer *p, struct rpc_msg *m)
{
	char text[1024];
	rpc_get_str(m, text, sizeof text);
	if (rpc_msg_done(m) && p->note != NULL)
		p->note(p->note_arg, text);
}

static int stop_asked(void)
{
	return process_stop_signal();
}

int rpc_wait(struct rpc_peer *p, struct rpc_msg *out, int timeout_ms, struct err *e)
{
	if (p->fd < 0)
		return gone(p, e);
	int64_t deadline = clock_ms() + timeout_ms;
	for (;;) {
		enum rpc_wire w = rpc_wire_recv(p->fd, out, deadline, stop_asked);
		if (w == RPC_WIRE_OK && out->type == RPC_TYPE_NOTE) {
			take_note(p, out);
			continue;
		}
		if (w == RPC_WIRE_OK && out->type == RPC_TYPE_REPLY)
			return 0;
		if (w == RPC_WIRE_OK && out->type == RPC_TYPE_ERROR && take_err(out, e) == 0)
			return -1;
		return broken(p, w == RPC_WIRE_OK ? RPC_WIRE_NONSENSE : w, timeout_ms, e);
	}
}

int rpc_peer_fd(const struct rpc_peer *p)
{
	return p->fd < 0 && p->until != 0 ? p->pidfd : p->fd;
}

bool rpc_peer_late(const struct rpc_peer *p)
{
	return p->until != 0 && clock_ms() >= p->until;
}

/* Of one that does not talk any more: waits for nothing. A call into the kernel may keep it even when it is killed. */
static int see_end(struct rpc_peer *p, struct err *e)
{
	int status = 0;
	if (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (rpc_peer_late(p)) {
			kill(p->pid, SIGKILL);
			p->until = clock_ms() + GRACE_MS;
		}
		return 1;
	}
	forget_process(p);
	return say_broken(p->role, p->broke, status, CALL_MS, e);
}

static bool waits_for_rest(struct rpc_peer *p)
{
	bool whole = rpc_wire_whole(p->fd);
	if (whole || p->until == 0)
		p->until = clock_ms() + CALL_MS;
	if (whole || rpc_peer_late(p))
		return false;
	nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000L}, NULL);
	return true;
}

int rpc_peer_next(struct rpc_peer *p, struct rpc_msg *ret_call, struct err *e)
{
	if (p->fd < 0)
		return p->until != 0 ? see_end(p, e) : gone(p, e);
	if (waits_for_rest(p))
		return 1;
	enum rpc_wire w = rpc_wire_recv(p->fd, ret_call, p->until, NULL);
	p->until = 0;
	if (w == RPC_WIRE_OK)
		return 0;
	p->broke = w;
	rpc_peer_dismiss(p);
	if (p->pid <= 0)
		return gone(p, e);
	p->until = clock_ms() + (w == RPC_WIRE_CLOSED ? GRACE_MS : 0);
	return see_end(p, e);
}

/* It waits for the answer; one that does not is told nothing more. */
void rpc_peer_answer(struct rpc_peer *p, struct rpc_msg *answer)
{
	answer->type = RPC_TYPE_REPLY;
	if (p->fd >= 0)
		(void)rpc_wire_send(p->fd, answer, clock_ms() + ANSWER_MS);
}

void rpc_peer_refuse(struct rpc_peer *p, const struct err *why)
{
	struct rpc_msg m = RPC_MSG_INIT;
	rpc_wire_put_err(&m, why);
	if (p->fd >= 0)
		(void)rpc_wire_send(p->fd, &m, clock_ms() + ANSWER_MS);
	rpc_msg_free(&m);
}

int rpc_call(struct rpc_peer *p, struct rpc_msg *in, struct rpc_msg *out, int timeout_ms, struct err *e)
{
	if (rpc_send(p, in, e) != 0)
		return -1;
	return rpc_wait(p, out, timeout_ms, e);
}

void rpc_peer_dismiss(struct rpc_peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void rpc_peer_stop(struct rpc_peer **p)
{
	if (p == NULL || *p == NULL)
		return;
	rpc_peer_dismiss(*p);
	if ((*p)->pid > 0)
		reap(*p, clock_ms() + GRACE_MS, false);
	free(*p);
	*p = NULL;
}
