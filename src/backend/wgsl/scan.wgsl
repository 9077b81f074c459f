// Scores scales[i] · Σ query · vectors[i] as sortable keys: vectors [rows, 16 · quads] of int8, query [16 · quads], both
// padded with zeros, → candidates (key, row). Sixteen invocations share a vector, so that neighbours read neighbours.

override FILTERED: bool;

struct Params {
    rows: u32,
    quads: u32, // ⌈d / 16⌉
    first: u32, // row of the catalog that this piece begins with
    width: u32, // workgroups along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> query: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> vectors: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> allowed: array<u32>; // one bit a row of the catalog
@group(0) @binding(5) var<storage, read_write> candidates: array<vec2<u32>>;

const SHARE: u32 = 16u;
const STEPS: u32 = 4u; // of 16 vectors a workgroup

var<workgroup> parts: array<f32, 256>;

// Keys are ordered as the scores are, every one above 0, which is left for what must not be found.
fn key(score: f32) -> u32 {
    let bits = bitcast<u32>(score);
    return select(~bits, bits | 0x80000000u, bits < 0x80000000u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let base = (group.y * p.width + group.x) * STEPS * 16u;
    for (var step = 0u; step < STEPS; step += 1u) {
        let row = base + step * 16u + lane / SHARE;
        var sum = 0.0;
        if (row < p.rows) {
            for (var i = lane % SHARE; i < p.quads; i += SHARE) {
                let v = vectors[row * p.quads + i];
                sum += dot(unpack(v.x), query[4u * i]) + dot(unpack(v.y), query[4u * i + 1u])
                    + dot(unpack(v.z), query[4u * i + 2u]) + dot(unpack(v.w), query[4u * i + 3u]);
            }
        }
        parts[lane] = sum;
        workgroupBarrier();
        if (lane % SHARE == 0u && row < p.rows) {
            for (var i = 1u; i < SHARE; i += 1u) {
                sum += parts[lane + i];
            }
            let at = p.first + row;
            var k = key(sum * scales[row]);
            if (FILTERED) {
                k = select(0u, k, ((allowed[at / 32u] >> (at % 32u)) & 1u) == 1u);
            }
            candidates[at] = vec2<u32>(k, at);
        }
        workgroupBarrier();
    }
}
