/* says.c — a library to load by name; WORD is what it says. */
const char *says(void);
const char *says(void) { return WORD; }
