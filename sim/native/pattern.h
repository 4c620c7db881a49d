// When a channel may move: the patterns of sim/streams.py, from the same random numbers.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

// Python's random.Random: the Mersenne twister MT19937, seeded with an integer.
class PythonRandom {
public:
    explicit PythonRandom(uint64_t seed) {
        const uint32_t key[2] = {uint32_t(seed), uint32_t(seed >> 32)};
        const int length = key[1] ? 2 : 1;
        m_state[0] = 19650218;
        for (int i = 1; i < SIZE; ++i) m_state[i] = 1812433253u * mixed(i - 1) + i;
        int i = 1;
        for (int k = 0, j = 0; k < SIZE; ++k, j = (j + 1) % length) {
            m_state[i] = (m_state[i] ^ (mixed(i - 1) * 1664525u)) + key[j] + j;
            i = following(i);
        }
        for (int k = 0; k < SIZE - 1; ++k) {
            m_state[i] = (m_state[i] ^ (mixed(i - 1) * 1566083941u)) - i;
            i = following(i);
        }
        m_state[0] = 0x80000000u;
    }

    // random.random()
    double unit() {
        const uint32_t high = word() >> 5, low = word() >> 6;
        return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
    }

    // random.randint(1, 20)
    int to_twenty() {
        uint32_t drawn;
        do drawn = word() >> 27; while (drawn >= 20);
        return int(drawn) + 1;
    }

private:
    static constexpr int SIZE = 624, MIDDLE = 397;

    uint32_t mixed(int i) const { return m_state[i] ^ (m_state[i] >> 30); }

    int following(int i) {
        if (++i < SIZE) return i;
        m_state[0] = m_state[SIZE - 1];
        return 1;
    }

    uint32_t word() {
        if (m_next == SIZE) {
            for (int i = 0; i < SIZE; ++i) {
                const uint32_t y = (m_state[i] & 0x80000000u) | (m_state[(i + 1) % SIZE] & 0x7fffffffu);
                m_state[i] = m_state[(i + MIDDLE) % SIZE] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0u);
            }
            m_next = 0;
        }
        uint32_t y = m_state[m_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        return y ^ (y >> 18);
    }

    uint32_t m_state[SIZE];
    int m_next = SIZE;
};

// Whether a channel pauses, cycle by cycle: its pattern, and the words per cycle that it may carry.
class Pauses {
public:
    Pauses() : m_random(0) {}

    Pauses(const std::string& pattern, uint64_t seed, double bandwidth)
        : m_idle(pattern == "always" && bandwidth == 1.0), m_bursts(pattern == "bursts"),
          m_alternate(pattern == "alternate"), m_share(share(pattern)), m_bandwidth(bandwidth),
          m_random(seed) {
        step();
        before = now;
    }

    void step() {
        before = now;
        if (m_idle) return;
        const bool may_move = moves();
        m_credit = std::min(m_credit + m_bandwidth, 1.0);
        now = !(may_move && m_credit >= 1.0 - 1e-9);
        if (!now) m_credit -= 1.0;
    }

    bool now = false;     // since the last edge
    bool before = false;  // since the edge before it

private:
    static double share(const std::string& pattern) {
        return pattern == "often" ? 0.75 : pattern == "seldom" ? 0.25 : 1.0;
    }

    bool moves() {
        if (m_alternate) return m_flag = !m_flag;
        if (m_bursts) {
            if (m_left == 0) {
                m_flag = !m_flag;
                m_left = m_random.to_twenty();
            }
            --m_left;
            return m_flag;
        }
        return m_share == 1.0 || m_random.unit() < m_share;
    }

    bool m_idle = true, m_bursts = false, m_alternate = false, m_flag = false;
    double m_share = 1.0, m_bandwidth = 1.0, m_credit = 0.0;
    int m_left = 0;
    PythonRandom m_random;
};
