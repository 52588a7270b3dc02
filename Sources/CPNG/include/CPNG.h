#ifndef CPNG_H
#define CPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A PNG that is being read.
struct png_reader;

/// How often the rows of an interlaced picture are read.
#define PNG_READER_PASSES 7

/// What a PNG's header says.
struct png_header {
    uint32_t width, height;
    /// Rows come in seven passes (`PNG_READER_PASSES`): the whole picture has to be in memory.
    bool is_interlaced;
    /// An animation (APNG), whose first picture these rows would be.
    bool is_animated;
};

/// Begins to read `count` bytes, which must stay until the reader is freed; NULL when there is no memory.
struct png_reader *png_reader_make(const uint8_t *bytes, size_t count);

/// Reads everything before the pixels; allocates nothing that depends on the size.
/// Returns NULL, or libpng's sentence on what is wrong, valid as long as the reader; then no other call but the last may follow.
const char *png_reader_open(struct png_reader *reader, struct png_header *header);

/// Reads the next row, `3 * width` bytes of RGB. An interlaced picture is read seven times from top to bottom, and each time `row`
/// holds what the last time left in it. Returns as before.
const char *png_reader_row(struct png_reader *reader, uint8_t *row);

/// After the last row: reads to the end of the file. Returns as before.
const char *png_reader_finish(struct png_reader *reader);

/// True when the bytes ended before the picture did: the reason for the error.
bool png_reader_is_truncated(const struct png_reader *reader);

/// Unpacks a zlib stream and returns how many bytes it held: 0 where it is damaged or holds more than `capacity`.
size_t png_inflate(const uint8_t *source, size_t count, uint8_t *target, size_t capacity);

/// The checksum of a chunk: of its name and its data.
uint32_t png_checksum(const uint8_t *bytes, size_t count);

/// Frees the reader; NULL is as good.
void png_reader_free(struct png_reader *reader);

#endif
