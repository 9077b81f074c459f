//! Checkpoints: named tensors in safetensors files.
//!
//! An int8 matrix is stored as an `I8` tensor beside `{name}.scale` (`F32`, one a row), an int4 one as `U8` pairs
//! beside `{name}.scale` (`F16`, one a block); see [`crate::quant`].

use crate::error::{Error, Result};
use crate::quant::{Format, Matrix, MatrixData};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;

/// One tensor of a checkpoint. A matrix is anything with two axes or more, all but the first joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The tensor's shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub matrix: Matrix,
}

impl Stored {
    /// Floats of the given shape.
    pub fn from_f32(values: Vec<f32>, shape: &[usize]) -> Result<Self> {
        let rows = if shape.len() > 1 { shape[0] } else { 1 };
        let cols = shape.iter().product::<usize>() / rows.max(1);
        Ok(Self { shape: shape.to_vec(), matrix: Matrix::from_f32(values, rows, cols)? })
    }
}

impl Stored {
    /// Bytes of its numbers and scales in a file.
    fn bytes(&self) -> usize {
        match &self.matrix.data {
            MatrixData::F32(values) => 4 * values.len(),
            MatrixData::F16(values) => 2 * values.len(),
            MatrixData::Q8 { values, scales } => values.len() + 4 * scales.len(),
            MatrixData::Q4 { values, scales } => values.len() + 2 * scales.len(),
        }
    }

    /// Some rows of a matrix.
    fn rows(&self, range: std::ops::Range<usize>) -> Self {
        let matrix = self.matrix.rows(range);
        let shape = [&[matrix.rows], &self.shape[1..]].concat();
        Self { shape, matrix }
    }

    /// Adds the rows of another matrix.
    fn append(&mut self, name: &str, next: Self) -> Result<()> {
        let fits = self.shape.len() > 1 && next.shape.len() > 1 && self.shape[1..] == next.shape[1..];
        if !(fits && self.matrix.append(next.matrix)) {
            return Err(Error::Tensor {
                name: name.to_string(),
                expected: format!("more rows of shape {:?} in the same format", self.shape),
                got: format!("shape {:?}", next.shape),
            });
        }
        self.shape[0] = self.matrix.rows;
        Ok(())
    }
}

/// Named tensors in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// The tensors by name.
    pub tensors: BTreeMap<String, Stored>,
    /// Free text pairs kept in the file's header.
    pub metadata: BTreeMap<String, String>,
}

const SCALE: &str = ".scale";

