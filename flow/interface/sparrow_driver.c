/* Sparrow: a driver for the accelerator; see sparrow_driver.h. */
#include "sparrow_driver.h"

#define PAGE_MASK 0xfffu
#define IDENTITY 0x53505257u /* "SPRW" */
#define LAST_ADDRESS (UINT64_MAX >> (64 - SPARROW_SPEC_ADDRESS_WIDTH))

static uint32_t get(const sparrow_device *device, uint32_t offset)
{
    return device->read32(device->context, offset);
}

static void set(const sparrow_device *device, uint32_t offset, uint32_t value)
{
    device->write32(device->context, offset, value);
}

/* Whole pages, within the addresses of the bus. */
static int is_window(uint64_t address, uint32_t bytes)
{
    const uint64_t last = address + bytes - 1;
    return bytes != 0 && ((address | bytes) & PAGE_MASK) == 0 && last > address
           && (last & ~LAST_ADDRESS) == 0;
}

enum sparrow_answer sparrow_check(const sparrow_device *device)
{
    return get(device, SPARROW_ID) == IDENTITY ? SPARROW_OK : SPARROW_NOT_THERE;
}

enum sparrow_answer sparrow_start(const sparrow_device *device, const sparrow_job *job)
{
    const uint32_t both = SPARROW_INTERRUPT_STATUS_DONE_MASK | SPARROW_INTERRUPT_STATUS_ERROR_MASK;
    if (!is_window(job->program_address, job->program_bytes)
        || !is_window(job->data_address, job->data_bytes)
        || job->program_start % SPARROW_COMMAND_BYTES != 0
        || job->program_start >= job->program_bytes)
        return SPARROW_BAD_JOB;
    if (!sparrow_drained(device))
        return SPARROW_BUSY;
    set(device, SPARROW_PROGRAM_BASE, (uint32_t)job->program_address);
    set(device, SPARROW_PROGRAM_BASE_HIGH, (uint32_t)(job->program_address >> 32));
    set(device, SPARROW_PROGRAM_SIZE, job->program_bytes);
    set(device, SPARROW_DATA_BASE, (uint32_t)job->data_address);
    set(device, SPARROW_DATA_BASE_HIGH, (uint32_t)(job->data_address >> 32));
    set(device, SPARROW_DATA_SIZE, job->data_bytes);
    set(device, SPARROW_PROGRAM_START, job->program_start);
    set(device, SPARROW_INTERRUPT_STATUS, both);
    set(device, SPARROW_INTERRUPT_ENABLE, both);
    set(device, SPARROW_CONTROL, SPARROW_CONTROL_START_MASK);
    return SPARROW_OK;
}

enum sparrow_state sparrow_poll(const sparrow_device *device)
{
    const uint32_t status = get(device, SPARROW_STATUS);
    if (status & SPARROW_STATUS_ERROR_MASK)
        return SPARROW_FAILED;
    if (status & SPARROW_STATUS_BUSY_MASK)
        return SPARROW_RUNNING;
    return status & SPARROW_STATUS_DONE_MASK ? SPARROW_DONE : SPARROW_IDLE;
}

enum sparrow_state sparrow_acknowledge(const sparrow_device *device)
{
    set(device, SPARROW_INTERRUPT_STATUS, get(device, SPARROW_INTERRUPT_STATUS));
    return sparrow_poll(device);
}

enum sparrow_error sparrow_error_code(const sparrow_device *device)
{
    return (enum sparrow_error)get(device, SPARROW_ERROR_CODE);
}

uint32_t sparrow_error_command(const sparrow_device *device)
{
    return get(device, SPARROW_ERROR_COMMAND);
}

uint32_t sparrow_stream_error(const sparrow_device *device)
{
    return get(device, SPARROW_STREAM_ERROR);
}

void sparrow_stop(const sparrow_device *device)
{
    set(device, SPARROW_CONTROL, SPARROW_CONTROL_SOFT_RESET_MASK);
}

int sparrow_drained(const sparrow_device *device)
{
    const uint32_t occupied = SPARROW_STATUS_BUSY_MASK | SPARROW_STATUS_DRAINING_MASK;
    return (get(device, SPARROW_STATUS) & occupied) == 0;
}

static uint32_t channels_of(const sparrow_tensor *tensor)
{
    uint32_t segment, channels = 0;
    for (segment = 0; segment < tensor->segment_count; segment++)
        channels += tensor->segments[segment];
    return channels;
}

/* Where a row of a channel begins, which is at `place` among all lanes, and the step from a column
   to the next. */
static uint32_t row_offset(const sparrow_tensor *tensor, uint32_t channels, uint32_t place,
                           uint32_t channel, uint32_t row, uint32_t *step)
{
    const uint32_t lanes = tensor->lanes;
    if (tensor->image) {
        const uint32_t row_bytes = (tensor->width * channels + lanes - 1) / lanes * lanes;
        *step = channels;
        return tensor->offset + row * row_bytes + channel;
    }
    *step = lanes;
    return tensor->offset + ((place / lanes * tensor->height + row) * tensor->width) * lanes
           + place % lanes;
}

uint32_t sparrow_elements(const sparrow_tensor *tensor)
{
    return channels_of(tensor) * tensor->height * tensor->width;
}

/* One of the two ways: the data window is written where `values` isn't. */
static void move(const sparrow_tensor *tensor, uint8_t *put, const int8_t *values,
                 const uint8_t *window, int8_t *got)
{
    const uint32_t channels = channels_of(tensor);
    uint32_t segment, number, row, column, step, channel = 0, place = 0;
    for (segment = 0; segment < tensor->segment_count; segment++) {
        for (number = 0; number < tensor->segments[segment]; number++, channel++, place++) {
            for (row = 0; row < tensor->height; row++) {
                uint32_t offset = row_offset(tensor, channels, place, channel, row, &step);
                const uint32_t first = (channel * tensor->height + row) * tensor->width;
                for (column = 0; column < tensor->width; column++, offset += step) {
                    if (put)
                        put[offset] = (uint8_t)values[first + column];
                    else
                        got[first + column] = (int8_t)window[offset];
                }
            }
        }
        place = (place + tensor->lanes - 1) / tensor->lanes * tensor->lanes;
    }
}

void sparrow_put(const sparrow_tensor *tensor, uint8_t *data_window, const int8_t *values)
{
    move(tensor, data_window, values, 0, 0);
}

void sparrow_get(const sparrow_tensor *tensor, const uint8_t *data_window, int8_t *values)
{
    move(tensor, 0, 0, data_window, values);
}
