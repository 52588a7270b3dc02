#ifndef CMAPPING_H
#define CMAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Most mappings that can be registered at a time.
enum { mapping_capacity = 4096 };

/// Registers a readable mapping of a file that begins at a page, `length` bytes of it. From then on, reading a page that the file no
/// longer has gives zeros and marks the mapping as torn, instead of ending the process. Returns its slot; -1 when all are taken.
///
/// The first call installs the handler of SIGBUS. Any thread may call.
int mapping_register(const void *start, size_t length);

/// Takes a mapping out of the table. Call it before the memory is unmapped.
void mapping_unregister(int slot);

/// Whether pages were missing when they were read.
bool mapping_is_torn(int slot);

/// How often any mapping was torn since the process began: one relaxed load tells whether it is worth asking for one.
uint64_t mapping_tears(void);

#endif
