//! Writes the JavaScript bindings of a compiled wasm build: `bindings IN.wasm OUT_DIR NAME`.
//!
//! This is wasm-bindgen's own library. Its command line does the same and brings a server and a client for tests,
//! which nothing here uses and which would be most of what is compiled. Being a package of this workspace, it has its
//! versions from the one lock file.

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = &args[..] else {
        bail!("expected IN.wasm OUT_DIR NAME, got {} arguments", args.len());
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name(name).web(true)?.typescript(true).omit_default_module_path(false);
    bindgen.generate(folder).with_context(|| format!("writing the bindings of {input} to {folder}"))
}
