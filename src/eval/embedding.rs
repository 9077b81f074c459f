//! How a catalog could keep its vectors, and what that costs in recall: fewer numbers, and fewer bits for each.
//!
//! A query stays in floats; only its length follows the catalog's. The scores are those of the vectors as stored.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Photos that a search by single bits hands to the exact one.
pub const RESCORED: usize = 100;

/// What is kept of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Four bytes.
    F32,
    /// One byte, with one scale a vector: what catalogs hold.
    Int8,
    /// Half a byte, −7 … 7, with one scale a vector.
    Int4,
    /// Its sign. The [`RESCORED`] photos nearest by signs are ordered by int8 vectors, the others stay behind them.
    Binary,
}

/// A form of the catalog's vectors, written such as `int8@128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// What is kept of each number.
    pub numbers: Numbers,
    /// How many numbers, the first ones of the model's vector.
    pub dimension: usize,
}

const NAMES: [(&str, Numbers); 4] =
    [("f32", Numbers::F32), ("int8", Numbers::Int8), ("int4", Numbers::Int4), ("binary", Numbers::Binary)];

impl FromStr for Embedding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected f32, int8, int4 or binary with a length, such as int8@128, got {text}");
        let (name, dimension) = text.split_once('@').ok_or_else(wrong)?;
        let numbers = NAMES.iter().find(|(known, _)| *known == name).ok_or_else(wrong)?.1;
        match dimension.parse() {
            Ok(dimension) if dimension > 0 => Ok(Self { numbers, dimension }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, numbers)| *numbers == self.numbers).map_or("", |(name, _)| name);
        write!(f, "{name}@{}", self.dimension)
    }
}

impl Serialize for Embedding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Embedding {
    /// Bytes of one photo, scales counted.
    pub fn bytes(&self) -> usize {
        let d = self.dimension;
        match self.numbers {
            Numbers::F32 => 4 * d,
            Numbers::Int8 => d + 4,
            Numbers::Int4 => d.div_ceil(2) + 4,
            Numbers::Binary => d.div_ceil(8) + d + 4,
        }
    }

    /// The first numbers of a vector, at unit length again; whole vectors stay as they are.
    fn cut(&self, vector: &[f32]) -> Vec<f32> {
        let kept = &vector[..self.dimension.min(vector.len())];
        if kept.len() == vector.len() {
            return kept.to_vec();
        }
        let length = kept.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        kept.iter().map(|x| x / length).collect()
    }

    /// A vector as it is read back from this form.
    fn stored(&self, vector: &[f32]) -> Vec<f32> {
        let vector = self.cut(vector);
        let steps = match self.numbers {
            Numbers::F32 => return vector,
            Numbers::Int4 => 7.0,
            Numbers::Int8 | Numbers::Binary => 127.0,
        };
        let largest = vector.iter().fold(0.0f32, |m, x| m.max(x.abs())).max(f32::MIN_POSITIVE);
        vector.iter().map(|x| (x / largest * steps).round() / steps * largest).collect()
    }

    /// All vectors `[photos, dimension]` of a gallery as read back from this form, one after the other.
    pub fn gallery(&self, vectors: &[f32], dimension: usize) -> Vec<f32> {
        vectors.chunks_exact(dimension.max(1)).flat_map(|vector| self.stored(vector)).collect()
    }

    /// Scores of a query (a model's whole vector) with a `gallery` of this form, made of vectors of `dimension`.
    pub fn scores(&self, gallery: &[f32], dimension: usize, query: &[f32], dot: fn(&[f32], &[f32]) -> f32) -> Vec<f32> {
        let d = self.dimension.min(dimension);
        let query = self.cut(query);
        let mut scores: Vec<f32> = gallery.chunks_exact(d).map(|photo| dot(photo, &query)).collect();
        if self.numbers == Numbers::Binary && scores.len() > RESCORED {
            let agree = |photo: &[f32]| photo.iter().zip(&query).filter(|(p, q)| (**p < 0.0) == (**q < 0.0)).count();
            let agreed: Vec<usize> = gallery.chunks_exact(d).map(agree).collect();
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by_key(|&photo| std::cmp::Reverse(agreed[photo]));
            // below every cosine, and among themselves in the order of their signs
            order[RESCORED..].iter().for_each(|&photo| scores[photo] = agreed[photo] as f32 / d as f32 - 3.0);
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(x: &[f32], y: &[f32]) -> f32 {
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn names_are_read_and_written() {
        for text in ["f32@256", "int8@128", "int4@64", "binary@3"] {
            assert_eq!(text.parse::<Embedding>().unwrap().to_string(), text);
        }
        for wrong in ["int8", "int8@", "int8@0", "int7@64", "@64"] {
            assert!(wrong.parse::<Embedding>().unwrap_err().contains(wrong), "{wrong}");
        }
        let bytes = ["f32@256", "int8@256", "int4@256", "binary@256"].map(|t| t.parse::<Embedding>().unwrap().bytes());
        assert_eq!(bytes, [1024, 260, 132, 292]);
    }

    #[test]
    fn rounding_errs_by_half_a_step_at_most_and_cutting_keeps_unit_length() {
        let vector = [0.8f32, -0.55, 0.2, 0.12];
        for (text, step) in [("f32@4", 0.0), ("int8@4", 0.8 / 127.0), ("int4@4", 0.8 / 7.0)] {
            let stored = text.parse::<Embedding>().unwrap().gallery(&vector, 4);
            let most = stored.iter().zip(&vector).map(|(s, v)| (s - v).abs()).fold(0.0, f32::max);
            assert!(most <= step / 2.0 + 1e-6, "{text}: {most}");
            assert_eq!(most > 0.0, step > 0.0, "{text} must round");
        }
        let cut = "f32@2".parse::<Embedding>().unwrap().gallery(&vector, 4);
        assert!((dot(&cut, &cut) - 1.0).abs() < 1e-6 && cut.len() == 2 && cut[1] < 0.0, "{cut:?}");
        // the query is cut alike
        let scores = "f32@2".parse::<Embedding>().unwrap().scores(&cut, 4, &vector, dot);
        assert!((scores[0] - 1.0).abs() < 1e-6, "{scores:?}");
    }

    #[test]
    fn signs_choose_whom_the_exact_search_orders() {
        // of the plane: many photos near 10°, one at 100°, which shares one sign of two with the query at 100°
        let unit = |degrees: f32| [degrees.to_radians().cos(), degrees.to_radians().sin()];
        let mut photos: Vec<[f32; 2]> = (0..RESCORED).map(|i| unit(i as f32 / 200.0 + 10.0)).collect();
        photos.push(unit(-10.0)); // shares no sign with the query, but a larger cosine than the next
        photos.push(unit(170.0));
        let form: Embedding = "binary@2".parse().unwrap();
        let gallery = form.gallery(&photos.concat(), 2);
        let scores = form.scores(&gallery, 2, &unit(50.0), dot);
        assert!(scores[..RESCORED].iter().all(|s| *s > 0.7), "those of the same signs are rescored");
        assert!(scores[RESCORED..].iter().all(|s| *s < -1.0), "the others stay behind: {:?}", &scores[RESCORED..]);
        let whole = "int8@2".parse::<Embedding>().unwrap().scores(&gallery, 2, &unit(50.0), dot);
        assert!(whole[RESCORED] > 0.4 && whole[..RESCORED] == scores[..RESCORED]);
    }
}
