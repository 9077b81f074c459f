// act(x·wᵀ + bias) for few rows of what quantize.wgsl made. Bindings and packing are those of linear_packed.wgsl, the
// sharing out of input features is that of linear_few.wgsl: a workgroup makes four rows of 64 outputs, slice s of 16
// takes words s, s + 16, …, and the slices' sums are folded in workgroup memory.

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

const QUADS: u32 = 16u;
const SLICES: u32 = 16u;

var<workgroup> sums: array<vec4<i32>, 512>; // [4 rows, SLICES / 2, QUADS]

fn dots(x: u32, columns: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(
        dot4I8Packed(x, columns.x),
        dot4I8Packed(x, columns.y),
        dot4I8Packed(x, columns.z),
        dot4I8Packed(x, columns.w),
    );
}

fn store(row: u32, first: u32, total: vec4<i32>) {
    if (row >= p.rows) {
        return;
    }
    let scale = bitcast<f32>(ranges[row].x);
    let shift = bitcast<i32>(ranges[row].y);
    for (var i = 0u; i < 4u; i += 1u) {
        let column = first + i;
        if (column < p.n) {
            let weight = scales[column];
            var y = f32(total[i] + shift * bitcast<i32>(weight.y)) * (scale * bitcast<f32>(weight.x));
            if (BIAS) { y += bias[column]; }
            out[row * p.n + column] = activate_one(ACT, y);
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slice = lane / QUADS;
    let quad = group.x * QUADS + lane % QUADS;
    let row = group.y * 4u;
    // rows beyond the end are read from the last one and not stored
    let last = p.rows - 1u;
    let r0 = row * p.words;
    let r1 = min(row + 1u, last) * p.words;
    let r2 = min(row + 2u, last) * p.words;
    let r3 = min(row + 3u, last) * p.words;
    var a0 = vec4<i32>();
    var a1 = vec4<i32>();
    var a2 = vec4<i32>();
    var a3 = vec4<i32>();
    if (quad < p.quads) {
        for (var word = slice; word < p.words; word += SLICES) {
            let columns = w[word * p.quads + quad];
            a0 += dots(codes[r0 + word], columns);
            a1 += dots(codes[r1 + word], columns);
            a2 += dots(codes[r2 + word], columns);
            a3 += dots(codes[r3 + word], columns);
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
        store(row, 4u * quad, a0);
        store(row + 1u, 4u * quad, a1);
        store(row + 2u, 4u * quad, a2);
        store(row + 3u, 4u * quad, a3);
    }
}
