// Rows scaled to unit length: x [rows, d] → out [rows, d]. One workgroup a row.

struct Params {
    rows: u32,
    d: u32,
    width: u32, // workgroups along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

const LANES: u32 = 64u;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * p.width + group.x;
    if (row >= p.rows) {
        return;
    }
    let first = row * p.d;
    var squares = 0.0;
    for (var i = lane; i < p.d; i += LANES) {
        squares += x[first + i] * x[first + i];
    }
    parts[lane] = squares;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            parts[lane] += parts[lane + half];
        }
        workgroupBarrier();
    }
    let inverse = inverseSqrt(parts[0] + 1e-12);
    for (var i = lane; i < p.d; i += LANES) {
        out[first + i] = x[first + i] * inverse;
    }
}
