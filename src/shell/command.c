#include "shell/command.h"
