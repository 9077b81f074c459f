//! The precisions that products with int8 weights may be computed in.

/// How products with int8 weights are computed. Weights of other formats are always multiplied in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Weights become f32 in the shader.
    F32,
    /// Weights and inputs become f16, and so do sums of sixteen products; where the adapter has f16. Products of few
    /// rows, which wait for memory, stay f32. Inputs must lie within ±4,000, as normalized ones do by far: beyond, sums
    /// become infinite, which the caller sees.
    F16,
    /// Inputs are rounded to 8 bits a row, as on the processor, and four products are one instruction; where the
    /// language has it.
    Packed,
}

impl Precision {
    /// Every precision, the one that is always there first.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Packed];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Packed => "packed",
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let named = Self::ALL.into_iter().find(|precision| precision.name() == name);
        named.ok_or_else(|| format!("expected f32, f16 or packed, got {name}"))
    }
}
