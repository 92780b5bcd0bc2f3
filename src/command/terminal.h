/* terminal.h — the user's terminal while a program in a container has it: every byte goes through as it is (raw mode), Ctrl-C too; changes of the window's size are passed on.
 *
 * It is put back as it was when the program has ended, at exit, and before a signal ends this program; after SIGCONT it is raw again. One at a time. What the program itself told the terminal to do by escape sequences (colours,
 * another screen) is the program's to undo, as with any program on a terminal. */
#ifndef PARE_COMMAND_TERMINAL_H
#define PARE_COMMAND_TERMINAL_H
#include "base/error.h"

void terminal_size(int fd, u16 *rows, u16 *columns); /* 0, 0: not known */
/* fd: the user's, of which terminal_give_back() must not be waited for; inner: the other one, which gets its size. */
int terminal_take_over(int fd, int inner, struct error *err) must_check;
void terminal_give_back(void);
#endif
