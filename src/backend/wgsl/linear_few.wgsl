// act(x·wᵀ + bias) for few rows: x [rows, k] → out [rows, n]. Bindings and packing are those of linear.wgsl.
//
// A text of sixteen tokens would leave most of a 64×64 tile empty and most of the device idle. Here a workgroup makes
// four rows of 32 outputs and shares out the input features: slice s of 32 takes features s, s + 32, …; the slices'
// sums are then folded in workgroup memory.

override INT8: bool;
override BIAS: bool;
override ACT: u32;

struct Params {
    rows: u32,
    n: u32,
    k: u32,
    quads: u32, // ⌈n / 4⌉
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>; // [4 · quads], padded with zeros
@group(0) @binding(4) var<storage, read> bias: array<f32>; // [n]
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

const QUADS: u32 = 8u;
const SLICES: u32 = 32u;

var<workgroup> sums: array<vec4<f32>, 512>; // [4 rows, SLICES / 2, QUADS]

fn weights(k: u32, quad: u32) -> vec4<f32> {
    let at = k * p.quads + quad;
    if (INT8) {
        return unpack(w[at]);
    }
    return bitcast<vec4<f32>>(vec4<u32>(w[4u * at], w[4u * at + 1u], w[4u * at + 2u], w[4u * at + 3u]));
}

fn store(row: u32, quad: u32, total: vec4<f32>) {
    let first = 4u * quad;
    for (var i = 0u; i < 4u; i += 1u) {
        let column = first + i;
        if (row < p.rows && column < p.n) {
            var y = total[i];
            if (INT8) { y *= scales[column]; }
            if (BIAS) { y += bias[column]; }
            out[row * p.n + column] = activate_one(ACT, y);
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = lane % QUADS;
    let slice = lane / QUADS;
    let quad = group.x * QUADS + column;
    let row = group.y * 4u;
    // rows beyond the end are read from the last one and not stored
    let last = p.rows - 1u;
    let r0 = row * p.k;
    let r1 = min(row + 1u, last) * p.k;
    let r2 = min(row + 2u, last) * p.k;
    let r3 = min(row + 3u, last) * p.k;
    var a0 = vec4<f32>();
    var a1 = vec4<f32>();
    var a2 = vec4<f32>();
    var a3 = vec4<f32>();
    if (quad < p.quads) {
        for (var k = slice; k < p.k; k += SLICES) {
            let columns = weights(k, quad);
            a0 += x[r0 + k] * columns;
            a1 += x[r1 + k] * columns;
            a2 += x[r2 + k] * columns;
            a3 += x[r3 + k] * columns;
        }
    }
    for (var half = SLICES / 2u; half > 0u; half /= 2u) {
        if (slice >= half && slice < 2u * half) {
            let at = lane - half * QUADS;
            sums[at] = a0;
            sums[128u + at] = a1;
            sums[256u + at] = a2;
            sums[384u + at] = a3;
        }
        workgroupBarrier();
        if (slice < half) {
            a0 += sums[lane];
            a1 += sums[128u + lane];
            a2 += sums[256u + lane];
            a3 += sums[384u + lane];
        }
        workgroupBarrier();
    }
    if (slice == 0u && quad < p.quads) {
        store(row, quad, a0);
        store(row + 1u, quad, a1);
        store(row + 2u, quad, a2);
        store(row + 3u, quad, a3);
    }
}
