// act(x·wᵀ + bias) for many rows of what quantize.wgsl made, four products to an instruction: codes [rows, words] →
// out [rows, n]. Sums are integers, as on the processor.
//
// A workgroup makes a tile of 64×64 outputs, an invocation 4×4 of them. Sixteen words of input features at a time are
// laid in workgroup memory. Weights are packed [words, ⌈n / 4⌉, 4]: four output features side by side, a word of four
// input features each.

override BIAS: bool;
override ACT: u32;

struct Params {
    rows: u32,
    n: u32,
    words: u32, // of input features: ⌈k / 4⌉
    quads: u32, // ⌈n / 4⌉
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> ranges: array<vec2<u32>>; // [rows]: scale, shift
@group(0) @binding(3) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> scales: array<vec2<u32>>; // [4 · quads]: scale, sum of the weights
@group(0) @binding(5) var<storage, read> bias: array<f32>; // [n]
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

const STEP: u32 = 16u;
// A row of 17, so that sixteen invocations that write one column meet sixteen banks.
const PITCH: u32 = 17u;

var<workgroup> xs: array<vec4<u32>, 272>; // [STEP, PITCH] of four rows each
var<workgroup> ws: array<vec4<u32>, 256>; // [STEP, 16] of four columns each

fn code(row: u32, word: u32) -> u32 {
    if (row < p.rows && word < p.words) {
        return codes[row * p.words + word];
    }
    return 0u;
}

fn weights(word: u32, quad: u32) -> vec4<u32> {
    if (word < p.words && quad < p.quads) {
        return w[word * p.quads + quad];
    }
    return vec4<u32>();
}

fn dots(x: u32, columns: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(
        dot4I8Packed(x, columns.x),
        dot4I8Packed(x, columns.y),
        dot4I8Packed(x, columns.z),
        dot4I8Packed(x, columns.w),
    );
}

fn store(row: u32, first: u32, sums: vec4<i32>) {
    if (row >= p.rows) {
        return;
    }
    let scale = bitcast<f32>(ranges[row].x);
    let shift = bitcast<i32>(ranges[row].y);
    for (var i = 0u; i < 4u; i += 1u) {
        let column = first + i;
        if (column < p.n) {
            let weight = scales[column];
            var y = f32(sums[i] + shift * bitcast<i32>(weight.y)) * (scale * bitcast<f32>(weight.x));
            if (BIAS) { y += bias[column]; }
            out[row * p.n + column] = activate_one(ACT, y);
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let fast = lane % 16u;
    let slow = lane / 16u;
    let quad = group.x * 16u;
    let r = group.y * 64u + 4u * slow;
    var a0 = vec4<i32>();
    var a1 = vec4<i32>();
    var a2 = vec4<i32>();
    var a3 = vec4<i32>();
    for (var word = 0u; word < p.words; word += STEP) {
        let at = word + fast;
        xs[fast * PITCH + slow] = vec4<u32>(code(r, at), code(r + 1u, at), code(r + 2u, at), code(r + 3u, at));
        ws[slow * 16u + fast] = weights(word + slow, quad + fast);
        workgroupBarrier();
        for (var i = 0u; i < STEP; i += 1u) {
            let rows = xs[i * PITCH + slow];
            let columns = ws[i * 16u + fast];
            a0 += dots(rows.x, columns);
            a1 += dots(rows.y, columns);
            a2 += dots(rows.z, columns);
            a3 += dots(rows.w, columns);
        }
        workgroupBarrier();
    }
    let column = 4u * (quad + fast);
    store(r, column, a0);
    store(r + 1u, column, a1);
    store(r + 2u, column, a2);
    store(r + 3u, column, a3);
}
