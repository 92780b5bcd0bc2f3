#include "dockerfile/word.h"
