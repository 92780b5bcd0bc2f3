#include "lint/fix.h"
