//! Attention with both products in 16-bit integers: exact sums, twice as fast as floats where vectors are narrow.
//!
//! Queries are scaled by row, keys and values by head, and softmax weights by 2¹⁵, which no sum of them can exceed. The
//! scales are the largest for which no sum can leave 32 bits.

use super::super::pointwise::{range, softmax_terms};
use super::super::scratch::Floats;
use super::super::simd::{Dot, Isa, Simd, Task};
use super::super::{MAX_ROWS, PANEL, Sums, TINY, parallel_rows, share};
use super::{Inputs, PACKING, Shape};

/// Tokens up to which the rounding of their weights cannot make a sum leave 32 bits.
pub const MAX_TOKENS: usize = 32_768;

/// Largest 16-bit integer: a weight of 1, or the largest value of a head.
const FULL: f32 = 32_767.0;

/// Where the parts of one packed head lie, in floats.
#[derive(Clone, Copy)]
struct Layout {
    /// Pairs of features, rounded up so that vectors of 16 features fit.
    pairs: usize,
    /// Keys: panels of 16 tokens, `[⌈n / 16⌉, pairs, 16, 2]`.
    keys: usize,
    /// Values: panels of 16 features, `[⌈size / 16⌉, ⌈n / 2⌉, 16, 2]`.
    values: usize,
}

/// Floats in front of a packed head: the scales of its keys and values, and the rest of a cache line.
const SCALES: usize = 16;

impl Layout {
    fn of(shape: Shape) -> Self {
        let size = shape.size.next_multiple_of(PANEL);
        let keys = shape.n.next_multiple_of(PANEL) * size / 2;
        Self { pairs: size / 2, keys, values: shape.n.next_multiple_of(2) * size / 2 }
    }

    fn len(&self) -> usize {
        SCALES + self.keys + self.values
    }
}

/// Largest integer of queries and of keys: `size` products of two stay within 32 bits.
fn limit(size: usize) -> f32 {
    (f64::from(i32::MAX) / size as f64).sqrt().floor().min(f64::from(FULL)) as f32
}

/// What to multiply by so that `largest` becomes `limit`.
fn factor(largest: f32, limit: f32) -> f32 {
    if largest > TINY { limit / largest } else { 0.0 }
}

/// See [`super::attention`].
pub fn attention(isa: Isa, inputs: Inputs<'_>, out: &mut [f32]) {
    let Shape { b, n, heads, size } = inputs.shape;
    let layout = Layout::of(inputs.shape);
    let mut packed = Floats::take(b * heads * layout.len());
    parallel_rows(&mut packed, layout.len(), share(b * heads, PACKING * n * size, 1), |first, packed| {
        isa.run(Pack { inputs, layout, first, packed });
    });
    let (packed, d) = (&packed[..], inputs.shape.d());
    parallel_rows(out, d, share(b * n, 2 * n * d, MAX_ROWS), |row, out| {
        isa.run(Rows { inputs, layout, packed, row, out });
    });
}

/// Packs keys and values of heads from `first` on.
struct Pack<'a> {
    inputs: Inputs<'a>,
    layout: Layout,
    first: usize,
    packed: &'a mut [f32],
}

impl Task for Pack<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Shape { n, heads, size, .. } = self.inputs.shape;
        let d = self.inputs.shape.d();
        for (i, packed) in self.packed.chunks_exact_mut(self.layout.len()).enumerate() {
            let (sequence, head) = ((self.first + i) / heads, (self.first + i) % heads);
            let qkv = &self.inputs.qkv[sequence * n * 3 * d..][..n * 3 * d];
            let part = |part: usize| Part { qkv, offset: part * d + head * size, stride: 3 * d, size };
            let (scales, packed) = packed.split_at_mut(SCALES);
            let (keys, values) = packed.split_at_mut(self.layout.keys);
            scales[0] = pack_keys(s, part(1), keys);
            scales[1] = pack_values(s, part(2), values);
        }
    }
}

/// The keys or the values of one head: row i is `qkv[i · stride + offset..][..size]`.
#[derive(Clone, Copy)]
struct Part<'a> {
    qkv: &'a [f32],
    offset: usize,
    stride: usize,
    size: usize,
}

impl<'a> Part<'a> {
    #[inline(always)]
    fn rows(self) -> impl Iterator<Item = &'a [f32]> {
        self.qkv.chunks_exact(self.stride).map(move |row| &row[self.offset..self.offset + self.size])
    }

    #[inline(always)]
    fn largest<S: Simd>(self, s: S) -> f32 {
        let mut largest = s.splat(0.0);
        for row in self.rows() {
            for lanes in row.chunks(S::LANES) {
                largest = s.max(largest, s.abs(s.load_part(lanes, 0.0)));
            }
        }
        s.largest(largest)
    }
}

