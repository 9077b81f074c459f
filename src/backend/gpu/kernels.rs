//! The shaders: one file a kernel, specialised by override constants.

/// A compute shader and what it binds: parameters at 0, then inputs, then outputs.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the file.
    pub name: &'static str,
    /// WGSL without the functions that every kernel shares.
    pub source: &'static str,
    /// Storage buffers that are read.
    pub inputs: u32,
    /// Storage buffers that are written.
    pub outputs: u32,
    /// Override constants.
    pub overrides: &'static [&'static str],
}

/// Functions that stand in front of every kernel.
const FUNCTIONS: &str = include_str!("../wgsl/functions.wgsl");

impl Kernel {
    /// The whole module.
    pub fn wgsl(&self) -> String {
        format!("{FUNCTIONS}\n{}", self.source)
    }
}

macro_rules! kernels {
    ($($constant:ident $name:literal $inputs:literal -> $outputs:literal [$($override:literal),*];)*) => {
        $(pub(crate) static $constant: Kernel = Kernel {
            name: $name,
            source: include_str!(concat!("../wgsl/", $name, ".wgsl")),
            inputs: $inputs,
            outputs: $outputs,
            overrides: &[$($override),*],
        };)*

        /// Every kernel, for tests that validate, compile or count them.
        pub static ALL: &[&Kernel] = &[$(&$constant),*];
    };
}

kernels! {
    LINEAR "linear" 4 -> 1 ["INT8", "BIAS", "ACT"];
    LINEAR_FEW "linear_few" 4 -> 1 ["INT8", "BIAS", "ACT"];
    LAYER_NORM "layer_norm" 3 -> 1 [];
    ATTENTION "attention" 2 -> 1 ["MASKED"];
    ADDITIVE_POOL "additive_pool" 5 -> 2 ["SHIFTED", "MASKED"];
    MASKED_MEAN "masked_mean" 2 -> 1 [];
    NORMALISE "normalise" 1 -> 1 [];
    BINARY "binary" 2 -> 1 ["MUL"];
    EMBED "embed" 3 -> 1 ["INT8"];
    COPY "copy" 1 -> 1 [];
    SCAN "scan" 4 -> 1 ["FILTERED"];
    TOP_K "top_k" 1 -> 1 [];
    MULTIPLY_ADD "multiply_add" 1 -> 1 [];
}
