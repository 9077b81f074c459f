//! The catalog on the device: scores of a query against int8 vectors, and the best K of them selected there, so that
//! only those are read back.

use super::device::{Buffer, Device};
use super::kernels::{SCAN, TOP_K};
use super::{Gpu, Tensor, narrow, refuse};
use crate::error::Result;

/// The most results that can be selected on the device.
pub const MAX_K: usize = 512;

/// Vectors on the device, in pieces that one binding holds.
#[derive(Debug)]
pub struct Vectors {
    dimension: usize,
    rows: usize,
    pieces: Vec<Piece>,
    /// Bytes of a piece, at most.
    largest: usize,
}

#[derive(Debug)]
struct Piece {
    first: usize,
    rows: usize,
    vectors: Buffer,
    scales: Buffer,
}

/// The best rows of a search that has been recorded, for reading together with the query that they answer.
#[derive(Debug)]
pub struct Selected {
    best: Buffer,
    k: usize,
}

impl Vectors {
    /// No vectors yet, of that length; a piece fills at most one binding of the device.
    pub fn new(gpu: &Gpu, dimension: usize) -> Self {
        Self::with_pieces(dimension, gpu.device().largest_binding() as usize)
    }

    /// The same with pieces of at most `largest` bytes, for tests.
    pub fn with_pieces(dimension: usize, largest: usize) -> Self {
        Self { dimension, rows: 0, pieces: Vec::new(), largest }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends vectors `[n, dimension]` with their scales `[n]`.
    pub fn add(&mut self, gpu: &Gpu, vectors: &[i8], scales: &[f32]) -> Result<()> {
        let d = self.dimension;
        if d == 0 || vectors.len() != scales.len() * d {
            return refuse("adding vectors", &format!("{} vectors of {d} numbers", scales.len()), vectors.len());
        }
        // rows are read sixteen numbers at a time
        let width = d.next_multiple_of(16);
        let rows = (self.largest / width).max(1);
        for (vectors, scales) in vectors.chunks(rows * d).zip(scales.chunks(rows)) {
            let mut bytes = vec![0u8; scales.len() * width];
            for (bytes, vector) in bytes.chunks_exact_mut(width).zip(vectors.chunks_exact(d)) {
                bytes.iter_mut().zip(vector).for_each(|(byte, v)| *byte = *v as u8);
            }
            let piece = Piece {
                first: self.rows,
                rows: scales.len(),
                vectors: gpu.device().upload(&bytes)?,
                scales: gpu.device().upload(&super::bytes_of(scales))?,
            };
            self.rows += scales.len();
            self.pieces.push(piece);
        }
        Ok(())
    }

    /// Records a search for the `k` ≤ [`MAX_K`] rows nearest to a query of `dimension` numbers. `allowed` has one bit
    /// a row, the lowest first, set for the rows that may be found; nothing stands for all of them.
    pub fn select(&self, gpu: &Gpu, query: &Tensor, k: usize, allowed: Option<&[u8]>) -> Result<Selected> {
        let (device, d) = (gpu.device(), self.dimension);
        if query.shape.iter().product::<usize>() != d {
            return refuse("searching", &format!("a query of {d} numbers"), &query.shape);
        }
        if k > MAX_K {
            return refuse("searching on the graphics device", &format!("at most {MAX_K} results"), k);
        }
        if allowed.is_some_and(|bits| bits.len() * 8 < self.rows) {
            return refuse("searching", &format!("a bit for each of {} rows", self.rows), allowed.map(<[u8]>::len));
        }
        let padded = device.scratch(d.next_multiple_of(16))?;
        device.copy_padded(&query.buffer, &padded, d);
        let allowed = allowed.map(|bits| device.upload(bits)).transpose()?;
        let candidates = device.scratch(2 * self.rows)?;
        for piece in &self.pieces {
            let rows = narrow("searching", piece.rows)?;
            let (groups, width) = Device::grid(rows.div_ceil(64));
            gpu.launch(
                &SCAN,
                &[allowed.is_some().into()],
                &[rows, d.div_ceil(16) as u32, narrow("searching", piece.first)?, width],
                &[Some(&padded), Some(&piece.vectors), Some(&piece.scales), allowed.as_ref()],
                &[&candidates],
                groups,
            )?;
        }
        let k = k.min(self.rows);
        Ok(Selected { best: best(gpu, candidates, self.rows, k)?, k })
    }
}

/// Records passes over `count` candidates until their best `k` are left.
fn best(gpu: &Gpu, mut candidates: Buffer, mut count: usize, k: usize) -> Result<Buffer> {
    if k == 0 {
        return Ok(candidates);
    }
    loop {
        let blocks = count.div_ceil(1024);
        let out = gpu.device().scratch(2 * blocks * k)?;
        let (groups, width) = Device::grid(narrow("searching", blocks)?);
        let parameters = [narrow("searching", count)?, k as u32, width];
        gpu.launch(&TOP_K, &[], &parameters, &[Some(&candidates)], &[&out], groups)?;
        if blocks == 1 {
            return Ok(out);
        }
        (candidates, count) = (out, blocks * k);
    }
}

impl Selected {
    /// Reads tensors and, with them, the rows found and their scores, the best first.
    pub async fn read(&self, gpu: &Gpu, tensors: &[&Tensor]) -> Result<(Vec<Vec<f32>>, Vec<(u32, f32)>)> {
        let mut buffers: Vec<_> = tensors.iter().map(|x| (&*x.buffer, x.shape.iter().product())).collect();
        buffers.push((&self.best, 2 * self.k));
        let mut words = gpu.device().read(&buffers).await?;
        let pairs = words.pop().unwrap_or_default();
        // rows that were not allowed carry the key 0
        let found = pairs.chunks_exact(2).filter(|pair| pair[0] != 0);
        let rows = found.map(|pair| (pair[1], score(pair[0]))).collect();
        Ok((words.into_iter().map(|words| words.into_iter().map(f32::from_bits).collect()).collect(), rows))
    }
}

/// The score that a sortable key was made of.
fn score(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}
