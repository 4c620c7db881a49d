// Runs a script on a Verilated accelerator: sim/accelerator/session.py and bench.py in C++.
//
// Usage: driver FOLDER. The folder holds script.txt, which sim/native/script.py describes, and the
// files that it names; outcomes.json and outputs.bin are written there.

#include "Vmodel.h"
#include "Vmodel___024root.h"
#include "registers.h"
#include "host.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

namespace {

constexpr unsigned DRAIN_LIMIT = 5000;  // cycles
constexpr uint32_t BUSY_OR_DRAINING = 0b1001, ERROR = 0b0100, BOTH = 0b11;

struct Run {
    std::string program, data;
    uint64_t data_offset = 0, data_size = 0, program_size = 0, start = 0, watchdog = 0, timeout = 0;
    bool keep = false;
    Traffic traffic;
};

struct Outcome {
    std::string end;
    uint32_t error_code = 0, error_command = 0, stream_error = 0;
    uint64_t started = 0, interrupt = 0;
    std::vector<uint32_t> counters;
};

using Files = std::map<std::string, std::vector<uint8_t>>;

std::vector<uint8_t> contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Failure(path + " can't be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<uint8_t> part(const std::vector<uint8_t>& content, uint64_t offset, uint64_t size) {
    std::vector<uint8_t> result(size);
    if (offset < content.size())
        std::memcpy(result.data(), content.data() + offset, std::min<uint64_t>(size, content.size() - offset));
    return result;
}

class Session {
public:
    Session(const std::string& folder) : m_folder(folder + "/") {
        std::ifstream script(m_folder + "script.txt");
        std::string line;
        std::getline(script, line);
        std::istringstream head(line);
        bool check_rules = false;
        head >> m_bases[0] >> m_bases[1] >> check_rules;
        m_bench = std::make_unique<Bench<Vmodel>>(check_rules);
        while (std::getline(script, line)) m_runs.push_back(parse(line));
        m_bench->memory.program.base = m_bases[0];
        m_bench->memory.data.base = m_bases[1];
    }