impl Checkpoint {
    /// Reads a safetensors file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bad = |e: safetensors::SafeTensorError| {
            Error::Model(format!("expected a whole safetensors file, got {} bytes that are none ({e})", bytes.len()))
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let file = SafeTensors::deserialize(bytes).map_err(bad)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if name.ends_with(SCALE) && file.tensor(&name[..name.len() - SCALE.len()]).is_ok() {
                continue;
            }
            let scale = file.tensor(&format!("{name}{SCALE}")).ok();
            tensors.insert(name.to_string(), read_tensor(name, &view, scale.as_ref())?);
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { tensors, metadata })
    }

    /// Writes a safetensors file; equal checkpoints give equal bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut views: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, stored) in &self.tensors {
            write_tensor(name, stored, &mut views);
        }
        let mut entries = Vec::with_capacity(views.len());
        for (name, dtype, shape, bytes) in &views {
            let view = TensorView::new(*dtype, shape.clone(), bytes)
                .map_err(|e| Error::Model(format!("writing tensor {name}: {e}; this is a bug, please report it")))?;
            entries.push((name.as_str(), view));
        }
        // the header's own map is unordered, so more than one pair would not give equal bytes: they go as one
        let header = (!self.metadata.is_empty()).then(|| {
            let all = serde_json::to_string(&self.metadata).unwrap_or_default();
            std::collections::HashMap::from([("vitrine".to_string(), all)])
        });
        safetensors::serialize(entries, header).map_err(|e| Error::Model(format!("writing weights: {e}")))
    }

    /// The tensor `name`.
    pub fn get(&self, name: &str) -> Result<&Stored> {
        self.tensors.get(name).ok_or_else(|| absent(name))
    }

    /// Takes the tensor `name` out.
    pub fn take(&mut self, name: &str) -> Result<Stored> {
        self.tensors.remove(name).ok_or_else(|| absent(name))
    }

    /// Safetensors files of at most `most` bytes each, as few as that takes. Most weights fit into one. Tensors are in
    /// the order of their names; a matrix that does not fit goes on in the next file, under the same name.
    pub fn to_files(&self, most: usize) -> Result<Vec<Vec<u8>>> {
        let whole = self.to_bytes()?;
        if whole.len() <= most {
            return Ok(vec![whole]);
        }
        let room = most.saturating_sub(HEADER);
        let (mut files, mut file, mut used) = (Vec::new(), Checkpoint::default(), 0);
        file.metadata = self.metadata.clone();
        for (name, stored) in &self.tensors {
            let rows = stored.matrix.rows;
            let row = stored.bytes().div_ceil(rows.max(1)).max(1);
            let mut from = 0;
            while from < rows {
                let fit = room.saturating_sub(used + ENTRY) / row;
                if fit == 0 && used > 0 {
                    files.push(std::mem::take(&mut file).to_bytes()?);
                    used = 0;
                    continue;
                }
                let to = rows.min(from + fit.max(1));
                let part = if (from, to) == (0, rows) { stored.clone() } else { stored.rows(from..to) };
                used += part.bytes() + ENTRY;
                file.tensors.insert(name.clone(), part);
                from = to;
            }
        }
        files.push(file.to_bytes()?);
        Ok(files)
    }

    /// Adds what the next file of the same weights holds; see [`to_files`](Self::to_files).
    pub fn append(&mut self, next: Checkpoint) -> Result<()> {
        for (name, stored) in next.tensors {
            match self.tensors.get_mut(&name) {
                Some(first) => first.append(&name, stored)?,
                None => drop(self.tensors.insert(name, stored)),
            }
        }
        self.metadata.extend(next.metadata);
        Ok(())
    }

    /// The same tensors with every weight matrix stored as `format`. Vectors, and matrices that are not named as
    /// weights (positions, class tokens), stay floats, since they are small and sensitive.
    pub fn convert(&self, format: Format) -> Self {
        let mut out = self.clone();
        for (name, stored) in &mut out.tensors {
            if stored.shape.len() > 1 && name.ends_with(".weight") {
                stored.matrix = stored.matrix.convert(format);
            } else if format != Format::F32 {
                // half precision is exact enough for what is added or multiplied once
                stored.matrix = stored.matrix.convert(if stored.shape.len() > 1 { Format::F16 } else { Format::F32 });
            }
        }
        out
    }
}

/// What an entry of a file's header may take, in bytes, with that of its scales.
const ENTRY: usize = 512;
/// What the rest of the header may take.
const HEADER: usize = 4096;

fn absent(name: &str) -> Error {
    Error::Tensor { name: name.to_string(), expected: "a tensor of this name".into(), got: "none".into() }
}

fn read_tensor(name: &str, view: &TensorView<'_>, scale: Option<&TensorView<'_>>) -> Result<Stored> {
    let mut shape = view.shape().to_vec();
    if shape.contains(&0) {
        let (expected, got) = ("at least one number".into(), format!("shape {shape:?}"));
        return Err(Error::Tensor { name: name.to_string(), expected, got });
    }
    let bytes = view.data();
    let data = match (view.dtype(), scale) {
        (Dtype::F32, _) => MatrixData::F32(read_f32(bytes)),
        (Dtype::F16, _) => MatrixData::F16(read_f16(bytes)),
        (Dtype::BF16, _) => {
            let value = |c: &[u8]| bf16::from_le_bytes([c[0], c[1]]).to_f32();
            MatrixData::F32(bytes.chunks_exact(2).map(value).collect())
        }
        (Dtype::I8, Some(scale)) if scale.dtype() == Dtype::F32 => {
            MatrixData::Q8 { values: bytes.iter().map(|&v| v as i8).collect(), scales: read_f32(scale.data()) }
        }
        (Dtype::U8, Some(scale)) if scale.dtype() == Dtype::F16 => {
            if let Some(last) = shape.last_mut() {
                *last *= 2;
            }
            MatrixData::Q4 { values: bytes.to_vec(), scales: read_f16(scale.data()) }
        }
        (dtype, _) => {
            return Err(Error::Tensor {
                name: name.to_string(),
                expected: "F32, F16, BF16, or I8 / U8 with scales".into(),
                got: format!("{dtype:?}"),
            });
        }
    };
    let rows = if shape.len() > 1 { shape[0] } else { 1 };
    let numbers: usize = shape.iter().product();
    let cols = numbers.checked_div(rows).unwrap_or(0);
    let scales_fit = match &data {
        MatrixData::Q8 { scales, .. } => scales.len() == rows,
        MatrixData::Q4 { scales, .. } => {
            cols.is_multiple_of(crate::quant::Q4_BLOCK) && scales.len() == numbers / crate::quant::Q4_BLOCK
        }
        _ => true,
    };
    match scales_fit {
        true => Ok(Stored { shape, matrix: Matrix { rows, cols, data } }),
        false => Err(Error::Tensor {
            name: format!("{name}{SCALE}"),
            expected: format!("one scale a row or block of {shape:?}"),
            got: format!("{:?}", scale.map(|s| s.shape().to_vec())),
        }),
    }
}

