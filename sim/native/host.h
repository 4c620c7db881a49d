// The host: the accelerator's registers over AXI4-Lite, and an eye on what it raises.

#pragma once

#include "channel.h"
#include "memory.h"

#include <array>
#include <string>
#include <vector>

// What the accelerator must hold once it has offered it; see sim/accelerator/rules.py.
class StreamRule {
public:
    void watch(const char* channel, bool valid, bool ready, std::initializer_list<uint64_t> payload) {
        std::vector<uint64_t> now = payload;
        if (m_waiting && !valid) throw Failure(std::string(channel) + "valid fell before the transfer");
        if (m_waiting && now != m_before)
            throw Failure(std::string(channel) + "… changed before the transfer");
        m_waiting = valid && !ready;
        m_before = std::move(now);
    }

private:
    bool m_waiting = false;
    std::vector<uint64_t> m_before;
};

// A model with its clock, its memory and a host that reads and writes registers.
template <typename Model> class Bench {
public:
    Bench(bool check_rules) : slave(m_model, memory), m_check_rules(check_rules) {
        m_model.rst = 1;
        for (int i = 0; i < 4; ++i) clock();
        m_model.rst = 0;
        while (now < 5) cycle();
    }

    ~Bench() { m_model.final(); }

    // A rising edge, and what follows until the next one.
    void cycle() {
        slave.edge(now + 1);
        edge();
        clock();
        const bool answered = m_model.s_axi_bvalid, raised = interrupt();
        if (answered && !m_answered) written_at = now;
        if (raised && !m_raised) raised_at = now;
        m_answered = answered;
        m_raised = raised;
        if (m_model.retired) {
            retired.push_back(now);
            marks.push_back(counters_of(m_model));
        }
        if (m_check_rules) check_rules();
    }

    bool interrupt() const { return m_model.__SYM__interrupt; }

    // Write a register; the cycle that follows the one in which it was written.
    uint64_t write(unsigned offset, uint32_t value) {
        m_aw.queue.push_back(offset);
        m_w.queue.push_back(value);
        while (m_b.queue.empty()) cycle();
        if (m_b.queue.front() != OKAY) throw Failure("a write of a register was answered with an error");
        m_b.queue.pop_front();
        return written_at;
    }

    uint32_t read(unsigned offset) {
        m_ar.queue.push_back(offset);
        while (m_r.queue.empty()) cycle();
        const auto [value, resp] = m_r.queue.front();
        if (resp != OKAY) throw Failure("a read of a register was answered with an error");
        m_r.queue.pop_front();
        return value;
    }

    uint64_t now = uint64_t(-1);
    uint64_t raised_at = 0, written_at = 0;
    std::vector<uint64_t> retired;
    std::vector<std::vector<uint32_t>> marks;  // the counters at these times
    Memory memory;

private:
    Model m_model;  // before the slave, which refers to it

public:
    MemorySlave<Model> slave;

private:
    void edge() {
        if (m_b.takes(m_model.s_axi_bvalid)) m_b.queue.push_back(m_model.s_axi_bresp);
        if (m_r.takes(m_model.s_axi_rvalid))
            m_r.queue.push_back({m_model.s_axi_rdata, m_model.s_axi_rresp});
        m_aw.edge(m_model.s_axi_awready, false);
        m_w.edge(m_model.s_axi_wready, false);
        m_ar.edge(m_model.s_axi_arready, false);
        m_b.edge(m_model.s_axi_bvalid, m_never);
        m_r.edge(m_model.s_axi_rvalid, m_never);
    }

    // Inputs change behind the rising edge; then everything settles.
    void clock() {
        m_model.clk = 1;
        m_model.eval();
        ++now;
        slave.drive();
        m_model.s_axi_awvalid = m_aw.valid;
        m_model.s_axi_awaddr = m_aw.item;
        m_model.s_axi_wvalid = m_w.valid;
        m_model.s_axi_wdata = m_w.item;
        m_model.s_axi_wstrb = 0xf;
        m_model.s_axi_arvalid = m_ar.valid;
        m_model.s_axi_araddr = m_ar.item;
        m_model.s_axi_bready = m_b.ready;
        m_model.s_axi_rready = m_r.ready;
        m_model.clk = 0;
        m_model.eval();
    }

    void check_rules() {
        const Model& m = m_model;
        m_rules[0].watch("m_axi_ar", m.m_axi_arvalid, m.m_axi_arready, {m.m_axi_araddr, m.m_axi_arlen});
        m_rules[1].watch("m_axi_aw", m.m_axi_awvalid, m.m_axi_awready, {m.m_axi_awaddr, m.m_axi_awlen});
        uint64_t word[MemorySlave<Model>::WORD / 8 + 1] = {};
        std::memcpy(word, &m.m_axi_wdata, MemorySlave<Model>::WORD);
        uint64_t folded = 0;
        for (const uint64_t part : word) folded = folded * 0x9e3779b97f4a7c15u + part;
        m_rules[2].watch("m_axi_w", m.m_axi_wvalid, m.m_axi_wready, {folded, m.m_axi_wstrb, m.m_axi_wlast});
        m_rules[3].watch("s_axi_b", m.s_axi_bvalid, m.s_axi_bready, {m.s_axi_bresp});
        m_rules[4].watch("s_axi_r", m.s_axi_rvalid, m.s_axi_rready, {m.s_axi_rdata, m.s_axi_rresp});
    }

    const bool m_check_rules;
    bool m_answered = false, m_raised = false;
    Source<uint32_t> m_aw, m_w, m_ar;
    Sink<unsigned> m_b;
    Sink<std::pair<uint32_t, unsigned>> m_r;
    std::array<StreamRule, 5> m_rules;
    const Pauses m_never;
};
