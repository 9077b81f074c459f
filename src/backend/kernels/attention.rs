//! Multi-head softmax attention on joined projections, a few query rows at a time: scores never leave the cache and
//! no transposed copy of the batch is made. Keys and values of each head are packed once into panels for the tile.

mod integer;

use super::gemm_f32::{ROWS, tile_rows};
use super::pointwise::softmax;
use super::scratch::Floats;
use super::simd::{Dot, Isa, Task};
use super::{PANEL, parallel_rows, share};

/// What packing one number costs, in multiply-adds.
const PACKING: usize = 16;

/// What is added to the score of a padding token.
pub const PADDING: f32 = -1e9;

/// The sizes of one attention: `b` sequences of `n` tokens, `heads` of `size` features.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Sequences.
    pub b: usize,
    /// Tokens of a sequence.
    pub n: usize,
    /// Heads.
    pub heads: usize,
    /// Features of a head.
    pub size: usize,
}

impl Shape {
    fn d(&self) -> usize {
        self.heads * self.size
    }

    /// Floats of one head's packed keys: panels of 16 tokens, `[⌈n / 16⌉, size, 16]`.
    fn keys(&self) -> usize {
        self.n.next_multiple_of(PANEL) * self.size
    }

    /// Floats of one head's packed values: panels of 16 features, `[⌈size / 16⌉, n, 16]`.
    fn values(&self) -> usize {
        self.size.next_multiple_of(PANEL) * self.n
    }
}

/// Which tokens a token sees.
#[derive(Clone, Copy, Debug)]
pub enum Mask<'a> {
    /// All of its sequence.
    None,
    /// Those with 1 in `[b, n]`, and none with 0.
    Padding(&'a [f32]),
    /// Itself and those before it.
    Causal,
}

/// What the two products of an attention are computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Floats: as exact as f32 is.
    Float,
    /// 16-bit integers, scaled by row and by head, with exact sums: half the time, and an error of about 2⁻¹² of the
    /// largest score, far below what int8 weights cost.
    Integer,
}

/// qkv `[b, n, 3·d]` → out `[b, n, d]`.
pub fn attention(isa: Isa, qkv: &[f32], shape: Shape, mask: Mask<'_>, precision: Precision, out: &mut [f32]) {
    let (Shape { b, n, .. }, d) = (shape, shape.d());
    let (causal, mask) = match mask {
        Mask::None => (false, None),
        Mask::Padding(mask) => (false, Some(mask)),
        Mask::Causal => (true, None),
    };
    assert!(qkv.len() == b * n * 3 * d && out.len() == b * n * d && mask.is_none_or(|mask| mask.len() == b * n));
    if out.is_empty() {
        return;
    }
    let mut penalties = Floats::take(mask.map_or(0, <[f32]>::len));
    if let Some(mask) = mask {
        penalties.iter_mut().zip(mask).for_each(|(penalty, mask)| *penalty = (1.0 - mask) * PADDING);
    }
    let inputs = Inputs { qkv, shape, penalties: mask.is_some().then_some(&penalties[..]), causal };
    match precision {
        Precision::Integer if n <= integer::MAX_TOKENS => integer::attention(isa, inputs, out),
        _ => float(isa, inputs, out),
    }
}

fn float(isa: Isa, inputs: Inputs<'_>, out: &mut [f32]) {
    let Inputs { qkv, shape, .. } = inputs;
    let Shape { b, n, heads, size } = shape;
    let per_head = shape.keys() + shape.values();
    let mut packed = Floats::take(b * heads * per_head);
    parallel_rows(&mut packed, per_head, share(b * heads, PACKING * n * size, 1), |first, heads_packed| {
        for (i, packed) in heads_packed.chunks_exact_mut(per_head).enumerate() {
            pack_head(qkv, shape, first + i, packed);
        }
    });
    let packed = &packed[..];
    parallel_rows(out, shape.d(), share(b * n, 2 * n * shape.d(), ROWS), |row, out| {
        isa.run(Rows { inputs, packed, row, out });
    });
}

