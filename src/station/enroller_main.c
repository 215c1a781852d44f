#include "station/enroller.h"

#include "ca/signer.h"
#include "core/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int bad_answer(struct err *e)
{
	return err_set(e, ERR_FAILED, "the station gave an answer that cannot be read");
}

static int say_hello(struct enroller *n, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_HELLO);
	int ret = enroller_call(n, &in, &out, e);
	if (ret == 0) {
		desk_get_task(&out, &n->task);
		ret = rpc_msg_done(&out) ? 0 : bad_answer(e);
	}
	rpc_msg_free(&out);
	if (ret == 0)
		ret = config_parse(&n->cfg, n->task.config_path, &n->task.config_text, e);
	if (ret == 0)
		config_hide(n->cfg, &n->task.hidden);
	return ret;
}

/* *ret_left: the station wants nothing done with it. */
static int get_order(struct enroller *n, bool *ret_left, struct err *e)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_SEEN);
	desk_put_token(&in, &n->seen);
	int ret = enroller_call(n, &in, &out, e);
	*ret_left = ret != 0;
	if (ret == 0) {
		desk_get_order(&out, &n->order);
		ret = rpc_msg_done(&out) ? 0 : bad_answer(e);
	}
	rpc_msg_free(&out);
	for (size_t i = 0; ret == 0 && i < n->order.n_names; i++)
		ret = config_add_name(n->cfg, n->order.names[i].name, n->order.names[i].value, e);
	return ret;
}

int enroller_join_signer(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note,
			 void *note_arg, struct err *e)
{
	(void)verbose;
	int fd = fcntl(RPC_SHARED_FD, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, ERR_SYSTEM, "cannot reach the signer");
	return signer_join(ret, fd, cfg, note, note_arg, e);
}

static int enroll(struct enroller *n, struct enroll_result *result, struct err *e)
{
	struct enroll_ports ports = enroll_ports_real;
	struct enroll_ui ui = enroller_ui;
	const struct desk_order *o = &n->order;
	const struct enroll_options opt = {
	    .user = o->user,
	    .way = CRED_WAY_ENROLL,
	    .serial = enroller_given(n->seen.token.serial),
	    .reader = enroller_given(n->task.reader),
	    .module = enroller_given(n->task.module),
	    .key_type = o->key_type,
	    .replace = o->replace,
	    .init = o->init,
	    .keep_factory_pins = o->keep_factory_pins,
	    .pin_given = o->pin_given,
	    .replace_pin = o->replace_pin,
	    .new_pin_typed = o->pin == CONFIG_PINS_TYPED,
	    .new_pin_kept = o->new_pin_kept,
	    .so_pin_given = o->so_pin_given,
	    .verbose = n->task.verbose,
	};
	ports.ca.start = enroller_join_signer;
	ui.arg = n;
	n->result = result;
	return enroll_run(&ports, n->cfg, &opt, &ui, result, e);
}

static void take_result(const struct enroller *n, const struct enroll_result *result, struct desk_done *ret)
{
	const struct store_credential *c = &result->cred;
	ret->token = c->token;
	if (c->token.serial[0] == '\0') {
		memcpy(ret->token.manufacturer, n->seen.token.manufacturer, sizeof ret->token.manufacturer);
		memcpy(ret->token.model, n->seen.token.model, sizeof ret->token.model);
		memcpy(ret->token.label, n->seen.token.label, sizeof ret->token.label);
		memcpy(ret->token.serial, n->seen.id, sizeof n->seen.id);
	}
	ret->crl_published = result->crl_published;
	snprintf(ret->cert_serial, sizeof ret->cert_serial, "%s", c->cert_serial);
}

static void work(struct enroller *n, struct desk_done *done)
{
	struct enroll_result result = {.already = false};
	int ret = enroller_look(n, &done->err);
	if (ret == 0)
		ret = get_order(n, &done->left, &done->err);
	if (ret == 0) {
		ret = n->order.undo ? enroller_undo(n, &result.crl_published, &done->err)
				    : enroll(n, &result, &done->err);
		take_result(n, &result, done);
	}
	if (ret == 0)
		done->err = (struct err)ERR_INIT;
	else if (n->order.user[0] != '\0')
		done->again = enroller_wait(n, &done->err);
	n->result = NULL;
	enroll_result_free(&result);
}

static void report(struct enroller *n, const struct desk_done *done)
{
	struct rpc_msg in = RPC_MSG_INIT, out = RPC_MSG_INIT;
	rpc_msg_reset(&in, DESK_DONE);
	desk_put_done(&in, done);
	(void)enroller_call(n, &in, &out, NULL);
	rpc_msg_free(&out);
}

int enroller_main(void)
{
	struct err e = ERR_INIT;
	struct enroller n = {.station = NULL};
	struct desk_done done = {.err = ERR_INIT};
	if (process_harden(&e) != 0) {
		fprintf(stderr, "enroller: %s\n", e.what);
		return EXIT_FAILURE;
	}
	/* as the command does: the first asks it to stop where it can go on later */
	process_catch_signals();
	rpc_peer_adopt(&n.station, "station", RPC_FD);
	if (say_hello(&n, &done.err) == 0)
		work(&n, &done);
	report(&n, &done);
	int status = done.err.code == ERR_NONE ? EXIT_SUCCESS : EXIT_FAILURE;
	rpc_peer_stop(&n.station);
	secret_free(&n.made);
	desk_order_free(&n.order);
	desk_task_free(&n.task);
	config_free(&n.cfg);
	return status;
}
