#include "EL2Support.h"

struct el2_core_words el2_words[8];
