/* Sparrow: a driver for the accelerator, C99, for any system: it gets at the registers by two
   functions of yours, and never waits. Made for the sparrow_accelerator.h beside it. */
#ifndef SPARROW_DRIVER_H
#define SPARROW_DRIVER_H

#include "sparrow_accelerator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How to reach the registers: 32 bits at a byte offset. */
typedef struct {
    uint32_t (*read32)(void *context, uint32_t offset);
    void (*write32)(void *context, uint32_t offset, uint32_t value);
    void *context; /* passed on */
} sparrow_device;

/* A program and its windows of memory, addresses as the accelerator's bus has them; addresses and
   bytes of the windows are multiples of 4096, and both windows end below 2 to the power of
   SPARROW_SPEC_ADDRESS_WIDTH. */
typedef struct {
    uint64_t program_address;
    uint32_t program_bytes;
    uint32_t program_start; /* offset of the first command, a multiple of 64 in the program */
    uint64_t data_address;
    uint32_t data_bytes;
} sparrow_job;

/* A tensor in the data window, a byte for each element. */
typedef struct {
    uint32_t offset;
    uint32_t height, width;
    uint32_t lanes;
    int image;                /* [row][column][channel], rows padded; else blocks of lanes */
    const uint32_t *segments; /* channels that lie together */
    uint32_t segment_count;
} sparrow_tensor;

enum sparrow_state { SPARROW_IDLE, SPARROW_RUNNING, SPARROW_DONE, SPARROW_FAILED };
enum sparrow_answer {
    SPARROW_OK = 0,
    SPARROW_NOT_THERE = -1, /* no accelerator answers at the registers */
    SPARROW_BUSY = -2,      /* a program is running, or the bus is drained after one */
    SPARROW_BAD_JOB = -3    /* a window or a start that sparrow_job doesn't allow */
};

/* Whether there is an accelerator. */
enum sparrow_answer sparrow_check(const sparrow_device *device);

/* Begin a program. Both windows must be in memory by now, and out of the processor's caches. */
enum sparrow_answer sparrow_start(const sparrow_device *device, const sparrow_job *job);

/* What goes on. After SPARROW_FAILED and sparrow_stop the bus may still have to be drained, see
   sparrow_drained; after SPARROW_DONE it is. */
enum sparrow_state sparrow_poll(const sparrow_device *device);

/* For the interrupt's handler: acknowledge it, and tell how the program has ended. */
enum sparrow_state sparrow_acknowledge(const sparrow_device *device);

/* Why the program failed, one of enum sparrow_error, and the commands that had been fetched. */
enum sparrow_error sparrow_error_code(const sparrow_device *device);
uint32_t sparrow_error_command(const sparrow_device *device);

/* With SPARROW_ERROR_STREAM: what is wrong with a compressed weight stream, a number of
   docs/weight-stream.md. */
uint32_t sparrow_stream_error(const sparrow_device *device);

/* Break a program off. sparrow_start answers SPARROW_BUSY until the bus is drained. */
void sparrow_stop(const sparrow_device *device);

/* Whether nothing runs, and nothing is outstanding on the bus: only then may the windows' memory be
   used for something else after an error or sparrow_stop. */
int sparrow_drained(const sparrow_device *device);

/* Number of elements; from and to values in the order [channel][row][column]. */
uint32_t sparrow_elements(const sparrow_tensor *tensor);
void sparrow_put(const sparrow_tensor *tensor, uint8_t *data_window, const int8_t *values);
void sparrow_get(const sparrow_tensor *tensor, const uint8_t *data_window, int8_t *values);

#ifdef __cplusplus
}
#endif

#endif
