// The headers at the beginning of a boot image, for assembly.
#pragma once

// The arm64 Image header (Linux, Documentation/arm64/booting.rst): the image begins at `entry`, takes
// `size` bytes of memory, is little-endian with 4 KiB pages, and may lie anywhere in memory.
  .macro arm64_image_header entry, size
  b \entry
  .word 0
  .quad 0
  .quad \size
  .quad 0b1010
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .word 0
  .endm

// The payload descriptor, as the hypervisor's image has it (BootImage.swift): another image follows
// `offset` bytes behind the first byte of this one.
  .macro payload_descriptor offset
  .ascii "STEPWELL"
  .quad \offset
  .quad 0
  .quad 0
  .endm
