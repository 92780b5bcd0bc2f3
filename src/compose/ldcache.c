#include "compose/effect.h"

int effect_loader(struct composition *c, struct error *err)
{
	(void)c;
	(void)err;
	return 0;
}
