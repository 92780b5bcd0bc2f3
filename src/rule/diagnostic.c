#include "rule/diagnostic.h"
