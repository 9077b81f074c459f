//! f32 matrix products: packed weights for `linear`, and the register-blocked tile that attention uses too.

use super::pointwise::{Act, activate};
use super::simd::{Dot, Isa, Simd, Task};
use super::{PANEL, parallel_rows, share};

/// Rows of one tile: with two vectors of columns, as many accumulators as 16 registers hold beside the operands.
pub const ROWS: usize = 4;

/// A weight matrix `[out, in]` in panels of 16 output columns: `[⌈out / 16⌉, in, 16]`, padded with zeros.
#[derive(Clone, Debug)]
pub struct PackedF32 {
    rows: usize,
    cols: usize,
    panels: Vec<Line>,
}

/// One step of a panel, a cache line: vector loads must not straddle two.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; PANEL]);

impl PackedF32 {
    /// Packs `w` `[rows, cols]`, row-major.
    pub fn pack(w: &[f32], rows: usize, cols: usize) -> Self {
        assert_eq!(w.len(), rows * cols);
        let mut panels = vec![Line([0.0; PANEL]); rows.div_ceil(PANEL) * cols];
        for (row, w) in w.chunks_exact(cols.max(1)).enumerate() {
            for (line, w) in panels[row / PANEL * cols..].iter_mut().zip(w) {
                line.0[row % PANEL] = *w;
            }
        }
        Self { rows, cols, panels }
    }

    /// Output features.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input features.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Unpacks one row into `out` `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        for (out, line) in out[..self.cols].iter_mut().zip(&self.panels[row / PANEL * self.cols..]) {
            *out = line.0[row % PANEL];
        }
    }
}

/// c ← a·b for ROWS rows and `cols` ≤ 16 columns: a `[ROWS, k]` and c `[ROWS, cols]` with their own row strides, b
/// `[k, 16]` with rows `ldb` apart.
///
/// # Safety
/// a is valid for reading, b for reading 16 columns of every row, c for writing `cols` columns.
#[inline(always)]
pub unsafe fn tile<S: Simd, const ROWS: usize>(
    s: S,
    (a, lda): (*const f32, usize),
    (b, ldb): (*const f32, usize),
    k: usize,
    (c, ldc): (*mut f32, usize),
    cols: usize,
) {
    let mut whole = [[0f32; PANEL]; ROWS];
    // a panel that is not full goes through a full one, so that the loops below know their length
    let (to, ldt) = if cols == PANEL { (c, ldc) } else { (whole.as_mut_ptr().cast(), PANEL) };
    let pair = if S::LANES * 2 <= PANEL { 2 * S::LANES } else { S::LANES };
    for column in (0..PANEL).step_by(pair) {
        // SAFETY: two vectors (one, if 16 wide) of columns of the panel, and what the caller vouches for.
        unsafe { pair_of_vectors::<S, ROWS>(s, (a, lda), (b.add(column), ldb), k, (to.add(column), ldt)) };
    }
    if cols < PANEL {
        for (row, whole) in whole.iter().enumerate() {
            // SAFETY: `cols` columns of row `row` of c.
            unsafe { std::slice::from_raw_parts_mut(c.add(row * ldc), cols) }.copy_from_slice(&whole[..cols]);
        }
    }
}

/// c ← a·b for ROWS rows and two vectors of columns.
///
/// # Safety
/// As [`tile`], for `2·LANES` columns.
#[inline(always)]
unsafe fn pair_of_vectors<S: Simd, const ROWS: usize>(
    s: S,
    (a, lda): (*const f32, usize),
    (b, ldb): (*const f32, usize),
    k: usize,
    (c, ldc): (*mut f32, usize),
) {
    let mut total = [[s.splat(0.0); 2]; ROWS];
    for k in 0..k {
        // SAFETY: the caller's.
        unsafe {
            let b = [s.load_ptr(b.add(k * ldb)), s.load_ptr(b.add(k * ldb + S::LANES))];
            for (row, total) in total.iter_mut().enumerate() {
                let a = s.splat(*a.add(row * lda + k));
                total[0] = s.fma(a, b[0], total[0]);
                total[1] = s.fma(a, b[1], total[1]);
            }
        }
    }
    for (row, total) in total.into_iter().enumerate() {
        // SAFETY: the caller's.
        unsafe {
            s.store_ptr(c.add(row * ldc), total[0]);
            s.store_ptr(c.add(row * ldc + S::LANES), total[1]);
        }
    }
}

