/* The image that `pare lint --image` measures. */
#include "command/command.h"
#include "command/place.h"
#include "command/lint_run.h"
#include "report/subject.h"
#include "transport/repo.h"

int lint_image_open(const char *location, const struct option_value *place, struct subject **ret, struct error *err)
{
	struct load_options load = { .store = globals.store };
	struct repo_options registry;
	struct subject *s = xcalloc(1, sizeof *s);
	if (place_load(place, &registry, &load, err) < 0 || subject_open(location, &load, SUBJECT_PACKAGES, s, err) < 0) {
		free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

int lint_image_problems(const struct subject *s) { return command_problems(&s->problems); }

void lint_image_close(struct subject *s)
{
	if (!s)
		return;
	subject_close(s);
	free(s);
}
