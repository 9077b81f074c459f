// act(x·wᵀ + bias) for many rows: x [rows, k] → out [rows, n].
//
// A workgroup makes a tile of 64×64 outputs, an invocation 4×4 of them. Sixteen input features at a time are laid in
// workgroup memory, where weights have already become floats. Weights are packed [k, ⌈n / 4⌉] in quads of four output
// features, so that neighbours read neighbours: a word holds a quad of int8, four words a quad of f32.
//
// Where the adapter has f16, a second module is made of this file with `real` standing for it: products and their sums
// over sixteen features are f16 then, and the sums of those f32.

alias real = f32;

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

const STEP: u32 = 16u;
// A row of 17, so that sixteen invocations that write one column meet sixteen banks.
const PITCH: u32 = 17u;

var<workgroup> xs: array<vec4<real>, 272>; // [STEP, PITCH] of four rows each
var<workgroup> ws: array<vec4<real>, 256>; // [STEP, 16] of four columns each

fn input(row: u32, k: u32) -> f32 {
    if (row < p.rows && k < p.k) {
        return x[row * p.k + k];
    }
    return 0.0;
}

// Integers are halved seven times, so that f16 holds sums of their products; `store` makes up for it.
fn weights(k: u32, quad: u32) -> vec4<f32> {
    if (k >= p.k || quad >= p.quads) {
        return vec4<f32>();
    }
    let at = k * p.quads + quad;
    if (INT8) {
        return unpack(w[at]) / 128.0;
    }
    return bitcast<vec4<f32>>(vec4<u32>(w[4u * at], w[4u * at + 1u], w[4u * at + 2u], w[4u * at + 3u]));
}

fn store(row: u32, column: u32, sums: vec4<f32>) {
    if (row >= p.rows || column >= p.n) {
        return;
    }
    var y = sums;
    if (INT8) {
        y *= 128.0 * vec4<f32>(scales[column], scales[column + 1u], scales[column + 2u], scales[column + 3u]);
    }
    let last = p.n - 1u;
    if (BIAS) {
        y += vec4<f32>(
            bias[column],
            bias[min(column + 1u, last)],
            bias[min(column + 2u, last)],
            bias[min(column + 3u, last)],
        );
    }
    y = activate(ACT, y);
    let at = row * p.n + column;
    out[at] = y.x;
    if (column + 1u < p.n) { out[at + 1u] = y.y; }
    if (column + 2u < p.n) { out[at + 2u] = y.z; }
    if (column + 3u < p.n) { out[at + 3u] = y.w; }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let fast = lane % 16u;
    let slow = lane / 16u;
    let row = group.y * 64u;
    let quad = group.x * 16u;
    var a0 = vec4<f32>();
    var a1 = vec4<f32>();
    var a2 = vec4<f32>();
    var a3 = vec4<f32>();
    for (var k = 0u; k < p.k; k += STEP) {
        let r = row + 4u * slow;
        let feature = k + fast;
        xs[fast * PITCH + slow] =
            vec4<real>(vec4<f32>(input(r, feature), input(r + 1u, feature), input(r + 2u, feature), input(r + 3u, feature)));
        ws[slow * 16u + fast] = vec4<real>(weights(k + slow, quad + fast));
        workgroupBarrier();
        var b0 = vec4<real>();
        var b1 = vec4<real>();
        var b2 = vec4<real>();
        var b3 = vec4<real>();
        for (var i = 0u; i < STEP; i += 1u) {
            let rows = xs[i * PITCH + slow];
            let columns = ws[i * 16u + fast];
            b0 += rows.x * columns;
            b1 += rows.y * columns;
            b2 += rows.z * columns;
            b3 += rows.w * columns;
        }
        workgroupBarrier();
        a0 += vec4<f32>(b0);
        a1 += vec4<f32>(b1);
        a2 += vec4<f32>(b2);
        a3 += vec4<f32>(b3);
    }
    let r = row + 4u * slow;
    let column = 4u * (quad + fast);
    store(r, column, a0);
    store(r + 1u, column, a1);
    store(r + 2u, column, a2);
    store(r + 3u, column, a3);
}
