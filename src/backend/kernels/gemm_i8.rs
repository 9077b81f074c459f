//! int8 weights × activations quantised on the fly → exact integer sums → floats, bias and activation in one pass.
//!
//! Weights are packed once, in one layout for every instruction set: panels of 16 output columns, in steps of four
//! input features, `[⌈out / 16⌉, ⌈in / 4⌉, 16, 4]`. Such a step is one cache line. A 16-bit multiply-add reads it as
//! four quads of a vector of pairs, a byte dot product as 16 quads.
//!
//! Activations get a scale and a zero point a row: x ≈ scale · (u − zero), u in 0 … 255 and 0 exact. Sums are integers
//! and equal to the last bit whatever the instruction set, so only the float steps after them can differ.

use super::pointwise::{Act, activate, range};
use super::scratch::Floats;
use super::simd::{Dot, Isa, Task};
use super::{PANEL, parallel_rows, rows_worth};

/// Multiply-adds below which a block of rows is not worth a thread.
const THREAD_WORK: usize = 4_000_000;

/// Input features up to which no sum of 127 · 255 can leave 32 bits.
pub const MAX_COLS: usize = 65_536;

/// One step of a panel: 16 columns × 4 features.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Step([i8; 4 * PANEL]);

/// An int8 weight matrix `[out, in]` with one scale a row, packed.
#[derive(Clone, Debug)]
pub struct PackedI8 {
    rows: usize,
    cols: usize,
    steps: Vec<Step>,
    /// `[⌈out / 16⌉ · 16]`, padded with zeros.
    scales: Vec<f32>,
    /// Sum of each row's integers, padded likewise.
    sums: Vec<i32>,
}

impl PackedI8 {
    /// Packs `w` `[rows, cols]` row-major with its scales `[rows]`; `cols` is at most [`MAX_COLS`].
    pub fn pack(w: &[i8], scales: &[f32], rows: usize, cols: usize) -> Self {
        assert!(w.len() == rows * cols && scales.len() == rows && cols <= MAX_COLS);
        let (padded, quads) = (rows.next_multiple_of(PANEL), cols.div_ceil(4));
        let mut steps = vec![Step([0; 4 * PANEL]); padded / PANEL * quads];
        let mut sums = vec![0; padded];
        for (row, w) in w.chunks_exact(cols.max(1)).enumerate() {
            let panel = &mut steps[row / PANEL * quads..][..quads];
            let at = row % PANEL * 4;
            for (step, quad) in panel.iter_mut().zip(w.chunks(4)) {
                step.0[at..at + quad.len()].copy_from_slice(quad);
            }
            sums[row] = w.iter().map(|&v| i32::from(v)).sum();
        }
        let mut scales = scales.to_vec();
        scales.resize(padded, 0.0);
        Self { rows, cols, steps, scales, sums }
    }

    /// Output features.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input features.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Dequantises one row into `out` `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let quads = self.cols.div_ceil(4);
        let at = row % PANEL * 4;
        let panel = &self.steps[row / PANEL * quads..][..quads];
        for (out, step) in out[..self.cols].chunks_mut(4).zip(panel) {
            for (out, v) in out.iter_mut().zip(&step.0[at..at + 4]) {
                *out = f32::from(*v) * self.scales[row];
            }
        }
    }
}

/// How one row of activations was quantised.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    scale: f32,
    inverse: f32,
    zero: i32,
}

/// Steps between the smallest and the largest number of a row. One less than fits, since both ends are rounded.
const STEPS: f32 = 254.0;

/// A range below this is taken for zero, so that its inverse stays finite.
const TINY: f32 = 1e-35;

impl Row {
    fn of((low, high): (f32, f32)) -> Self {
        let width = high - low;
        let inverse = if width > TINY { STEPS / width } else { 0.0 };
        // the conversion saturates, so that a row that holds no numbers cannot give a wild zero point
        let zero = (-low * inverse).round_ties_even() as i32;
        Self { scale: width / STEPS, inverse, zero: zero.clamp(0, 255) }
    }
}

struct Linear<'a> {
    x: &'a [f32],
    w: &'a PackedI8,
    bias: Option<&'a [f32]>,
    act: Act,
    out: &'a mut [f32],
}

/// Rows that are quantised together: their codes stay in the second-level cache while every panel passes by.
const BLOCK: usize = 96;

