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
use super::{MAX_ROWS, PANEL, Sums, TINY, parallel_rows, rows_worth};

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

    /// The steps of one panel of 16 columns.
    fn panel(&self, index: usize) -> &[Step] {
        let quads = self.cols.div_ceil(4);
        &self.steps[index * quads..][..quads]
    }

    /// Dequantises one row into `out` `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let at = row % PANEL * 4;
        for (out, step) in out[..self.cols].chunks_mut(4).zip(self.panel(row / PANEL)) {
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

impl Row {
    fn of((low, high): (f32, f32)) -> Self {
        let width = high - low;
        let inverse = if width > TINY { STEPS / width } else { 0.0 };
        // the conversion saturates, so that a row that holds no numbers cannot give a wild zero point
        let zero = (-low * inverse).round_ties_even() as i32;
        Self { scale: width / STEPS, inverse, zero: zero.clamp(0, 255) }
    }
}

/// What turns sums into outputs.
#[derive(Clone, Copy)]
struct Layer<'a> {
    w: &'a PackedI8,
    bias: Option<&'a [f32]>,
    act: Act,
}

struct Linear<'a> {
    x: &'a [f32],
    layer: Layer<'a>,
    out: &'a mut [f32],
}

/// Rows that are quantised together: their codes stay in the second-level cache while every panel passes by.
const BLOCK: usize = 96;

impl Task for Linear<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Self { x, layer, out } = self;
        let (n, k) = (layer.w.rows, layer.w.cols);
        let rows = out.len() / n;
        let mut codes = Codes::new(s, rows.min(BLOCK.next_multiple_of(S::ROWS)), k);
        let mut sums = [[0; PANEL]; MAX_ROWS];
        for first in (0..rows).step_by(codes.capacity) {
            let height = codes.capacity.min(rows - first);
            codes.encode(s, &x[first * k..(first + height) * k]);
            let out = &mut out[first * n..(first + height) * n];
            for panel in 0..n.div_ceil(PANEL) {
                for row in (0..height).step_by(S::ROWS) {
                    codes.tile(s, row, layer.w.panel(panel), &mut sums);
                    let rows = codes.rows[row..height].iter().zip(&sums).take(S::ROWS);
                    for ((row, sums), out) in rows.zip(out[row * n..].chunks_mut(n)) {
                        layer.finish(s, row, panel, sums, out);
                    }
                }
            }
        }
    }
}

/// Quantised rows, `S::ROWS` of them interleaved as [`Dot::tile`] reads them; fewer at the end.
struct Codes<S> {
    buffer: Floats,
    rows: [Row; BLOCK + MAX_ROWS],
    capacity: usize,
    height: usize,
    cols: usize,
    set: std::marker::PhantomData<S>,
}

impl<S: Dot> Codes<S> {
    /// Room for `capacity` rows of `cols` numbers.
    #[inline(always)]
    fn new(_: S, capacity: usize, cols: usize) -> Self {
        assert!(capacity <= BLOCK + MAX_ROWS && PANEL.is_multiple_of(S::LANES));
        let bytes = capacity * cols.next_multiple_of(PANEL) * size_of::<S::Code>();
        let rows = [Row::default(); BLOCK + MAX_ROWS];
        Self { buffer: Floats::take(bytes.div_ceil(4)), rows, capacity, height: 0, cols, set: std::marker::PhantomData }
    }

    /// Where the group of rows that starts at `row` is, and how many rows it has.
    #[inline(always)]
    fn group(&self, row: usize) -> (usize, usize) {
        assert!(row < self.height && row.is_multiple_of(S::ROWS));
        (row * self.cols.next_multiple_of(PANEL), S::ROWS.min(self.height - row))
    }

    /// Quantises rows. Codes beyond the end of a row meet weights of zero, so what they are does not matter.
    #[inline(always)]
    fn encode(&mut self, s: S, x: &[f32]) {
        self.height = x.len() / self.cols;
        assert!(self.height <= self.capacity);
        for (index, x) in x.chunks_exact(self.cols).enumerate() {
            let row = Row::of(range(s, x));
            let (start, height) = self.group(index - index % S::ROWS);
            // SAFETY: the buffer holds every group; a row is rounded up to whole sixteens there and here.
            let to = unsafe { self.buffer.as_mut_ptr().cast::<S::Code>().add(start + index % S::ROWS * 4) };
            for (i, x) in x.chunks(PANEL).enumerate() {
                let mut padded = [0.0; PANEL];
                let x = if x.len() == PANEL {
                    x
                } else {
                    padded[..x.len()].copy_from_slice(x);
                    &padded
                };
                // SAFETY: as above.
                unsafe { s.encode(to.add(4 * i * height * 4), 4 * height, x.as_ptr(), row.inverse, row.zero) };
            }
            self.rows[index] = row;
        }
    }

    /// Sums of the group of rows that starts at `row` with one panel.
    #[inline(always)]
    fn tile(&self, s: S, row: usize, panel: &[Step], sums: &mut Sums) {
        let (start, height) = self.group(row);
        assert!(panel.len() == self.cols.div_ceil(4));
        // SAFETY: the group was written by `encode`, the panel has its steps, and there are MAX_ROWS rows of sums.
        unsafe {
            let codes = self.buffer.as_ptr().cast::<S::Code>().add(start);
            for_rows!(height, s.tile(codes, panel.as_ptr().cast(), panel.len(), sums.as_mut_ptr().cast()));
        }
    }
}

impl Layer<'_> {
    /// Integer sums → act(scaled + bias), for one row of the panel.
    #[inline(always)]
    fn finish<S: Dot>(&self, s: S, row: &Row, panel: usize, sums: &[i32; PANEL], out: &mut [f32]) {
        let first = panel * PANEL;
        let out = &mut out[first..self.w.rows.min(first + PANEL)];
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
        isa.run(Linear { x, layer: Layer { w, bias, act }, out });
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
        let (n, k) = (self.w.rows, self.w.cols);
        let rows = self.x.len() / k;
        let mut out = vec![0; rows * n];
        let mut codes = Codes::new(s, S::ROWS, k);
        let mut sums = [[0; PANEL]; MAX_ROWS];
        for (x, out) in self.x.chunks(S::ROWS * k).zip(out.chunks_mut(S::ROWS * n)) {
            codes.encode(s, x);
            for panel in 0..n.div_ceil(PANEL) {
                codes.tile(s, 0, self.w.panel(panel), &mut sums);
                for ((row, sums), out) in codes.rows.iter().zip(&sums).zip(out.chunks_mut(n)) {
                    let zero = S::OFFSET.map_or(0, |offset| row.zero - offset);
                    for column in panel * PANEL..n.min((panel + 1) * PANEL) {
                        out[column] = sums[column % PANEL].wrapping_sub(zero.wrapping_mul(self.w.sums[column]));
                    }
                }
            }
        }
        out
    }
}