    void carry_out() {
        std::ofstream outputs(m_folder + "outputs.bin", std::ios::binary);
        std::ostringstream json;
        const auto began = std::chrono::steady_clock::now();
        json << "{\"outcomes\": [";
        for (const Run& run : m_runs) {
            load(run);
            const Outcome outcome = this->run(run);
            json << (&run == m_runs.data() ? "" : ", ") << to_json(outcome);
            const auto& data = m_bench->memory.data.content;
            if (run.keep) outputs.write(reinterpret_cast<const char*>(data.data()), data.size());
            if (outcome.end == "timeout") break;
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
        json << "], \"cycles\": " << m_bench->now << ", \"seconds\": " << seconds.count() << "}";
        std::ofstream(m_folder + "outcomes.json") << json.str();
    }

private:
    static Run parse(const std::string& line) {
        std::istringstream in(line);
        Run run;
        in >> run.program >> run.data >> run.data_offset >> run.data_size >> run.program_size
            >> run.start >> run.watchdog >> run.timeout >> run.keep >> run.traffic.latency
            >> run.traffic.bandwidth >> run.traffic.stalls;
        for (uint64_t& seed : run.traffic.seeds) in >> seed;
        if (!in) throw Failure("script.txt must have a run in each line, not " + line);
        return run;
    }

    const std::vector<uint8_t>& file(const std::string& name) {
        const auto found = m_files.find(name);
        if (found != m_files.end()) return found->second;
        return m_files[name] = contents(m_folder + name);
    }

    void load(const Run& run) {
        Memory& memory = m_bench->memory;
        memory.program.content = part(file(run.program), 0, run.program_size);
        if (run.data != "-") memory.data.content = part(file(run.data), run.data_offset, run.data_size);
        if (memory.data.content.size() != run.data_size)
            throw Failure("the data window's size needs content");
    }

    Outcome run(const Run& run) {
        Bench<Vmodel>& bench = *m_bench;
        settle();
        bench.slave.behave(run.traffic);
        bench.memory.strays.clear();
        const Window* windows[] = {&bench.memory.program, &bench.memory.data};
        for (int i = 0; i < 2; ++i) {
            bench.write(WINDOW_REGISTERS[i], uint32_t(m_bases[i]));
            bench.write(WINDOW_REGISTERS[i] + 4, uint32_t(m_bases[i] >> 32));
            bench.write(WINDOW_REGISTERS[i] + 8, windows[i]->content.size());
        }
        bench.write(PROGRAM_START, run.start);
        bench.write(WATCHDOG, run.watchdog);
        bench.write(INTERRUPT_STATUS, BOTH);
        bench.write(INTERRUPT_ENABLE, BOTH);
        if (bench.interrupt()) throw Failure("the interrupt must be down before the start");
        bench.retired.clear();
        bench.marks.clear();
        bench.raised_at = 0;
        Outcome outcome;
        outcome.started = bench.write(CONTROL, 1);
        const uint64_t limit = bench.now + run.timeout;  // too late is what this edge brings
        while (!bench.raised_at && bench.now + 1 < limit) bench.cycle();
        outcome.interrupt = bench.now - outcome.started;
        if (!bench.raised_at) {
            outcome.end = "timeout";
            outcome.interrupt = limit - outcome.started;
            read_counters(outcome);
            return outcome;
        }
        bench.cycle();
        const bool error = bench.read(STATUS) & ERROR;
        outcome.end = error ? "error" : "done";
        outcome.error_code = bench.read(ERROR_CODE);
        outcome.error_command = bench.read(ERROR_COMMAND);
        outcome.stream_error = bench.read(STREAM_ERROR);
        read_counters(outcome);
        check_interrupt(error);
        return outcome;
    }

    // Wait until the accelerator can be started.
    void settle() {
        for (unsigned i = 0; i < DRAIN_LIMIT / 10; ++i) {
            if (!(m_bench->read(STATUS) & BUSY_OR_DRAINING)) return;
            for (int wait = 1; wait < 10; ++wait) m_bench->cycle();
        }
        throw Failure("the accelerator must be free " + std::to_string(DRAIN_LIMIT)
                      + " cycles after its end");
    }

    void read_counters(Outcome& outcome) {
        for (const auto& counter : COUNTERS) outcome.counters.push_back(m_bench->read(counter.offset));
    }

    void check_interrupt(bool error) {
        const uint32_t status = m_bench->read(INTERRUPT_STATUS);
        if (status != (error ? 2 : 1))
            throw Failure("INTERRUPT_STATUS must be of one kind, not " + std::to_string(status));
        m_bench->write(INTERRUPT_STATUS, BOTH);
        m_bench->cycle();
        if (m_bench->interrupt()) throw Failure("the interrupt must fall when it is acknowledged");
    }

    static std::string to_json(const std::vector<uint32_t>& counters) {
        std::ostringstream text;
        for (size_t i = 0; i < counters.size(); ++i)
            text << (i ? ", \"" : "{\"") << COUNTERS[i].name << "\": " << counters[i];
        return text.str() + "}";
    }

    std::string to_json(const Outcome& outcome) const {
        std::ostringstream text;
        text << "{\"end\": \"" << outcome.end << "\", \"error_code\": " << outcome.error_code
             << ", \"error_command\": " << outcome.error_command
             << ", \"stream_error\": " << outcome.stream_error
             << ", \"interrupt\": " << outcome.interrupt << ", \"retired\": [";
        const char* comma = "";
        for (const uint64_t cycle : m_bench->retired) {
            text << comma << cycle - outcome.started;
            comma = ", ";
        }
        text << "], \"counters\": " << to_json(outcome.counters) << ", \"marks\": [";
        comma = "";
        for (const auto& counters : m_bench->marks) {
            text << comma << to_json(counters);
            comma = ", ";
        }
        text << "], \"strays\": [";
        comma = "";
        for (const std::string& stray : m_bench->memory.strays) {
            text << comma << '"' << stray << '"';
            comma = ", ";
        }
        return text.str() + "]}";
    }

    std::string m_folder;
    uint64_t m_bases[2] = {};
    std::unique_ptr<Bench<Vmodel>> m_bench;
    std::vector<Run> m_runs;
    Files m_files;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    try {
        Session(arguments[1]).carry_out();
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << "\n";
        return 1;
    }
    return 0;
}
