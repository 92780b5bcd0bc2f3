#include "dockerfile/graph.h"
