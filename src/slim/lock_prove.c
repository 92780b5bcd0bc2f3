/* Lock-down that was run under: the strictest of a few forms that changes no answer. */
#include "slim/lock.h"
#include "slim/trial.h"

static int under(struct trial *t, const struct run_tree *tree, const struct lock *l, const char *name, bool *same, struct error *err)
{
	struct run_spec s = t->opt.spec ? *t->opt.spec : (struct run_spec){ .listener = -1 };
	s.seccomp = l->seccomp;
	s.capabilities = l->capabilities;
	s.no_new_privileges = l->no_new_privileges;
	s.read_only = l->read_only;
	s.tmpfs = l->read_only ? l->tmpfs : s.tmpfs;
	s.volumes = l->read_only ? l->volumes : s.volumes;
	s.user = l->user ? l->user : s.user;
	return trial_under(t, tree, name, &s, same, err);
}

/* Whether it is worth trying as nobody in particular: it starts as root and never became somebody else. */
static bool may_do_without_root(const struct lock_input *in)
{
	const char *user = in->config->user;
	return !user || !*user || strcmp(user, "0") == 0 || strcmp(user, "root") == 0 || strcmp(user, "0:0") == 0 || strcmp(user, "root:root") == 0;
}

static const struct form {
	bool not_root, read_only, loose;
	const char *name;
} forms[] = {
	{ true, true, false, "locked down, not as root" },
	{ false, true, false, "locked down" },
	{ false, false, false, "locked down, root file system writable" },
	{ false, false, true, "locked down, with all ordinary system calls and root file system writable" },
};

/* *ret NULL: it is not, or not what is asked for. */
static int form(struct trial *t, const struct run_tree *result, const struct lock_input *in, const struct form *f, struct lock **ret, struct error *err)
{
	struct lock_input it = *in;
	struct lock *l;
	bool same = false;
	it.not_root = f->not_root;
	it.loose = f->loose;
	it.written = f->read_only ? in->written : NULL;
	if (it.not_root && (!it.service || !may_do_without_root(in)))
		return 0;
	if (lock_make(&it, &l, err) < 0)
		return -1;
	u32 rows = t->n_rows;
	int r = (it.not_root && l->against) || (f->read_only && !f->not_root && !l->read_only) ? 0 : under(t, result, l, f->name, &same, err);
	if (r == 0 && same) {
		*ret = l;
		return 0;
	}
	if (f < forms + countof(forms) - 1)
		t->n_rows = rows; /* tried, and not what is handed over */
	lock_free(l);
	return r;
}

int lock_prove(struct trial *t, const struct run_tree *result, const struct lock_input *in, struct lock **ret, struct error *err)
{
	struct lock_tree known;
	struct lock_input it = *in;
	struct arena a = { 0 };
	*ret = NULL;
	it.tree = result->path;
	it.known = &known;
	int r = lock_look(it.tree, &a, &known, err);
	for (size_t i = 0; i < countof(forms) && r == 0 && !*ret; i++)
		r = form(t, result, &it, &forms[i], ret, err);
	free(known.programs);
	arena_free(&a);
	return r;
}
