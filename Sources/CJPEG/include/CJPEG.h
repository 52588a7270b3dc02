#ifndef CJPEG_H
#define CJPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A JPEG that is being read.
struct jpeg_reader;

/// What a JPEG's header says.
struct jpeg_header {
    uint32_t width, height;
    /// What the reader allocates beside the rows that it gives: coefficients of the whole picture where it comes in several scans.
    uint64_t working_bytes;
};

/// The most scans of one picture that are read. Encoders make about ten; each costs the time of a whole picture.
#define JPEG_READER_MAXIMUM_SCANS 100

/// Asked now and then by calls that take long; the reading stops where it answers false.
typedef bool (*jpeg_reader_goes_on)(void *context);

/// Begins to read `count` bytes, which must stay until the reader is freed; NULL when there is no memory.
struct jpeg_reader *jpeg_reader_make(const uint8_t *bytes, size_t count);

/// Reads everything before the pixels; allocates nothing that depends on the size.
/// Returns NULL, or a sentence on what is wrong, valid as long as the reader; then no other call but the last two may follow.
const char *jpeg_reader_open(struct jpeg_reader *reader, struct jpeg_header *header);

/// Prepares for the rows, which of a progressive picture means to read all of it. `goes_on` may be NULL. Returns as before.
const char *jpeg_reader_start(struct jpeg_reader *reader, jpeg_reader_goes_on goes_on, void *context);

/// Reads the next row, `3 * width` bytes of RGB. `row` must have room for `4 * width`. Returns as before.
const char *jpeg_reader_row(struct jpeg_reader *reader, uint8_t *row);

/// After the last row: reads to the end of the picture. Returns as before.
const char *jpeg_reader_finish(struct jpeg_reader *reader);

/// True when the bytes ended before the picture did: the reason for the error.
bool jpeg_reader_is_truncated(const struct jpeg_reader *reader);

/// True when `goes_on` answered false: the reason for the error.
bool jpeg_reader_was_stopped(const struct jpeg_reader *reader);

/// Frees the reader; NULL is as good.
void jpeg_reader_free(struct jpeg_reader *reader);

#endif
