//! The shaders: one file a kernel, specialized by override constants.

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
    /// Whether `real` stands for f16, which needs an adapter that has it.
    pub half: bool,
}

/// Functions that stand in front of every kernel.
const FUNCTIONS: &str = include_str!("../wgsl/functions.wgsl");

impl Kernel {
    /// The whole module.
    pub fn wgsl(&self) -> String {
        match self.half {
            false => format!("{FUNCTIONS}\n{}", self.source),
            true => {
                format!("enable f16;\n{FUNCTIONS}\n{}", self.source.replace("alias real = f32;", "alias real = f16;"))
            }
        }
    }
}

macro_rules! kernels {
    ($($constant:ident $name:literal $half:literal $inputs:literal -> $outputs:literal [$($override:literal),*];)*) => {
        $(pub(crate) static $constant: Kernel = Kernel {
            name: $name,
            source: include_str!(concat!("../wgsl/", $name, ".wgsl")),
            inputs: $inputs,
            outputs: $outputs,
            overrides: &[$($override),*],
            half: $half,
        };)*

        /// Every kernel, for tests that validate, compile or count them.
        pub static ALL: &[&Kernel] = &[$(&$constant),*];
    };
}

kernels! {
    LINEAR "linear" false 4 -> 1 ["INT8", "BIAS", "ACT"];
    LINEAR_HALF "linear" true 4 -> 1 ["INT8", "BIAS", "ACT"];
    LINEAR_FEW "linear_few" false 4 -> 1 ["INT8", "BIAS", "ACT"];
    QUANTISE "quantize" false 1 -> 2 [];
    LINEAR_PACKED "linear_packed" false 5 -> 1 ["BIAS", "ACT"];
    LINEAR_FEW_PACKED "linear_few_packed" false 5 -> 1 ["BIAS", "ACT"];
    LAYER_NORM "layer_norm" false 3 -> 1 [];
    ATTENTION "attention" false 2 -> 1 ["MASKED", "CAUSAL"];
    ADDITIVE_POOL "additive_pool" false 5 -> 2 ["SHIFTED", "MASKED"];
    MASKED_MEAN "masked_mean" false 2 -> 1 [];
    NORMALIZE "normalize" false 1 -> 1 [];
    BINARY "binary" false 2 -> 1 ["MUL"];
    EMBED "embed" false 3 -> 1 ["INT8", "PACKED"];
    COPY "copy" false 1 -> 1 [];
    SCAN "scan" false 4 -> 1 ["FILTERED"];
    TOP_K "top_k" false 1 -> 1 [];
    MULTIPLY_ADD "multiply_add" false 1 -> 1 [];
}