impl Task for Linear<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let (n, k) = (self.w.rows, self.w.cols);
        let block = BLOCK.next_multiple_of(S::ROWS);
        let stride = k.next_multiple_of(PANEL);
        let rows = self.out.len() / n;
        let mut codes = Floats::take((block.min(rows) * stride * size_of::<S::Code>()).div_ceil(4));
        let mut quantised = [Row::default(); BLOCK + MAX_ROWS];
        let mut sums = [[0; PANEL]; MAX_ROWS];
        for first in (0..rows).step_by(block) {
            let height = block.min(rows - first);
            let x = &self.x[first * k..(first + height) * k];
            let codes: *mut S::Code = codes.as_mut_ptr().cast();
            for (row, x) in x.chunks_exact(k).enumerate() {
                // SAFETY: the buffer holds `height` rows of `stride` codes.
                quantised[row] = unsafe { encode_row(s, x, codes.add(row * stride)) };
            }
            let out = &mut self.out[first * n..(first + height) * n];
            for panel in 0..n.div_ceil(PANEL) {
                let strip = Strip { w: self.w, bias: self.bias, act: self.act, panel, stride };
                for row in (0..height).step_by(S::ROWS) {
                    let rows = S::ROWS.min(height - row);
                    // SAFETY: `rows` rows of codes follow `row`.
                    unsafe {
                        let codes = codes.add(row * stride);
                        strip.tile(s, codes, &quantised[row..row + rows], &mut sums, &mut out[row * n..]);
                    }
                }
            }
        }
    }
}

/// Quantises one row; codes beyond its end meet weights of zero, so they may be anything.
///
/// # Safety
/// `codes` is valid for writing `x.len()` codes, rounded up to a multiple of 16.
#[inline(always)]
unsafe fn encode_row<S: Dot>(s: S, x: &[f32], codes: *mut S::Code) -> Row {
    let row = Row::of(range(s, x));
    let inverse = s.splat(row.inverse);
    for (i, lanes) in x.chunks(S::LANES).enumerate() {
        // SAFETY: LANES divides 16, so the last vector ends within the padding.
        unsafe { s.encode(codes.add(i * S::LANES), s.load_part(lanes, 0.0), inverse, row.zero) };
    }
    row
}

/// One panel of 16 columns against rows of codes.
struct Strip<'a> {
    w: &'a PackedI8,
    bias: Option<&'a [f32]>,
    act: Act,
    panel: usize,
    stride: usize,
}

impl Strip<'_> {
    /// # Safety
    /// `codes` is valid for reading `rows.len()` rows.
    #[inline(always)]
    unsafe fn tile<S: Dot>(&self, s: S, codes: *const S::Code, rows: &[Row], sums: &mut Sums, out: &mut [f32]) {
        let quads = self.w.cols.div_ceil(4);
        let steps = &self.w.steps[self.panel * quads..][..quads];
        // SAFETY: the caller's, and the panel is sliced to its `quads` steps; steps are aligned.
        unsafe { tile_rows(s, rows.len(), codes, self.stride, steps.as_ptr().cast(), quads, sums.as_mut_ptr().cast()) };
        let n = self.w.rows;
        let first = self.panel * PANEL;
        let cols = PANEL.min(n - first);
        for ((row, sums), out) in rows.iter().zip(&*sums).zip(out.chunks_mut(n)) {
            self.finish(s, row, sums, &mut out[first..first + cols]);
        }
    }

    /// Integer sums → act(scaled + bias), for one row of the panel.
    #[inline(always)]
    fn finish<S: Dot>(&self, s: S, row: &Row, sums: &[i32; PANEL], out: &mut [f32]) {
        let first = self.panel * PANEL;
        let (scales, columns) = (&self.w.scales[first..first + PANEL], &self.w.sums[first..first + PANEL]);
        let zero = S::OFFSET.map_or(0, |offset| row.zero - offset);
        let scale = s.splat(row.scale);
        for (i, out) in out.chunks_mut(S::LANES).enumerate() {
            let at = i * S::LANES;
            // SAFETY: LANES divides 16, and both hold 16 integers.
            let exact = unsafe { s.centred(sums[at..].as_ptr(), columns[at..].as_ptr(), zero) };
            let y = s.mul(exact, s.mul(scale, s.load(&scales[at..])));
            let y = match self.bias {
                Some(bias) => s.add(y, s.load_part(&bias[first + at..first + at + out.len()], 0.0)),
                None => y,
            };
            s.store_part(out, y);
        }
        if self.act != Act::None {
            activate(s, out, self.act);
        }
    }
}

