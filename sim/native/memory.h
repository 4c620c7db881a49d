// Memory behind the accelerator's master; sim/accelerator/memory.py has the same, cycle by cycle.

#pragma once

#include "channel.h"
#include "pattern.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

// What the bench finds broken.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Traffic {
    uint64_t latency = 1;
    double bandwidth = 1.0;
    std::string stalls = "always";
    uint64_t seeds[5] = {};  // of the channels ar, r, aw, w, b
};

// A window of memory; accesses outside all windows are strays.
struct Window {
    uint64_t base = 0;
    bool writable = false;
    std::vector<uint8_t> content;

    uint8_t* place(uint64_t address, uint64_t length) {
        if (address < base || address + length > base + content.size()) return nullptr;
        return content.data() + (address - base);
    }
};

class Memory {
public:
    bool read(uint64_t address, uint8_t* bytes, size_t length) {
        for (Window* window : {&program, &data})
            if (const uint8_t* found = window->place(address, length)) {
                std::memcpy(bytes, found, length);
                return true;
            }
        return stray("read", address, length);
    }

    bool write(uint64_t address, const uint8_t* bytes, size_t length) {
        if (uint8_t* found = data.place(address, length)) {
            std::memcpy(found, bytes, length);
            return true;
        }
        return stray("write", address, length);
    }

    Window program, data;
    std::vector<std::string> strays;

private:
    bool stray(const char* kind, uint64_t address, size_t length) {
        char text[80];
        std::snprintf(text, sizeof text, "%s of %zu bytes at 0x%" PRIx64, kind, length, address);
        strays.push_back(text);
        return false;
    }
};

constexpr unsigned OKAY = 0, SLVERR = 2;

// An AXI slave in front of a memory, for a model with Verilator's ports.
template <typename Model> class MemorySlave {
public:
    static constexpr size_t WORD = sizeof(std::declval<Model>().m_axi_rdata);

    MemorySlave(Model& model, Memory& memory) : m_model(model), m_memory(memory) {}

    void behave(const Traffic& traffic) {
        m_latency = traffic.latency;
        for (int channel = 0; channel < 5; ++channel) {
            const bool data = channel == R || channel == W;
            m_pauses[channel] = Pauses(traffic.stalls, traffic.seeds[channel],
                                       data ? traffic.bandwidth : 1.0);
        }
        m_ar.behave(m_pauses[AR]);
        m_aw.behave(m_pauses[AW]);
        m_w.behave(m_pauses[W]);
    }

    // What the ports show before edge `now`, and what is to be on them after it.
    void edge(uint64_t now) {
        for (Pauses& pauses : m_pauses) pauses.step();
        m_r.edge(m_model.m_axi_rready, m_pauses[R].now);
        m_b.edge(m_model.m_axi_bready, m_pauses[B].now);
        if (m_ar.takes(m_model.m_axi_arvalid)) take_read(now);
        if (m_aw.takes(m_model.m_axi_awvalid))
            m_aw.queue.push_back(burst(m_model.m_axi_awaddr, m_model.m_axi_awlen,
                                       m_model.m_axi_awsize, m_model.m_axi_awid));
        if (m_w.takes(m_model.m_axi_wvalid)) take_word();
        m_ar.edge(m_model.m_axi_arvalid, m_pauses[AR]);
        m_aw.edge(m_model.m_axi_awvalid, m_pauses[AW]);
        m_w.edge(m_model.m_axi_wvalid, m_pauses[W]);
        answer_reads(now);
        carry_out_writes(now);
    }

    // Put the inputs on the ports.
    void drive() {
        m_model.m_axi_arready = m_ar.ready;
        m_model.m_axi_awready = m_aw.ready;
        m_model.m_axi_wready = m_w.ready;
        m_model.m_axi_rvalid = m_r.valid;
        if (m_r.valid) {
            std::memcpy(&m_model.m_axi_rdata, m_r.item.data, WORD);
            m_model.m_axi_rid = m_r.item.id;
            m_model.m_axi_rresp = m_r.item.resp;
            m_model.m_axi_rlast = m_r.item.last;
        }
        m_model.m_axi_bvalid = m_b.valid;
        if (m_b.valid) {
            m_model.m_axi_bid = m_b.item.id;
            m_model.m_axi_bresp = m_b.item.resp;
        }
    }

private:
    enum { AR, R, AW, W, B };

    struct Burst {
        uint64_t address = 0;
        unsigned left = 0, id = 0, resp = OKAY;
    };

    struct Word {
        uint8_t data[WORD];
        uint64_t strobes;
        unsigned id, resp;
        bool last;
    };

    static Burst burst(uint64_t address, unsigned length, unsigned size, unsigned id) {
        if ((size_t(1) << size) != WORD) throw Failure("a burst must be of whole words");
        address -= address % WORD;
        if (address % 4096 + (length + 1) * WORD > 4096)
            throw Failure("a burst must not cross a boundary of 4096 bytes");
        return {address, length + 1, id, OKAY};
    }

    void take_read(uint64_t now) {
        m_reads.put(burst(m_model.m_axi_araddr, m_model.m_axi_arlen, m_model.m_axi_arsize,
                          m_model.m_axi_arid), now + m_latency);
    }

    void take_word() {
        Word word{};
        std::memcpy(word.data, &m_model.m_axi_wdata, WORD);
        word.strobes = m_model.m_axi_wstrb;
        word.last = m_model.m_axi_wlast;
        m_w.queue.push_back(word);
    }

    void answer_reads(uint64_t now) {
        while (!m_r.full()) {
            if (m_read.left == 0) {
                if (!m_reads.due(now)) return;
                m_read = m_reads.take();
            }
            Word word{};
            word.resp = m_memory.read(m_read.address, word.data, WORD) ? OKAY : SLVERR;
            word.id = m_read.id;
            word.last = --m_read.left == 0;
            m_read.address += WORD;
            m_r.queue.push_back(word);
        }
    }

    void carry_out_writes(uint64_t now) {
        while (true) {
            if (m_write.left == 0) {
                if (m_aw.queue.empty()) break;
                m_write = m_aw.queue.front();
                m_aw.queue.pop_front();
            }
            if (m_w.queue.empty()) break;
            write(m_w.queue.front());
            m_w.queue.pop_front();
            if (m_write.left == 0) m_answers.put(m_write, now + m_latency);
        }
        while (!m_b.full() && m_answers.due(now)) m_b.queue.push_back(m_answers.take());
    }

    // Each run of strobes is an access; the first that fails is the word's last.
    void write(const Word& word) {
        for (size_t begin = 0, end; begin < WORD; begin = end) {
            end = begin + 1;
            if (!(word.strobes >> begin & 1)) continue;
            while (end < WORD && (word.strobes >> end & 1)) ++end;
            if (m_memory.write(m_write.address + begin, word.data + begin, end - begin)) continue;
            m_write.resp = SLVERR;
            break;
        }
        m_write.address += WORD;
        if (word.last != (--m_write.left == 0)) throw Failure("wlast must mark a burst's last word");
    }

    Model& m_model;
    Memory& m_memory;
    uint64_t m_latency = 1;
    Pauses m_pauses[5];
    Sink<Burst> m_ar, m_aw;
    Sink<Word> m_w;
    Source<Word> m_r;
    Source<Burst> m_b;
    Late<Burst> m_reads, m_answers;
    Burst m_read, m_write;
};