/// Sixteen numbers from `at` on, with zeros beyond the end, in `padded` if need be.
#[inline(always)]
fn sixteen<'a>(row: &'a [f32], at: usize, padded: &'a mut [f32; PANEL]) -> &'a [f32] {
    let rest = &row[at.min(row.len())..];
    if rest.len() >= PANEL {
        return &rest[..PANEL];
    }
    *padded = [0.0; PANEL];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// Writes panels of 16 tokens and returns their scale.
#[inline(always)]
fn pack_keys<S: Dot>(s: S, part: Part<'_>, keys: &mut [f32]) -> f32 {
    let (limit, size) = (limit(part.size), part.size.next_multiple_of(PANEL));
    let largest = part.largest(s);
    let factor = factor(largest, limit);
    let whole = keys.len() * 2 / size;
    for token in 0..whole {
        let row = part.rows().nth(token).unwrap_or(&[]);
        let start = token / PANEL * PANEL * size + token % PANEL * 2;
        for at in (0..size).step_by(PANEL) {
            let mut padded = [0.0; PANEL];
            let x = sixteen(row, at, &mut padded);
            assert!(start + (at / 2 + 7) * 2 * PANEL + 2 <= keys.len() * 2);
            // SAFETY: the last of the eight pairs is within the keys, as asserted; `x` has 16 numbers.
            unsafe {
                let to = keys.as_mut_ptr().cast::<i16>().add(start + at * PANEL);
                s.encode_pairs(to, 2 * PANEL, x.as_ptr(), factor);
            }
        }
    }
    largest / limit
}

/// Writes panels of 16 features and returns their scale.
#[inline(always)]
fn pack_values<S: Dot>(s: S, part: Part<'_>, values: &mut [f32]) -> f32 {
    let largest = part.largest(s);
    let factor = factor(largest, FULL);
    let pairs = values.len() / part.size.next_multiple_of(PANEL);
    let mut rows = part.rows();
    for pair in 0..pairs {
        let (a, b) = (rows.next().unwrap_or(&[]), rows.next().unwrap_or(&[]));
        for (panel, values) in values.chunks_exact_mut(pairs * PANEL).enumerate() {
            let mut padded = [[0.0; PANEL]; 2];
            let [pad_a, pad_b] = &mut padded;
            let (a, b) = (sixteen(a, panel * PANEL, pad_a), sixteen(b, panel * PANEL, pad_b));
            let to = &mut values[pair * PANEL..(pair + 1) * PANEL];
            // SAFETY: 16 floats are room for 32 integers, and both rows have 16 numbers.
            unsafe { s.interleave(to.as_mut_ptr().cast(), a.as_ptr(), b.as_ptr(), factor) };
        }
    }
    largest / FULL
}

/// Output rows from `row` on, over all sequences.
struct Rows<'a> {
    inputs: Inputs<'a>,
    layout: Layout,
    packed: &'a [f32],
    row: usize,
    out: &'a mut [f32],
}

impl Task for Rows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Shape { n, heads, .. } = self.inputs.shape;
        let d = self.inputs.shape.d();
        let width = n.next_multiple_of(PANEL);
        let mut work = Work {
            scores: Floats::take(S::ROWS * width),
            codes: Floats::take(S::ROWS * width.max(2 * self.layout.pairs) / 2),
            sums: [[0; PANEL]; MAX_ROWS],
        };
        let rows = self.out.len() / d;
        let mut done = 0;
        while done < rows {
            // query rows of one sequence only
            let row = self.row + done;
            let height = S::ROWS.min(rows - done).min(n - row % n);
            let out = &mut self.out[done * d..(done + height) * d];
            for head in 0..heads {
                let packed = &self.packed[(row / n * heads + head) * self.layout.len()..][..self.layout.len()];
                let block = Block { inputs: self.inputs, layout: self.layout, packed, row, height, head };
                let scales = block.scores(s, &mut work);
                block.weights(s, scales, &mut work);
                block.mix(s, &mut work, out);
            }
            done += height;
        }
    }
}

/// Working memory of a block.
struct Work {
    /// `[ROWS, ⌈n / 16⌉ · 16]`.
    scores: Floats,
    /// Interleaved 16-bit integers: queries first, weights later.
    codes: Floats,
    sums: Sums,
}

/// Up to `S::ROWS` query rows of one head.
struct Block<'a> {
    inputs: Inputs<'a>,
    layout: Layout,
    packed: &'a [f32],
    row: usize,
    height: usize,
    head: usize,
}

