//! 16-bit multiply-add on whatever vectors the processor has, chosen at run time.
//!
//! Invariant: every implementation computes the same integers.

/// Operations on a vector of `2 · LANES` 16-bit integers, or of `LANES` 32-bit sums.
pub(super) trait Lanes: Copy {
    type Words: Copy;
    type Sums: Copy;

    /// 32-bit sums per vector.
    const LANES: usize;

    /// `2 · LANES` words.
    fn load(self, words: &[i16]) -> Self::Words;

    /// `2 · LANES` bytes, widened.
    fn widen(self, bytes: &[u8]) -> Self::Words;

    /// The same pair of words in every lane.
    fn splat(self, pair: [i16; 2]) -> Self::Words;

    fn sub(self, a: Self::Words, b: Self::Words) -> Self::Words;

    fn zero(self) -> Self::Sums;

    /// Adds both products of each lane's pairs to its sum.
    fn multiply_add(self, sums: Self::Sums, a: Self::Words, b: Self::Words) -> Self::Sums;

    /// Writes `LANES` sums.
    fn store(self, sums: Self::Sums, to: &mut [i32]);
}

/// Work that is compiled once for each kind of vector. `run` must be `#[inline(always)]`, and so must what it calls.
pub(super) trait Kernel {
    type Output;

    /// `Q` is how many rows of two accumulators fit the registers.
    fn run<L: Lanes, const Q: usize>(self, lanes: L) -> Self::Output;
}

/// Runs `kernel` on the best vectors of this processor.
#[inline]
pub(super) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(v4) = pulp::x86::V4::try_new() {
            return v4.vectorize(
                #[inline(always)]
                || kernel.run::<_, 12>(v4),
            );
        }
        if let Some(v3) = pulp::x86::V3::try_new() {
            return v3.vectorize(
                #[inline(always)]
                || kernel.run::<_, 6>(v3),
            );
        }
    }
    kernel.run::<_, 4>(Portable)
}

/// Arrays that the compiler turns into the vectors every processor of the architecture has. Products of a pair are added
/// only in the end: added at once they would have to cross lanes.
#[derive(Clone, Copy)]
struct Portable;

const PORTABLE_LANES: usize = 4;

impl Lanes for Portable {
    type Words = [i16; 2 * PORTABLE_LANES];
    type Sums = [i32; 2 * PORTABLE_LANES];

    const LANES: usize = PORTABLE_LANES;

    #[inline(always)]
    fn load(self, words: &[i16]) -> Self::Words {
        let mut out = [0; 2 * PORTABLE_LANES];
        out.copy_from_slice(words);
        out
    }

    #[inline(always)]
    fn widen(self, bytes: &[u8]) -> Self::Words {
        let mut out = [0; 2 * PORTABLE_LANES];
        for (word, &byte) in out.iter_mut().zip(bytes) {
            *word = i16::from(byte);
        }
        out
    }

    #[inline(always)]
    fn splat(self, [first, second]: [i16; 2]) -> Self::Words {
        [first, second, first, second, first, second, first, second]
    }

    #[inline(always)]
    fn sub(self, mut a: Self::Words, b: Self::Words) -> Self::Words {
        for (a, b) in a.iter_mut().zip(b) {
            *a -= b;
        }
        a
    }

    #[inline(always)]
    fn zero(self) -> Self::Sums {
        [0; 2 * PORTABLE_LANES]
    }

    #[inline(always)]
    fn multiply_add(self, mut sums: Self::Sums, a: Self::Words, b: Self::Words) -> Self::Sums {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum = sum.wrapping_add(i32::from(a) * i32::from(b));
        }
        sums
    }

    #[inline(always)]
    fn store(self, sums: Self::Sums, to: &mut [i32]) {
        for (to, pair) in to.iter_mut().zip(sums.as_chunks::<2>().0) {
            *to = pair[0].wrapping_add(pair[1]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256i, __m512i};

    use pulp::cast;
    use pulp::x86::{V3, V4};

    use super::Lanes;

    impl Lanes for V4 {
        type Words = __m512i;
        type Sums = __m512i;

        const LANES: usize = 16;

        #[inline(always)]
        fn load(self, words: &[i16]) -> __m512i {
            let mut array = [0_i16; 32];
            array.copy_from_slice(words);
            cast(array)
        }

        #[inline(always)]
        fn widen(self, bytes: &[u8]) -> __m512i {
            let mut array = [0_u8; 32];
            array.copy_from_slice(bytes);
            self.avx512bw._mm512_cvtepu8_epi16(cast(array))
        }

        #[inline(always)]
        fn splat(self, pair: [i16; 2]) -> __m512i {
            self.avx512f._mm512_set1_epi32(cast(pair))
        }

        #[inline(always)]
        fn sub(self, a: __m512i, b: __m512i) -> __m512i {
            self.avx512bw._mm512_sub_epi16(a, b)
        }

        #[inline(always)]
        fn zero(self) -> __m512i {
            self.avx512f._mm512_setzero_si512()
        }

        #[inline(always)]
        fn multiply_add(self, sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
            self.avx512f
                ._mm512_add_epi32(sums, self.avx512bw._mm512_madd_epi16(a, b))
        }

        #[inline(always)]
        fn store(self, sums: __m512i, to: &mut [i32]) {
            to.copy_from_slice(&cast::<_, [i32; 16]>(sums));
        }
    }

    impl Lanes for V3 {
        type Words = __m256i;
        type Sums = __m256i;

        const LANES: usize = 8;

        #[inline(always)]
        fn load(self, words: &[i16]) -> __m256i {
            let mut array = [0_i16; 16];
            array.copy_from_slice(words);
            cast(array)
        }

        #[inline(always)]
        fn widen(self, bytes: &[u8]) -> __m256i {
            let mut array = [0_u8; 16];
            array.copy_from_slice(bytes);
            self.avx2._mm256_cvtepu8_epi16(cast(array))
        }

        #[inline(always)]
        fn splat(self, pair: [i16; 2]) -> __m256i {
            self.avx._mm256_set1_epi32(cast(pair))
        }

        #[inline(always)]
        fn sub(self, a: __m256i, b: __m256i) -> __m256i {
            self.avx2._mm256_sub_epi16(a, b)
        }

        #[inline(always)]
        fn zero(self) -> __m256i {
            self.avx._mm256_setzero_si256()
        }

        #[inline(always)]
        fn multiply_add(self, sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
            self.avx2
                ._mm256_add_epi32(sums, self.avx2._mm256_madd_epi16(a, b))
        }

        #[inline(always)]
        fn store(self, sums: __m256i, to: &mut [i32]) {
            to.copy_from_slice(&cast::<_, [i32; 8]>(sums));
        }
    }
}

/// What `kernel` gives on each kind of vector that this processor has.
#[cfg(test)]
pub(super) fn on_every_kind<K: Kernel + Copy>(kernel: K) -> Vec<K::Output> {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_mut, reason = "one kind only")
    )]
    let mut outputs = vec![kernel.run::<_, 4>(Portable)];
    #[cfg(target_arch = "x86_64")]
    {
        outputs.extend(pulp::x86::V3::try_new().map(|v3| v3.vectorize(|| kernel.run::<_, 6>(v3))));
        outputs.extend(pulp::x86::V4::try_new().map(|v4| v4.vectorize(|| kernel.run::<_, 12>(v4))));
    }
    outputs
}
