// Just enough of a flattened device tree (Devicetree Specification, chapter 5) for the command line.

#include "probe.h"

enum { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4 };

static uint32_t big_endian(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t length(const char *text) {
  size_t count = 0;
  while (text[count]) count++;
  return count;
}

static const uint8_t *aligned(const uint8_t *tree, const uint8_t *at) {
  return tree + (((size_t)(at - tree) + 3) & ~(size_t)3);
}

void read_command_line(const uint8_t *tree, char *text, size_t size) {
  text[0] = 0;
  if (big_endian(tree) != 0xd00dfeed) return;
  const uint8_t *at = tree + big_endian(tree + 8);
  const char *strings = (const char *)tree + big_endian(tree + 12);
  int depth = 0;
  bool is_chosen = false;
  for (;;) {
    uint32_t token = big_endian(at);
    at += 4;
    switch (token) {
      case BEGIN_NODE:
        depth++;
        if (depth == 2) is_chosen = is_same((const char *)at, "chosen");
        at = aligned(tree, at + length((const char *)at) + 1);
        break;
      case END_NODE:
        depth--;
        if (depth < 2) is_chosen = false;
        break;
      case PROPERTY: {
        uint32_t count = big_endian(at);
        const char *name = strings + big_endian(at + 4);
        const uint8_t *value = at + 8;
        if (is_chosen && depth == 2 && is_same(name, "bootargs") && count <= size) {
          for (uint32_t n = 0; n < count; n++) text[n] = (char)value[n];
          return;
        }
        at = aligned(tree, value + count);
        break;
      }
      case NOP: break;
      default: return;
    }
  }
}