/// [`tile`] for a number of rows that is known only at run time, at most [`ROWS`].
///
/// # Safety
/// As [`tile`].
#[inline(always)]
pub unsafe fn tile_rows<S: Simd>(
    s: S,
    rows: usize,
    a: (*const f32, usize),
    b: (*const f32, usize),
    k: usize,
    c: (*mut f32, usize),
    cols: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        match rows {
            1 => tile::<S, 1>(s, a, b, k, c, cols),
            2 => tile::<S, 2>(s, a, b, k, c, cols),
            3 => tile::<S, 3>(s, a, b, k, c, cols),
            4 => tile::<S, 4>(s, a, b, k, c, cols),
            5 => tile::<S, 5>(s, a, b, k, c, cols),
            _ => tile::<S, 6>(s, a, b, k, c, cols),
        }
    }
}

struct Linear<'a> {
    x: &'a [f32],
    w: &'a PackedF32,
    bias: Option<&'a [f32]>,
    act: Act,
    out: &'a mut [f32],
}

impl Task for Linear<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let (n, k) = (self.w.rows, self.w.cols);
        let rows = self.out.len() / n;
        assert!(self.x.len() >= rows * k && self.bias.is_none_or(|bias| bias.len() == n));
        let out = self.out.as_mut_ptr();
        for panel in 0..n.div_ceil(PANEL) {
            let first = panel * PANEL;
            let cols = PANEL.min(n - first);
            let b = &self.w.panels[panel * k..(panel + 1) * k];
            let bias = self.bias.map(|bias| &bias[first..first + cols]);
            for row in (0..rows).step_by(ROWS) {
                let height = ROWS.min(rows - row);
                // SAFETY: x has rows × k, the panel k × 16 and out rows × n numbers, as asserted and sliced.
                unsafe {
                    let (a, c) = (self.x.as_ptr().add(row * k), out.add(row * n + first));
                    tile_rows(s, height, (a, k), (b.as_ptr().cast(), PANEL), k, (c, n), cols);
                    for row in 0..height {
                        finish(s, std::slice::from_raw_parts_mut(c.add(row * n), cols), bias, self.act);
                    }
                }
            }
        }
    }
}

/// y ← act(y + bias).
#[inline(always)]
fn finish<S: Simd>(s: S, y: &mut [f32], bias: Option<&[f32]>, act: Act) {
    if let Some(bias) = bias {
        for (y, bias) in y.chunks_mut(S::LANES).zip(bias.chunks(S::LANES)) {
            let v = s.add(s.load_part(y, 0.0), s.load_part(bias, 0.0));
            s.store_part(y, v);
        }
    }
    if act != Act::None {
        activate(s, y, act);
    }
}

/// `act(x·wᵀ + bias)`: x `[rows, in]` → out `[rows, out]`.
pub fn linear(isa: Isa, x: &[f32], w: &PackedF32, bias: Option<&[f32]>, act: Act, out: &mut [f32]) {
    let (n, k) = (w.rows, w.cols);
    if n == 0 || out.is_empty() {
        return;
    }
    assert!(out.len().is_multiple_of(n) && x.len() == out.len() / n * k);
    let block = share(out.len() / n, n * k, ROWS);
    parallel_rows(out, n, block, |row, out| {
        let x = &x[row * k..row * k + out.len() / n * k];
        isa.run(Linear { x, w, bias, act, out });
    });
}
