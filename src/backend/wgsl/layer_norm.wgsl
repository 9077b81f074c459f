// Layer normalization of rows: x [rows, d], gamma and beta [d] → out [rows, d]. One workgroup a row.

struct Params {
    rows: u32,
    d: u32,
    eps: f32,
    width: u32, // workgroups along x
    share: f32, // 1 / d, made where division is exact, so that a row of one number is its own mean
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const LANES: u32 = 64u;

var<workgroup> parts: array<f32, 64>;

// The sum of every invocation's part.
fn total(lane: u32, part: f32) -> f32 {
    parts[lane] = part;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            parts[lane] += parts[lane + half];
        }
        workgroupBarrier();
    }
    let sum = parts[0];
    workgroupBarrier();
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * p.width + group.x;
    if (row >= p.rows) {
        return;
    }
    let first = row * p.d;
    var sum = 0.0;
    for (var i = lane; i < p.d; i += LANES) {
        sum += x[first + i];
    }
    let mean = total(lane, sum) * p.share;
    var squares = 0.0;
    for (var i = lane; i < p.d; i += LANES) {
        let centered = x[first + i] - mean;
        squares += centered * centered;
    }
    let inverse = inverseSqrt(total(lane, squares) * p.share + p.eps);
    for (var i = lane; i < p.d; i += LANES) {
        out[first + i] = (x[first + i] - mean) * inverse * gamma[i] + beta[i];
    }
}
