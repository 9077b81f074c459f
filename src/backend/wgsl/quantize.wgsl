// Rows of activations in 8 bits, as on the processor (kernels/gemm_i8.rs): x [rows, k] → codes [rows, ⌈k / 4⌉], four
// to a word, and for each row its scale and what must be added to every code: x ≈ scale · (code + shift), 0 exact. One
// workgroup a row.

struct Params {
    rows: u32,
    k: u32,
    words: u32, // ⌈k / 4⌉
    width: u32, // workgroups along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2<u32>>;

const LANES: u32 = 64u;
// Steps between the smallest and the largest number of a row. One less than fits, since both ends are rounded.
const STEPS: f32 = 254.0;
// Rows narrower than this are rows of zeros.
const TINY: f32 = 1e-30;

var<workgroup> lows: array<f32, 64>;
var<workgroup> highs: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * p.width + group.x;
    if (row >= p.rows) {
        return;
    }
    let first = row * p.k;
    var low = 0.0;
    var high = 0.0;
    for (var i = lane; i < p.k; i += LANES) {
        low = min(low, x[first + i]);
        high = max(high, x[first + i]);
    }
    lows[lane] = low;
    highs[lane] = high;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            lows[lane] = min(lows[lane], lows[lane + half]);
            highs[lane] = max(highs[lane], highs[lane + half]);
        }
        workgroupBarrier();
    }
    let range = highs[0] - lows[0];
    var inverse = 0.0;
    if (range > TINY) {
        inverse = STEPS / range;
    }
    // the code of 0, between −128 and 127
    let zero = clamp(round(-lows[0] * inverse), 0.0, 255.0) - 128.0;
    for (var word = lane; word < p.words; word += LANES) {
        var four = vec4<f32>();
        for (var i = 0u; i < 4u; i += 1u) {
            let at = 4u * word + i;
            if (at < p.k) {
                four[i] = x[first + at];
            }
        }
        let code = vec4<i32>(clamp(round(four * inverse) + zero, vec4<f32>(-128.0), vec4<f32>(127.0)));
        codes[row * p.words + word] = pack4xI8(code);
    }
    if (lane == 0u) {
        ranges[row] = vec2<u32>(bitcast<u32>(range / STEPS), bitcast<u32>(-i32(zero)));
    }
}
