//! int8 weights × activations quantized on the fly → exact integer sums → floats, bias and activation in one pass.
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
use super::threads::{Cells, for_each_block};
use super::{MAX_ROWS, PANEL, Sums, TINY, share};
use std::ops::Range;

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

    /// Dequantizes one row into `out` `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let at = row % PANEL * 4;
        for (out, step) in out[..self.cols].chunks_mut(4).zip(self.panel(row / PANEL)) {
            for (out, v) in out.iter_mut().zip(&step.0[at..at + 4]) {
                *out = f32::from(*v) * self.scales[row];
            }
        }
    }
}

/// The most that the magnitudes of two neighbouring weights may come to where sums of two products must fit 16 bits:
/// 128 · 255 < 2¹⁵.
const PAIR: i32 = 128;

/// Scales rows of `w` `[rows, cols]` down, and their scales `[rows]` up, until no two neighbours (even column first)
/// exceed 128 together; rows that already do stay as they are. For bell-shaped weights this costs .4 of 8 bits.
pub fn limit_pairs(w: &mut [i8], scales: &mut [f32], cols: usize) {
    let magnitude = |v: &i8| i32::from(*v).abs();
    for (row, scale) in w.chunks_exact_mut(cols.max(1)).zip(scales) {
        let largest = row.chunks(2).map(|pair| pair.iter().map(magnitude).sum::<i32>()).max().unwrap_or(0);
        if largest > PAIR {
            // one less, since both are rounded
            let factor = (PAIR - 1) as f32 / largest as f32;
            row.iter_mut().for_each(|v| *v = (f32::from(*v) * factor).round_ties_even() as i8);
            *scale /= factor;
        }
    }
}

/// How one row of activations was quantized.
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

/// Rows that are quantized together: their codes stay in the second-level cache while every panel passes by. A
/// multiple of every set's rows.
const BLOCK: usize = 96;

/// Rows up to which threads share the panels of the weights, each reading its part of them, and not the rows.
const FEW_ROWS: usize = 64;

/// Floats that hold the codes of `rows` rows of `cols` numbers, whatever the set.
fn codes_len(rows: usize, cols: usize) -> usize {
    rows * cols.next_multiple_of(PANEL) * size_of::<i16>() / size_of::<f32>()
}

/// Where the group of `S::ROWS` rows that starts at `row` of `height` is, in codes, and how many rows it has.
#[inline(always)]
fn group<S: Dot>(row: usize, height: usize, cols: usize) -> (usize, usize) {
    assert!(row < height && row.is_multiple_of(S::ROWS));
    (row * cols.next_multiple_of(PANEL), S::ROWS.min(height - row))
}

/// Quantizes rows x `[rows, cols]` into `codes`, `S::ROWS` of them interleaved as [`Dot::tile`] reads them, fewer at
/// the end, and says in `how` how it did. Codes beyond the end of a row meet weights of zero, so what they are does not
/// matter.
struct Encode<'a> {
    x: &'a [f32],
    cols: usize,
    codes: &'a mut [f32],
    how: &'a mut [Row],
}

impl Task for Encode<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Self { x, cols, codes, how } = self;
        let height = x.len() / cols;
        assert!(how.len() == height && codes.len() >= codes_len(height, cols) && size_of::<S::Code>() <= 2);
        for (index, (x, how)) in x.chunks_exact(cols).zip(how).enumerate() {
            let row = Row::of(range(s, x));
            let (start, height) = group::<S>(index - index % S::ROWS, height, cols);
            // SAFETY: the buffer holds every group; a row is rounded up to whole sixteens there and here.
            let to = unsafe { codes.as_mut_ptr().cast::<S::Code>().add(start + index % S::ROWS * 4) };
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
            *how = row;
        }
    }
}

/// Sums of quantized rows with one panel, for the group that starts at `row` of `height`.
#[inline(always)]
fn tile<S: Dot>(s: S, codes: &[f32], (row, height): (usize, usize), w: &PackedI8, panel: usize, sums: &mut Sums) {
    let (start, height) = group::<S>(row, height, w.cols);
    let panel = w.panel(panel);
    assert!(codes.len() >= codes_len(row + height, w.cols) && panel.len() == w.cols.div_ceil(4));
    // SAFETY: the group was written by `Encode`, the panel has its steps, and there are MAX_ROWS rows of sums.
    unsafe {
        let codes = codes.as_ptr().cast::<S::Code>().add(start);
        for_rows!(height, s.tile(codes, panel.as_ptr().cast(), panel.len(), sums.as_mut_ptr().cast()));
    }
}

/// Quantized rows × some panels of a layer → their columns of out `[rows, n]`.
struct Multiply<'a> {
    codes: &'a [f32],
    how: &'a [Row],
    layer: Layer<'a>,
    panels: Range<usize>,
    out: Cells<'a, f32>,
    /// The row of `out` that the first row belongs to.
    first: usize,
}

