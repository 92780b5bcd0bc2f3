#include "dockerfile/parse.h"
