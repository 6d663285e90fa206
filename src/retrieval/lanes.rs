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
        if let Some(v2) = pulp::x86::V2::try_new() {
            return v2.vectorize(
                #[inline(always)]
                || kernel.run::<_, 6>(v2),
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
    use std::arch::x86_64::{__m128i, __m256i, __m512i};

    use pulp::cast;
    use pulp::x86::{V2, V3, V4};

    use super::Lanes;

    /// `Lanes` by the instructions of one kind of vector; `$bytes` is what its widening instruction reads.
    macro_rules! lanes {
        ($kind:ident, $vector:ty, $lanes:literal, $bytes:literal, $widen:ident.$cvtepu8:ident, $zeros:ident.$setzero:ident,
         $splat:ident.$set1:ident, $words:ident.[$sub:ident, $madd:ident], $sums:ident.$add:ident) => {
            impl Lanes for $kind {
                type Words = $vector;
                type Sums = $vector;

                const LANES: usize = $lanes;

                #[inline(always)]
                fn load(self, words: &[i16]) -> $vector {
                    let mut array = [0_i16; 2 * $lanes];
                    array.copy_from_slice(words);
                    cast(array)
                }

                #[inline(always)]
                fn widen(self, bytes: &[u8]) -> $vector {
                    let mut array = [0_u8; $bytes];
                    array[..2 * $lanes].copy_from_slice(bytes);
                    self.$widen.$cvtepu8(cast(array))
                }

                #[inline(always)]
                fn splat(self, pair: [i16; 2]) -> $vector {
                    self.$splat.$set1(cast(pair))
                }

                #[inline(always)]
                fn sub(self, a: $vector, b: $vector) -> $vector {
                    self.$words.$sub(a, b)
                }

                #[inline(always)]
                fn zero(self) -> $vector {
                    self.$zeros.$setzero()
                }

                #[inline(always)]
                fn multiply_add(self, sums: $vector, a: $vector, b: $vector) -> $vector {
                    self.$sums.$add(sums, self.$words.$madd(a, b))
                }

                #[inline(always)]
                fn store(self, sums: $vector, to: &mut [i32]) {
                    to.copy_from_slice(&cast::<_, [i32; $lanes]>(sums));
                }
            }
        };
    }

    lanes!(V4, __m512i, 16, 32, avx512bw._mm512_cvtepu8_epi16, avx512f._mm512_setzero_si512, avx512f._mm512_set1_epi32,
        avx512bw.[_mm512_sub_epi16, _mm512_madd_epi16], avx512f._mm512_add_epi32);
    lanes!(V3, __m256i, 8, 16, avx2._mm256_cvtepu8_epi16, avx._mm256_setzero_si256, avx._mm256_set1_epi32,
        avx2.[_mm256_sub_epi16, _mm256_madd_epi16], avx2._mm256_add_epi32);
    lanes!(V2, __m128i, 4, 16, sse4_1._mm_cvtepu8_epi16, sse2._mm_setzero_si128, sse2._mm_set1_epi32,
        sse2.[_mm_sub_epi16, _mm_madd_epi16], sse2._mm_add_epi32);
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
        outputs.extend(pulp::x86::V2::try_new().map(|v2| v2.vectorize(|| kernel.run::<_, 6>(v2))));
        outputs.extend(pulp::x86::V3::try_new().map(|v3| v3.vectorize(|| kernel.run::<_, 6>(v3))));
        outputs.extend(pulp::x86::V4::try_new().map(|v4| v4.vectorize(|| kernel.run::<_, 12>(v4))));
    }
    outputs
}