impl Task for Multiply<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let Self { codes, how, layer, panels, out, first } = self;
        let n = layer.w.rows;
        let mut sums = [[0; PANEL]; MAX_ROWS];
        for panel in panels {
            let columns = panel * PANEL..n.min((panel + 1) * PANEL);
            for row in (0..how.len()).step_by(S::ROWS) {
                tile(s, codes, (row, how.len()), layer.w, panel, &mut sums);
                for (i, (how, sums)) in how[row..].iter().zip(&sums).take(S::ROWS).enumerate() {
                    // SAFETY: rows and columns are shared out so that no two tasks have the same ones.
                    let out = unsafe { out.part((first + row + i) * n + columns.start, columns.len()) };
                    layer.finish(s, how, panel, sums, out);
                }
            }
        }
    }
}

impl Layer<'_> {
    /// Integer sums → act(scaled + bias), for one row of the panel: out are its columns.
    #[inline(always)]
    fn finish<S: Dot>(&self, s: S, row: &Row, panel: usize, sums: &[i32; PANEL], out: &mut [f32]) {
        let first = panel * PANEL;
        let (scales, columns) = (&self.w.scales[first..first + PANEL], &self.w.sums[first..first + PANEL]);
        let zero = S::OFFSET.map_or(0, |offset| row.zero - offset);
        let scale = s.splat(row.scale);
        for (i, out) in out.chunks_mut(S::LANES).enumerate() {
            let at = i * S::LANES;
            // SAFETY: LANES divides 16, and both hold 16 integers.
            let exact = unsafe { s.centered(sums[at..].as_ptr(), columns[at..].as_ptr(), zero) };
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
    let (rows, panels) = (out.len() / n, n.div_ceil(PANEL));
    let (layer, out) = (Layer { w, bias, act }, Cells::new(out));
    let share_of_panels = share(panels, rows * k * PANEL, 1);
    if rows <= FEW_ROWS && share_of_panels < panels {
        let (mut codes, mut how) = (Floats::take(codes_len(rows, k)), [Row::default(); BLOCK]);
        isa.run(Encode { x, cols: k, codes: &mut codes, how: &mut how[..rows] });
        for_each_block(panels.div_ceil(share_of_panels), |i| {
            let panels = i * share_of_panels..panels.min((i + 1) * share_of_panels);
            isa.run(Multiply { codes: &codes, how: &how[..rows], layer, panels, out, first: 0 });
        });
        return;
    }
    let block = share(rows, n * k, MAX_ROWS).min(BLOCK);
    for_each_block(rows.div_ceil(block), |i| {
        let (first, last) = (i * block, rows.min((i + 1) * block));
        let (mut codes, mut how) = (Floats::take(codes_len(last - first, k)), [Row::default(); BLOCK]);
        let how = &mut how[..last - first];
        isa.run(Encode { x: &x[first * k..last * k], cols: k, codes: &mut codes, how });
        isa.run(Multiply { codes: &codes, how, layer, panels: 0..panels, out, first });
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
        let (mut codes, mut how) = (Floats::take(codes_len(S::ROWS, k)), [Row::default(); MAX_ROWS]);
        let mut sums = [[0; PANEL]; MAX_ROWS];
        for (x, out) in self.x.chunks(S::ROWS * k).zip(out.chunks_mut(S::ROWS * n)) {
            let how = &mut how[..x.len() / k];
            Encode { x, cols: k, codes: &mut codes, how }.run(s);
            for panel in 0..n.div_ceil(PANEL) {
                tile(s, &codes, (0, how.len()), self.w, panel, &mut sums);
                for ((row, sums), out) in how.iter().zip(&sums).zip(out.chunks_mut(n)) {
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

#[cfg(test)]
mod tests {
    use super::limit_pairs;

    #[test]
    fn limited_pairs_fit_sixteen_bits_and_keep_their_values() {
        let w: Vec<i8> = (0..7 * 33).map(|i| ((i * 89 % 255) - 127) as i8).collect();
        let (mut limited, mut scales) = (w.clone(), vec![0.5; 7]);
        limit_pairs(&mut limited, &mut scales, 33);
        for ((row, before), scale) in limited.chunks(33).zip(w.chunks(33)).zip(&scales) {
            let sum = |pair: &[i8]| pair.iter().map(|v| i32::from(*v).abs()).sum::<i32>();
            assert!(row.chunks(2).all(|pair| sum(pair) <= 128), "{row:?}");
            let off = |(a, b): (&i8, &i8)| (f32::from(*a) * scale - f32::from(*b) * 0.5).abs();
            assert!(row.iter().zip(before).map(off).all(|off| off <= scale / 2.0 + 1e-6));
        }
        let again = limited.clone();
        limit_pairs(&mut limited, &mut scales, 33);
        assert_eq!(limited, again);
    }
}
