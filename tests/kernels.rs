//! The kernels' case table on this processor: every instruction set it has against the scalar twin.

use vitrine::backend::kernels;

#[path = "kernels/cases.rs"]
mod cases;

#[test]
fn every_instruction_set_agrees_with_its_scalar_twin() {
    for isa in kernels::Isa::available() {
        let found = cases::run(isa);
        let failed: Vec<String> = found
            .iter()
            .filter(|found| found.failed())
            .map(|found| format!("{}: {:.3e} where {:.3e} is allowed", found.case, found.worst, found.allowed))
            .collect();
        println!("{}: {} cases", isa.name(), found.len());
        assert!(failed.is_empty(), "{} on {}:\n{}", failed.len(), isa.name(), failed.join("\n"));
    }
}
