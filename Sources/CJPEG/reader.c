#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

struct jpeg_reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    const uint8_t *bytes;
    size_t count;
    jpeg_reader_goes_on goes_on;
    void *context;
    bool is_truncated, was_stopped, is_made;
    jmp_buf escape;
    char problem[JMSG_LENGTH_MAX];
};

static struct jpeg_reader *reader_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void give_up(struct jpeg_reader *reader, const char *problem) {
    snprintf(reader->problem, sizeof reader->problem, "%s", problem);
    longjmp(reader->escape, 1);
}

static void fail(j_common_ptr jpeg) {
    struct jpeg_reader *reader = reader_of(jpeg);
    jpeg->err->format_message(jpeg, reader->problem);
    longjmp(reader->escape, 1);
}

// libjpeg goes on after damage, with pixels of its own invention. Ours does not: of its warnings those that cost pixels are errors.
static void judge(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC: fail(jpeg); break;
    default: break;
    }
}

static void say_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void begin_source(j_decompress_ptr jpeg) { (void)jpeg; }

// All bytes were there from the start: there are no more.
static boolean run_dry(j_decompress_ptr jpeg) {
    struct jpeg_reader *reader = reader_of((j_common_ptr)jpeg);
    reader->is_truncated = true;
    give_up(reader, "the file is cut short");
    return FALSE;
}

static void skip(j_decompress_ptr jpeg, long count) {
    if (count <= 0) return;
    if ((size_t)count > jpeg->src->bytes_in_buffer) run_dry(jpeg);
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= count;
}

static void watch(j_common_ptr jpeg) {
    struct jpeg_reader *reader = reader_of(jpeg);
    if (reader->jpeg.input_scan_number > JPEG_READER_MAXIMUM_SCANS) {
        snprintf(reader->problem, sizeof reader->problem, "it has more than %d scans", JPEG_READER_MAXIMUM_SCANS);
        longjmp(reader->escape, 1);
    }
    if (!reader->goes_on || reader->goes_on(reader->context)) return;
    reader->was_stopped = true;
    give_up(reader, "it was stopped");
}

struct jpeg_reader *jpeg_reader_make(const uint8_t *bytes, size_t count) {
    struct jpeg_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->bytes = bytes;
    reader->count = count;
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = fail;
    reader->errors.emit_message = judge;
    reader->errors.output_message = say_nothing;
    reader->jpeg.client_data = reader;
    return reader;
}

// Rounded up.
static uint64_t quotient(uint64_t dividend, uint64_t divisor) { return (dividend + divisor - 1) / divisor; }

// What libjpeg keeps: of several scans all coefficients, two bytes each; rows of samples on their way; and its tables.
static uint64_t working_bytes(struct jpeg_decompress_struct *jpeg) {
    uint64_t coefficients = 0, rows = 0;
    for (int index = 0; index < jpeg->num_components; index++) {
        const jpeg_component_info *component = &jpeg->comp_info[index];
        uint64_t across = quotient(jpeg->image_width, (uint64_t)jpeg->max_h_samp_factor * DCTSIZE) * component->h_samp_factor;
        uint64_t down = quotient(jpeg->image_height, (uint64_t)jpeg->max_v_samp_factor * DCTSIZE) * component->v_samp_factor;
        coefficients += across * down * DCTSIZE2 * sizeof(JCOEF);
        // Five groups of rows for the filter that enlarges colours, and the rows that it makes.
        rows += across * DCTSIZE * component->v_samp_factor * DCTSIZE * 2 + (uint64_t)jpeg->image_width * jpeg->max_v_samp_factor * 2;
    }
    return rows + (jpeg_has_multiple_scans(jpeg) ? coefficients : 0) + (1 << 18);
}

const char *jpeg_reader_open(struct jpeg_reader *reader, struct jpeg_header *header) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    if (setjmp(reader->escape)) return reader->problem;
    jpeg_create_decompress(jpeg);
    reader->is_made = true;
    reader->source = (struct jpeg_source_mgr){
        .next_input_byte = reader->bytes, .bytes_in_buffer = reader->count, .init_source = begin_source,
        .fill_input_buffer = run_dry, .skip_input_data = skip, .resync_to_restart = jpeg_resync_to_restart,
        .term_source = begin_source};
    jpeg->src = &reader->source;
    reader->progress.progress_monitor = watch;
    jpeg->progress = &reader->progress;
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4) {
        snprintf(reader->problem, sizeof reader->problem, "it has %d components", jpeg->num_components);
        return reader->problem;
    }
    header->width = jpeg->image_width;
    header->height = jpeg->image_height;
    header->working_bytes = working_bytes(jpeg);
    return NULL;
}

const char *jpeg_reader_start(struct jpeg_reader *reader, jpeg_reader_goes_on goes_on, void *context) {
    if (setjmp(reader->escape)) return reader->problem;
    reader->goes_on = goes_on;
    reader->context = context;
    reader->jpeg.out_color_space = reader->jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&reader->jpeg);
    return NULL;
}

// a * b / 255, rounded, for 0...255.
static unsigned product(unsigned a, unsigned b) {
    unsigned value = a * b + 128;
    return ((value >> 8) + value) >> 8;
}

// Four inks become three lights, as Pillow's convert("RGB") does it. Who writes four inks writes them inverted, as Adobe began to.
static void make_rgb(uint8_t *row, size_t width) {
    for (size_t place = 0; place < width; place++) {
        unsigned black = row[4 * place + 3];
        for (int sample = 0; sample < 3; sample++) {
            row[3 * place + sample] = (uint8_t)(black - product(255 - row[4 * place + sample], black));
        }
    }
}

const char *jpeg_reader_row(struct jpeg_reader *reader, uint8_t *row) {
    if (setjmp(reader->escape)) return reader->problem;
    JSAMPROW rows[1] = {row};
    jpeg_read_scanlines(&reader->jpeg, rows, 1);
    if (reader->jpeg.out_color_space == JCS_CMYK) make_rgb(row, reader->jpeg.output_width);
    return NULL;
}

const char *jpeg_reader_finish(struct jpeg_reader *reader) {
    if (setjmp(reader->escape)) return reader->problem;
    jpeg_finish_decompress(&reader->jpeg);
    return NULL;
}

bool jpeg_reader_is_truncated(const struct jpeg_reader *reader) { return reader->is_truncated; }

bool jpeg_reader_was_stopped(const struct jpeg_reader *reader) { return reader->was_stopped; }

void jpeg_reader_free(struct jpeg_reader *reader) {
    if (!reader) return;
    if (reader->is_made) jpeg_destroy_decompress(&reader->jpeg);
    free(reader);
}
