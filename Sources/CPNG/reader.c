#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t count, position;
    bool is_truncated, is_animated, has_begun;
    char problem[128];
};

static void fail(png_structp png, png_const_charp message) {
    struct png_reader *reader = png_get_error_ptr(png);
    snprintf(reader->problem, sizeof reader->problem, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

// A damaged chunk that decides no pixel is skipped.
static void ignore(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    struct png_reader *reader = png_get_io_ptr(png);
    if (count > reader->count - reader->position) {
        reader->is_truncated = true;
        png_error(png, "the file is cut short");
    }
    memcpy(target, reader->bytes + reader->position, count);
    reader->position += count;
}

static int look_at_chunk(png_structp png, png_unknown_chunkp chunk) {
    struct png_reader *reader = png_get_user_chunk_ptr(png);
    if (memcmp(chunk->name, "acTL", 4) == 0) reader->is_animated = true;
    return 1; // It is dealt with.
}

struct png_reader *png_reader_make(const uint8_t *bytes, size_t count) {
    struct png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->bytes = bytes;
    reader->count = count;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, fail, ignore);
    reader->info = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (!reader->info) {
        png_reader_free(reader);
        return NULL;
    }
    return reader;
}

// To 8 bits a sample, three samples a pixel: what Pillow's convert("RGB") gives, gamma and background left alone.
static void ask_for_rgb(struct png_reader *reader) {
    png_structp png = reader->png;
    png_byte color = png_get_color_type(png, reader->info);
    png_set_strip_16(png);
    png_set_packing(png);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, reader->info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (!(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
}

const char *png_reader_open(struct png_reader *reader, struct png_header *header) {
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png))) return reader->problem;
    png_set_read_fn(png, reader, read_bytes);
    // Profiles, texts and the like are neither kept nor unpacked.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_read_user_chunk_fn(png, reader, look_at_chunk);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png, reader->info);
    header->width = png_get_image_width(png, reader->info);
    header->height = png_get_image_height(png, reader->info);
    header->is_interlaced = png_get_interlace_type(png, reader->info) != PNG_INTERLACE_NONE;
    header->is_animated = reader->is_animated;
    return NULL;
}

// What libpng needs for a row is allocated here, not before.
static void begin(struct png_reader *reader) {
    if (reader->has_begun) return;
    reader->has_begun = true;
    ask_for_rgb(reader);
    png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    if (png_get_rowbytes(reader->png, reader->info) != 3 * (size_t)png_get_image_width(reader->png, reader->info)) {
        png_error(reader->png, "its rows are no RGB");
    }
}

const char *png_reader_row(struct png_reader *reader, uint8_t *row) {
    if (setjmp(png_jmpbuf(reader->png))) return reader->problem;
    begin(reader);
    png_read_row(reader->png, row, NULL);
    return NULL;
}

const char *png_reader_finish(struct png_reader *reader) {
    if (setjmp(png_jmpbuf(reader->png))) return reader->problem;
    png_read_end(reader->png, NULL);
    return NULL;
}

bool png_reader_is_truncated(const struct png_reader *reader) { return reader->is_truncated; }

size_t png_inflate(const uint8_t *source, size_t count, uint8_t *target, size_t capacity) {
    z_stream stream = {.next_in = (Bytef *)source, .avail_in = (uInt)count, .next_out = target, .avail_out = (uInt)capacity};
    if (inflateInit(&stream) != Z_OK) return 0;
    int result = inflate(&stream, Z_FINISH);
    size_t written = capacity - stream.avail_out;
    inflateEnd(&stream);
    // A stream that is cut short gives what it has; one that is longer than the room gives nothing.
    if (result == Z_STREAM_END) return written;
    return result == Z_BUF_ERROR && stream.avail_in == 0 && stream.avail_out > 0 ? written : 0;
}

uint32_t png_checksum(const uint8_t *bytes, size_t count) { return (uint32_t)crc32_z(0, bytes, count); }

void png_reader_free(struct png_reader *reader) {
    if (!reader) return;
    png_destroy_read_struct(&reader->png, reader->info ? &reader->info : NULL, NULL);
    free(reader);
}
