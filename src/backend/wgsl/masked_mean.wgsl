// Mean over unmasked tokens: x [b, n, d], mask [b, n] → out [b, d]. One invocation a feature.

struct Params {
    n: u32,
    d: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let feature = id.x;
    let batch = id.y;
    if (feature >= p.d) {
        return;
    }
    var sum = 0.0;
    var count = 0.0;
    for (var token = batch * p.n; token < (batch + 1u) * p.n; token += 1u) {
        sum += mask[token] * x[token * p.d + feature];
        count += mask[token];
    }
    out[batch * p.d + feature] = sum / count;
}
