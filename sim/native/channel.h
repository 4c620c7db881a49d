// Both ends of a bus channel, as cocotbext-axi has them: everything happens at rising edges.

#pragma once

#include "pattern.h"

#include <cstdint>
#include <deque>
#include <utility>

constexpr size_t WAITING = 2;  // what an end holds at most

// Takes what the accelerator offers. `ready` follows the pause one edge later, or two edges: a sink
// of cocotbext-axi that was awake when its pattern began sees each pause after the edge at which
// it changes, until it has slept, which it does while nothing happens.
template <typename Item> class Sink {
public:
    bool takes(bool valid) const { return valid && ready; }

    // After a transfer, if there was one, has been put into `queue`.
    void edge(bool valid, const Pauses& pauses) {
        const bool paused = queue.size() >= WAITING || m_paused;
        const bool seen = m_late ? pauses.before : pauses.now;
        ready = !paused;
        m_awake = (valid && !paused) || m_paused != seen;
        m_late = m_late && m_awake;
        m_paused = m_late ? seen : pauses.now;
    }

    // Another pattern begins.
    void behave(const Pauses& pauses) {
        m_late = m_awake;
        if (!m_awake) m_paused = pauses.now;
    }

    bool ready = false;
    std::deque<Item> queue;

private:
    bool m_paused = false, m_awake = false, m_late = false;
};

// Offers things to the accelerator, and holds each until it is taken.
template <typename Item> class Source {
public:
    bool full() const { return queue.size() >= WAITING; }

    void edge(bool ready, bool paused) {
        if (valid && !ready) return;
        valid = !queue.empty() && !paused;
        if (!valid) return;
        item = queue.front();
        queue.pop_front();
    }

    bool valid = false;
    Item item{};
    std::deque<Item> queue;
};

// Things that are due some cycles later.
template <typename Item> class Late {
public:
    void put(const Item& item, uint64_t due) { m_waiting.push_back({due, item}); }

    // Whether something is due at the edge behind this cycle.
    bool due(uint64_t now) const { return !m_waiting.empty() && m_waiting.front().first <= now + 1; }

    Item take() {
        const Item item = m_waiting.front().second;
        m_waiting.pop_front();
        return item;
    }

private:
    std::deque<std::pair<uint64_t, Item>> m_waiting;
};