impl Block<'_> {
    /// Products of queries and keys as floats that are still to be scaled by the factors returned, one a row.
    #[inline(always)]
    fn scores<S: Dot>(&self, s: S, work: &mut Work) -> [f32; MAX_ROWS] {
        let Shape { n, size, .. } = self.inputs.shape;
        let (d, width, pairs) = (self.inputs.shape.d(), n.next_multiple_of(PANEL), self.layout.pairs);
        let keys = &self.packed[SCALES..SCALES + self.layout.keys];
        let mut scales = [0.0; MAX_ROWS];
        for (i, scale) in scales.iter_mut().enumerate().take(self.height) {
            let query = &self.inputs.qkv[(self.row + i) * 3 * d + self.head * size..][..size];
            let (low, high) = range(s, query);
            let largest = high.max(-low);
            self.encode(s, query, i, factor(largest, limit(size)), &mut work.codes);
            *scale = largest / limit(size) * self.packed[0] / (size as f32).sqrt();
        }
        assert!(work.scores.len() >= self.height * width);
        for (panel, keys) in keys.chunks_exact(pairs * PANEL).enumerate() {
            // SAFETY: `encode` wrote `pairs` pairs of every row, and the panel has as many; sums have MAX_ROWS rows.
            unsafe {
                let (codes, keys) = (work.codes.as_ptr().cast(), keys.as_ptr().cast());
                for_rows!(self.height, s.tile_pairs(codes, keys, pairs, work.sums.as_mut_ptr().cast()));
            }
            for (sums, scores) in work.sums.iter().zip(work.scores.chunks_exact_mut(width)).take(self.height) {
                let scores = &mut scores[panel * PANEL..][..PANEL];
                for (sums, scores) in sums.chunks_exact(S::LANES).zip(scores.chunks_exact_mut(S::LANES)) {
                    // SAFETY: the chunk has LANES integers.
                    s.store(scores, unsafe { s.convert(sums.as_ptr()) });
                }
            }
        }
        scales
    }

    /// Softmax weights as integers, from scores that are still to be scaled.
    #[inline(always)]
    fn weights<S: Dot>(&self, s: S, scales: [f32; MAX_ROWS], work: &mut Work) {
        let n = self.inputs.shape.n;
        let penalties = self.inputs.penalties(self.row);
        for (i, scale) in scales.into_iter().enumerate().take(self.height) {
            let row = &mut work.scores[i * n.next_multiple_of(PANEL)..][..n.next_multiple_of(PANEL)];
            let (seen, unseen) = row.split_at_mut(self.inputs.seen(self.row + i));
            let total = softmax_terms(s, seen, scale, penalties);
            unseen.fill(0.0);
            self.encode(s, row, i, FULL / total, &mut work.codes);
        }
    }

    /// Weights · values → this head's columns of out `[height, d]`.
    #[inline(always)]
    fn mix<S: Dot>(&self, s: S, work: &mut Work, out: &mut [f32]) {
        let Shape { n, size, .. } = self.inputs.shape;
        let (d, pairs) = (self.inputs.shape.d(), n.div_ceil(2));
        let values = &self.packed[SCALES + self.layout.keys..];
        let scale = s.splat(self.packed[1] / FULL);
        for (panel, values) in values.chunks_exact(pairs * PANEL).enumerate() {
            // SAFETY: `weights` wrote at least `pairs` pairs of every row, and the panel has as many.
            unsafe {
                let (codes, values) = (work.codes.as_ptr().cast(), values.as_ptr().cast());
                for_rows!(self.height, s.tile_pairs(codes, values, pairs, work.sums.as_mut_ptr().cast()));
            }
            let first = self.head * size + panel * PANEL;
            let cols = PANEL.min(size - panel * PANEL);
            for (sums, out) in work.sums.iter().zip(out.chunks_exact_mut(d)) {
                let lanes = sums.chunks_exact(S::LANES).zip(out[first..first + cols].chunks_mut(S::LANES));
                for (sums, out) in lanes {
                    // SAFETY: the chunk has LANES integers.
                    let y = s.mul(unsafe { s.convert(sums.as_ptr()) }, scale);
                    s.store_part(out, y);
                }
            }
        }
    }

    /// Writes row `index` of `height` interleaved rows.
    #[inline(always)]
    fn encode<S: Dot>(&self, s: S, x: &[f32], index: usize, factor: f32, codes: &mut [f32]) {
        assert!(codes.len() >= x.len().next_multiple_of(PANEL) / 2 * self.height && index < self.height);
        for at in (0..x.len()).step_by(PANEL) {
            let mut padded = [0.0; PANEL];
            let x = sixteen(x, at, &mut padded);
            // SAFETY: there is room for all pairs of all rows, as asserted; `x` has 16 numbers.
            unsafe {
                let to = codes.as_mut_ptr().cast::<i16>().add(at * self.height + 2 * index);
                s.encode_pairs(to, 2 * self.height, x.as_ptr(), factor);
            }
        }
    }
}
