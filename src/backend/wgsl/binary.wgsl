// x ∘ y with y repeated over x: x and out [len], y [period].

override MUL: bool;

struct Params {
    len: u32,
    period: u32,
    width: u32, // invocations along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * p.width + id.x;
    if (i >= p.len) {
        return;
    }
    let b = y[i % p.period];
    if (MUL) {
        out[i] = x[i] * b;
    } else {
        out[i] = x[i] + b;
    }
}
