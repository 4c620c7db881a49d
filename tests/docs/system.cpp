// A system in which C code drives the accelerator: sim/native's model, memory and bus.
//
// Usage: system FOLDER IMAGES. Reads program.bin and images.bin, writes results.bin; prints what
// `infer` returned for each image.

#include "Vmodel.h"
#include "Vmodel___024root.h"
#include "registers.h"
#include "host.h"

#include <cstdio>
#include <fstream>
#include <iterator>

extern "C" {
#include "sparrow_network.h"
int infer(const sparrow_device* device, uint64_t program_address, uint64_t data_address,
          uint8_t* data, const int8_t* image, int8_t* result);
sparrow_device sparrow_at(void* base);
}

constexpr uint64_t PROGRAM = 0x10000000, DATA = 0x20000000;
constexpr unsigned PATTERN = 0xa5;

static uint32_t read32(void* bench, uint32_t offset) {
    return static_cast<Bench<Vmodel>*>(bench)->read(offset);
}

static void write32(void* bench, uint32_t offset, uint32_t value) {
    static_cast<Bench<Vmodel>*>(bench)->write(offset, value);
}

// The same, but that programs begin outside of their windows, which the driver refuses.
static void write_astray(void* bench, uint32_t offset, uint32_t value) {
    write32(bench, offset, offset == SPARROW_PROGRAM_START ? 0x7fffffc0 : value);
}

static bool fails(const char* what, int found, int expected) {
    if (found != expected) std::printf("%s: %d, not %d\n", what, found, expected);
    return found != expected;
}

// What isn't the usual way through the driver; whether something is wrong.
static bool refuses(const sparrow_device& device, Bench<Vmodel>& bench) {
    const sparrow_job good = SPARROW_NETWORK_JOB(PROGRAM, DATA);
    const uint64_t last_page = (UINT64_MAX >> (64 - SPARROW_SPEC_ADDRESS_WIDTH)) - 4095;
    sparrow_job odd = good, last = good, beyond = good, wrapping = good, between = good, end = good;
    odd.data_address += 64;
    last.data_address = beyond.data_address = last_page;
    last.data_bytes = 4096;
    beyond.data_bytes = 8192;
    wrapping.data_address = UINT64_MAX - 4095;
    wrapping.data_bytes = 8192;
    between.program_start += 32;
    end.program_start = end.program_bytes;
    const sparrow_device astray = {read32, write_astray, &bench};
    uint32_t registers[64] = {};
    const sparrow_device other = sparrow_at(registers);
    bool wrong = fails("nobody there", sparrow_check(&other), SPARROW_NOT_THERE);
    wrong |= fails("idle", sparrow_poll(&device), SPARROW_IDLE);
    wrong |= fails("odd address", sparrow_start(&device, &odd), SPARROW_BAD_JOB);
    wrong |= fails("beyond", sparrow_start(&device, &beyond), SPARROW_BAD_JOB);
    wrong |= fails("wrapping", sparrow_start(&device, &wrapping), SPARROW_BAD_JOB);
    wrong |= fails("start between", sparrow_start(&device, &between), SPARROW_BAD_JOB);
    wrong |= fails("start at the end", sparrow_start(&device, &end), SPARROW_BAD_JOB);
    wrong |= fails("last page", sparrow_start(&other, &last), SPARROW_OK);
    wrong |= fails("elsewhere", sparrow_start(&other, &good), SPARROW_OK);
    wrong |= fails("data base", registers[SPARROW_DATA_BASE / 4] == DATA, true);
    wrong |= fails("control", registers[SPARROW_CONTROL / 4], SPARROW_CONTROL_START_MASK);
    wrong |= fails("bad program", sparrow_start(&astray, &good), SPARROW_OK);
    while (!bench.interrupt()) bench.cycle();
    wrong |= fails("interrupt", sparrow_acknowledge(&device), SPARROW_FAILED);
    bench.cycle();
    bench.cycle();
    wrong |= fails("interrupt after it", bench.interrupt(), false);
    wrong |= fails("window", sparrow_error_code(&device), SPARROW_ERROR_WINDOW);
    while (sparrow_start(&device, &good) == SPARROW_BUSY) bench.cycle();
    wrong |= fails("second start", sparrow_start(&device, &good), SPARROW_BUSY);
    wrong |= fails("drained while it runs", sparrow_drained(&device), false);
    sparrow_stop(&device);
    wrong |= fails("drained at once", sparrow_drained(&device), false);
    while (!sparrow_drained(&device)) bench.cycle();
    wrong |= fails("after a stop", sparrow_poll(&device), SPARROW_IDLE);
    return wrong;
}

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const std::string folder = std::string(arguments[1]) + "/";
    std::ifstream program(folder + "program.bin", std::ios::binary);
    std::ifstream images(folder + "images.bin", std::ios::binary);
    std::ofstream results(folder + "results.bin", std::ios::binary);
    Bench<Vmodel> bench(true);
    bench.slave.behave(Traffic{});
    bench.memory.program.base = PROGRAM;
    bench.memory.program.content.assign(std::istreambuf_iterator<char>(program), {});
    bench.memory.data.base = DATA;
    bench.memory.data.content.assign(SPARROW_NETWORK_DATA_BYTES, PATTERN);
    const sparrow_device device = {read32, write32, &bench};
    if (refuses(device, bench)) return 1;
    for (int image = 0; image < std::atoi(arguments[2]); ++image) {
        int8_t input[SPARROW_NETWORK_INPUT_ELEMENTS], output[SPARROW_NETWORK_OUTPUT_ELEMENTS];
        images.read(reinterpret_cast<char*>(input), sizeof input);
        std::printf("%d\n", infer(&device, PROGRAM, DATA, bench.memory.data.content.data(), input,
                                  output));
        results.write(reinterpret_cast<char*>(output), sizeof output);
    }
    return bench.memory.strays.empty() ? 0 : 1;
}