fn read_f32(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
}

fn read_f16(bytes: &[u8]) -> Vec<f16> {
    bytes.chunks_exact(2).map(|c| f16::from_le_bytes([c[0], c[1]])).collect()
}

fn write_tensor(name: &str, stored: &Stored, out: &mut Vec<(String, Dtype, Vec<usize>, Vec<u8>)>) {
    let f32s = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let f16s = |v: &[f16]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let Matrix { rows, cols, data } = &stored.matrix;
    let shape = stored.shape.clone();
    let name = name.to_string();
    match data {
        MatrixData::F32(v) => out.push((name, Dtype::F32, shape, f32s(v))),
        MatrixData::F16(v) => out.push((name, Dtype::F16, shape, f16s(v))),
        MatrixData::Q8 { values, scales } => {
            out.push((format!("{name}{SCALE}"), Dtype::F32, vec![*rows], f32s(scales)));
            out.push((name, Dtype::I8, shape, values.iter().map(|&v| v as u8).collect()));
        }
        MatrixData::Q4 { values, scales } => {
            let blocks = cols / crate::quant::Q4_BLOCK;
            out.push((format!("{name}{SCALE}"), Dtype::F16, vec![*rows, blocks], f16s(scales)));
            out.push((name, Dtype::U8, vec![*rows, cols / 2], values.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::composed::Composed;
    use crate::backend::weights::Weights;

    fn sample() -> Checkpoint {
        let mut checkpoint = Checkpoint::default();
        let values: Vec<f32> = (0..3 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
        checkpoint.tensors.insert("a.weight".into(), Stored::from_f32(values, &[3, 64]).unwrap());
        checkpoint.tensors.insert("a.bias".into(), Stored::from_f32(vec![1.0, -2.0, 0.5], &[3]).unwrap());
        checkpoint.tensors.insert("pos".into(), Stored::from_f32(vec![0.25; 8], &[1, 2, 4]).unwrap());
        checkpoint
    }

    #[test]
    fn every_format_survives_the_file() {
        for format in [Format::F32, Format::F16, Format::Q8, Format::Q4] {
            let stored = sample().convert(format);
            let bytes = stored.to_bytes().unwrap();
            assert_eq!(Checkpoint::from_bytes(&bytes).unwrap().tensors, stored.tensors, "{format:?}");
            assert_eq!(bytes, stored.to_bytes().unwrap());
        }
    }

    #[test]
    fn damage_is_an_error_that_names_the_tensor() {
        let bytes = sample().to_bytes().unwrap();
        assert!(Checkpoint::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Checkpoint::from_bytes(&[]).is_err());
        assert!(Checkpoint::from_bytes(&[255; 64]).is_err());
        let b = Composed::cpu();
        let error = sample().matrix(&b, "a.weight", 4, 64).unwrap_err().to_string();
        assert!(error.contains("a.weight") && error.contains("[4, 64]") && error.contains("[3, 64]"), "{error}");
        let error = Weights::vector(&sample(), &b, "b.bias", &[3]).unwrap_err().to_string();
        assert!(error.contains("b.bias"), "{error}");
    }
}