/// Packs keys (scaled by 1/√size) and values of head `index % heads` of sequence `index / heads`.
fn pack_head(qkv: &[f32], shape: Shape, index: usize, packed: &mut [f32]) {
    let Shape { n, heads, size, .. } = shape;
    let d = shape.d();
    let (sequence, head) = (index / heads, index % heads);
    let row = |token: usize, part: usize| &qkv[((sequence * n + token) * 3 + part) * d + head * size..][..size];
    let scale = 1.0 / (size as f32).sqrt();
    let (keys, values) = packed.split_at_mut(shape.keys());
    for token in 0..n.next_multiple_of(PANEL) {
        let column = &mut keys[token / PANEL * PANEL * size + token % PANEL..];
        if token < n {
            for (k, to) in row(token, 1).iter().zip(column.iter_mut().step_by(PANEL)) {
                *to = k * scale;
            }
        } else {
            column.iter_mut().step_by(PANEL).take(size).for_each(|to| *to = 0.0);
        }
    }
    for (panel, values) in values.chunks_exact_mut(n * PANEL).enumerate() {
        for (token, to) in values.chunks_exact_mut(PANEL).enumerate() {
            let from = &row(token, 2)[panel * PANEL..size.min((panel + 1) * PANEL)];
            to[..from.len()].copy_from_slice(from);
            to[from.len()..].fill(0.0);
        }
    }
}

#[derive(Clone, Copy)]
struct Inputs<'a> {
    qkv: &'a [f32],
    shape: Shape,
    penalties: Option<&'a [f32]>,
    causal: bool,
}

impl<'a> Inputs<'a> {
    /// What is added to the scores of the sequence that `row` belongs to.
    fn penalties(&self, row: usize) -> Option<&'a [f32]> {
        let n = self.shape.n;
        self.penalties.map(|penalties| &penalties[row / n * n..row / n * n + n])
    }

    /// How many tokens of its sequence `row` sees, the first ones.
    fn seen(&self, row: usize) -> usize {
        if self.causal { row % self.shape.n + 1 } else { self.shape.n }
    }
}

/// Output rows from `row` on, over all sequences.
struct Rows<'a> {
    inputs: Inputs<'a>,
    packed: &'a [f32],
    row: usize,
    out: &'a mut [f32],
}

impl Task for Rows<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let shape = self.inputs.shape;
        let (n, d) = (shape.n, shape.d());
        let per_head = shape.keys() + shape.values();
        let mut scores = Floats::take(ROWS * n.next_multiple_of(PANEL));
        let rows = self.out.len() / d;
        let mut done = 0;
        while done < rows {
            // query rows of one sequence only
            let row = self.row + done;
            let height = ROWS.min(rows - done).min(n - row % n);
            let out = &mut self.out[done * d..(done + height) * d];
            for head in 0..shape.heads {
                let packed = &self.packed[(row / n * shape.heads + head) * per_head..][..per_head];
                let block = Block { inputs: self.inputs, packed, row, height, head };
                block.run(s, &mut scores, out);
            }
            done += height;
        }
    }
}

/// Up to [`ROWS`] query rows of one head.
struct Block<'a> {
    inputs: Inputs<'a>,
    packed: &'a [f32],
    row: usize,
    height: usize,
    head: usize,
}

impl Block<'_> {
    /// out `[height, d]`, of which this head's columns are written.
    #[inline(always)]
    fn run<S: Dot>(&self, s: S, scores: &mut [f32], out: &mut [f32]) {
        let Shape { n, size, .. } = self.inputs.shape;
        let d = self.inputs.shape.d();
        let (keys, values) = self.packed.split_at(self.inputs.shape.keys());
        let width = n.next_multiple_of(PANEL);
        let queries = &self.inputs.qkv[self.row * 3 * d + self.head * size..];
        assert!(scores.len() >= ROWS * width && queries.len() >= (self.height - 1) * 3 * d + size);
        for panel in 0..width / PANEL {
            let keys = &keys[panel * PANEL * size..][..PANEL * size];
            // SAFETY: `height` ≤ ROWS query rows as asserted, a panel as sliced, and `width` ≥ 16 columns of scores.
            unsafe {
                let to = scores.as_mut_ptr().add(panel * PANEL);
                let (a, b) = ((queries.as_ptr(), 3 * d), (keys.as_ptr(), PANEL));
                tile_rows(s, self.height, a, b, size, (to, width), PANEL);
            }
        }
        let penalties = self.inputs.penalties(self.row);
        for (i, row) in scores.chunks_exact_mut(width).enumerate().take(self.height) {
            let (seen, unseen) = row.split_at_mut(self.inputs.seen(self.row + i));
            softmax(s, seen, penalties);
            unseen.fill(0.0);
        }
        assert!(out.len() == self.height * d);
        for panel in 0..size.div_ceil(PANEL) {
            let values = &values[panel * PANEL * n..][..PANEL * n];
            let cols = PANEL.min(size - panel * PANEL);
            // SAFETY: `height` rows of n ≤ `width` weights, a panel as sliced, and this head's columns of `out`.
            unsafe {
                let to = out.as_mut_ptr().add(self.head * size + panel * PANEL);
                let (a, b) = ((scores.as_ptr(), width), (values.as_ptr(), PANEL));
                tile_rows(s, self.height, a, b, n, (to, d), cols);
            }
        }
    }
}
