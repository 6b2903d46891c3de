#include "EL2Support.h"

struct el2_core_words *el2_words;
uint32_t el2_words_count;
struct el2_pen el2_pen;
