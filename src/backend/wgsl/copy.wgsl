// Copies `len / run` runs of `run` numbers from evenly spaced places to evenly spaced places: what joining, prepending
// and skipping are made of.

struct Params {
    len: u32,
    run: u32,
    start: u32, // where the first run begins in x
    start_step: u32,
    place: u32, // where it goes in out
    place_step: u32,
    width: u32, // invocations along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * p.width + id.x;
    if (i >= p.len) {
        return;
    }
    let run = i / p.run;
    let at = i % p.run;
    out[p.place + run * p.place_step + at] = x[p.start + run * p.start_step + at];
}