/// The most rows that any instruction set takes at once.
const MAX_ROWS: usize = 12;

/// The integer sums of one tile.
type Sums = [[i32; PANEL]; MAX_ROWS];

/// [`Dot::tile`] for a number of rows that is known only at run time, at most `S::ROWS`.
///
/// # Safety
/// As [`Dot::tile`].
#[inline(always)]
unsafe fn tile_rows<S: Dot>(
    s: S,
    rows: usize,
    codes: *const S::Code,
    stride: usize,
    panel: *const i8,
    quads: usize,
    sums: *mut i32,
) {
    macro_rules! dispatch {
        ($($height:literal)*) => {
            match rows {
                // a height that the set never asks for is not compiled
                $($height if $height <= S::ROWS => unsafe { s.tile::<$height>(codes, stride, panel, quads, sums) },)*
                _ => unreachable!("a tile has 1 to {} rows", S::ROWS),
            }
        };
    }
    dispatch!(1 2 3 4 5 6 7 8 9 10 11 12)
}

/// `act(x·wᵀ + bias)`: x `[rows, in]` → out `[rows, out]`.
pub fn linear(isa: Isa, x: &[f32], w: &PackedI8, bias: Option<&[f32]>, act: Act, out: &mut [f32]) {
    let (n, k) = (w.rows, w.cols);
    if n == 0 || out.is_empty() {
        return;
    }
    assert!(k > 0 && out.len().is_multiple_of(n) && x.len() == out.len() / n * k);
    assert!(bias.is_none_or(|bias| bias.len() == n));
    parallel_rows(out, n, rows_worth(THREAD_WORK, n * k, MAX_ROWS), |row, out| {
        let x = &x[row * k..row * k + out.len() / n * k];
        isa.run(Linear { x, w, bias, act, out });
    });
}

/// The integer sums that [`linear`] scales, `[rows, out]`, with the zero points taken off: what the tests compare.
pub fn integer_sums(isa: Isa, x: &[f32], w: &PackedI8) -> Vec<i32> {
    isa.run(IntegerSums { x, w })
}

struct IntegerSums<'a> {
    x: &'a [f32],
    w: &'a PackedI8,
}

impl Task for IntegerSums<'_> {
    type Out = Vec<i32>;
    #[inline(always)]
    fn run<S: Dot>(self, s: S) -> Vec<i32> {
        let (n, k, stride) = (self.w.rows, self.w.cols, self.w.cols.next_multiple_of(PANEL));
        let quads = k.div_ceil(4);
        let rows = self.x.len() / k;
        let mut out = vec![0; rows * n];
        let mut codes = Floats::take((S::ROWS * stride * size_of::<S::Code>()).div_ceil(4));
        let codes: *mut S::Code = codes.as_mut_ptr().cast();
        for first in (0..rows).step_by(S::ROWS) {
            let height = S::ROWS.min(rows - first);
            // SAFETY: the buffer holds ROWS rows of `stride` codes.
            let quantised: Vec<Row> = (0..height)
                .map(|i| unsafe { encode_row(s, &self.x[(first + i) * k..][..k], codes.add(i * stride)) })
                .collect();
            for panel in 0..n.div_ceil(PANEL) {
                let mut sums: Sums = [[0; PANEL]; MAX_ROWS];
                let steps = &self.w.steps[panel * quads..][..quads];
                // SAFETY: as in `Strip::tile`.
                unsafe { tile_rows(s, height, codes, stride, steps.as_ptr().cast(), quads, sums.as_mut_ptr().cast()) };
                for (row, quantised) in quantised.iter().enumerate() {
                    let zero = S::OFFSET.map_or(0, |offset| quantised.zero - offset);
                    for column in panel * PANEL..n.min((panel + 1) * PANEL) {
                        let sum = sums[row][column % PANEL];
                        out[(first + row) * n + column] = sum.wrapping_sub(zero.wrapping_mul(self.w.sums[column]));
                    }
                }
            }
        }
        out
    }
}
