// Integers side by side: lanes.py puts them in the place of a Verilated function's integers.

#pragma once

#include <cstdint>
#include <type_traits>

template <typename Integer, int LANES> struct Lanes {
    typedef Integer Vector __attribute__((vector_size(sizeof(Integer) * LANES)));
    Vector vector;
};

template <int LANES> using Words = Lanes<uint32_t, LANES>;
template <int LANES> using Longs = Lanes<uint64_t, LANES>;

template <typename T> struct Shape {
    static constexpr int lanes = 0;
    static constexpr bool is_long = sizeof(T) == 8;
};
template <typename Integer, int LANES> struct Shape<Lanes<Integer, LANES>> {
    static constexpr int lanes = LANES;
    static constexpr bool is_long = sizeof(Integer) == 8;
};

// A vector of these integers, from another vector or from one integer for all lanes.
template <typename Result, typename T> inline Result spread(T x) {
    if constexpr (std::is_same_v<T, Result>) return x;
    else if constexpr (Shape<T>::lanes == 0) {
        using Integer = std::conditional_t<Shape<Result>::is_long, uint64_t, uint32_t>;
        return {typename Result::Vector{} + Integer(x)};
    } else return {__builtin_convertvector(x.vector, typename Result::Vector)};
}

// What C++ makes of two operands: the longer of both.
template <typename A, typename B>
using Common = Lanes<std::conditional_t<Shape<A>::is_long || Shape<B>::is_long, uint64_t, uint32_t>,
                     Shape<A>::lanes ? Shape<A>::lanes : Shape<B>::lanes>;
template <typename A, typename B>
using IfLanes = std::enable_if_t<(Shape<A>::lanes || Shape<B>::lanes), Common<A, B>>;

#define LANES_OPERATOR(op)                                                              \
    template <typename A, typename B> inline IfLanes<A, B> operator op(A a, B b) {      \
        using Result = Common<A, B>;                                                    \
        return {spread<Result>(a).vector op spread<Result>(b).vector};                  \
    }
LANES_OPERATOR(&)
LANES_OPERATOR(|)
LANES_OPERATOR(^)
LANES_OPERATOR(+)
LANES_OPERATOR(-)
#undef LANES_OPERATOR

#define LANES_COMPARISON(op)  /* all ones if true */                                    \
    template <typename A, typename B> inline IfLanes<A, B> operator op(A a, B b) {      \
        using Result = Common<A, B>;                                                    \
        using Vector = typename Result::Vector;                                         \
        return {Vector(spread<Result>(a).vector op spread<Result>(b).vector) & 1};      \
    }
LANES_COMPARISON(==)
LANES_COMPARISON(!=)
#undef LANES_COMPARISON

template <typename Integer, int LANES>
inline Lanes<Integer, LANES> operator~(Lanes<Integer, LANES> x) { return {~x.vector}; }
template <typename Integer, int LANES>
inline Lanes<Integer, LANES> operator-(Lanes<Integer, LANES> x) { return {-x.vector}; }
template <typename Integer, int LANES>
inline Lanes<Integer, LANES> operator<<(Lanes<Integer, LANES> x, unsigned n) { return {x.vector << n}; }
template <typename Integer, int LANES>
inline Lanes<Integer, LANES> operator>>(Lanes<Integer, LANES> x, unsigned n) { return {x.vector >> n}; }

// Verilator's parities; bits beyond those of their names are 0.
template <typename Integer, int LANES> inline Lanes<Integer, LANES> parity(Lanes<Integer, LANES> x) {
    for (int bits = sizeof(Integer) * 4; bits; bits /= 2) x.vector ^= x.vector >> bits;
    return {x.vector & 1};
}
#define LANES_PARITY(bits)                                                              \
    template <typename Integer, int LANES>                                              \
    inline Lanes<Integer, LANES> VL_REDXOR_##bits(Lanes<Integer, LANES> x) { return parity(x); }
LANES_PARITY(2)
LANES_PARITY(4)
LANES_PARITY(8)
LANES_PARITY(16)
LANES_PARITY(32)
LANES_PARITY(64)
#undef LANES_PARITY

// The casts (IData) and (QData).
template <typename T> inline auto to_words(T x) {
    if constexpr (Shape<T>::lanes) return spread<Words<Shape<T>::lanes>>(x);
    else return uint32_t(x);
}
template <typename T> inline auto to_longs(T x) {
    if constexpr (Shape<T>::lanes) return spread<Longs<Shape<T>::lanes>>(x);
    else return uint64_t(x);
}

// Lanes in which a condition holds: all ones, as signed integers that become longer by their sign.
template <int LANES> struct Mask {
    typedef int32_t Vector __attribute__((vector_size(sizeof(int32_t) * LANES)));
    Vector vector;
};
template <int LANES> inline Mask<LANES> truth(Words<LANES> x) { return {x.vector != 0}; }
template <int LANES> inline Mask<LANES> operator~(Mask<LANES> x) { return {~x.vector}; }
template <int LANES> inline Mask<LANES> both(Mask<LANES> x) { return x; }
template <int LANES, typename... More>
inline Mask<LANES> both(Mask<LANES> x, More... more) { return {x.vector & both(more...).vector}; }

template <typename Result, typename T> inline void assign(Result& y, T x) { y = spread<Result>(x); }

// In some lanes alone.
template <typename Result, typename T, int LANES, typename... More>
inline void assign(Result& y, T x, Mask<LANES> mask, More... more) {
    const auto lanes = __builtin_convertvector(both(mask, more...).vector, typename Result::Vector);
    y.vector = (spread<Result>(x).vector & lanes) | (y.vector & ~lanes);
}
