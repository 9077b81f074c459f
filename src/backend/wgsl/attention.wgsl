// Multi-head softmax attention without a score matrix (Dao et al., 2022): qkv [b, n, 3·d], mask [b, n] → out [b, n, d].
//
// A workgroup takes 16 queries of one head and walks the keys 32 at a time with a running maximum and sum. Invocation
// (row, quad) keeps four features of one query's answer in registers, so heads have at most 64 features.

override MASKED: bool;
override CAUSAL: bool; // a token sees itself and those before it

struct Params {
    n: u32,
    d: u32,
    size: u32, // features of a head
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const QUERIES: u32 = 16u;
const KEYS: u32 = 32u;
const QUADS: u32 = 16u;
const PITCH: u32 = 17u;

var<workgroup> queries: array<vec4<f32>, 256>; // [QUERIES, QUADS]
var<workgroup> tile: array<vec4<f32>, 544>; // keys, then values: [KEYS, PITCH]
var<workgroup> scores: array<f32, 512>; // [QUERIES, KEYS]

// Four features of a token's query (part 0), key (1) or value (2); zero beyond the end.
fn load(batch: u32, token: u32, part: u32, head: u32, quad: u32) -> vec4<f32> {
    var v = vec4<f32>();
    if (token >= p.n) {
        return v;
    }
    let feature = 4u * quad;
    let at = ((batch * p.n + token) * 3u + part) * p.d + head * p.size + feature;
    if (feature < p.size) { v.x = qkv[at]; }
    if (feature + 1u < p.size) { v.y = qkv[at + 1u]; }
    if (feature + 2u < p.size) { v.z = qkv[at + 2u]; }
    if (feature + 3u < p.size) { v.w = qkv[at + 3u]; }
    return v;
}

fn seen(query: u32, token: u32) -> bool {
    return token < p.n && (!CAUSAL || token <= query);
}

fn score(row: u32, key: u32, query: u32, token: u32, batch: u32) -> f32 {
    if (!seen(query, token)) {
        return LOWEST;
    }
    var sum = 0.0;
    let quads = (p.size + 3u) / 4u;
    for (var i = 0u; i < quads; i += 1u) {
        sum += dot(queries[row * QUADS + i], tile[key * PITCH + i]);
    }
    if (MASKED) {
        sum += (1.0 - mask[batch * p.n + token]) * PADDING;
    }
    return sum;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let quad = lane % QUADS;
    let row = lane / QUADS;
    let head = group.y;
    let batch = group.z;
    let query = group.x * QUERIES + row;
    queries[lane] = load(batch, query, 0u, head, quad) * p.scale;
    var sum = vec4<f32>();
    var weight = 0.0;
    var largest = LOWEST;
    for (var first = 0u; first < p.n; first += KEYS) {
        tile[row * PITCH + quad] = load(batch, first + row, 1u, head, quad);
        tile[(row + 16u) * PITCH + quad] = load(batch, first + row + 16u, 1u, head, quad);
        workgroupBarrier();
        // sixteen invocations share a query: each scores two keys
        let a = score(row, quad, query, first + quad, batch);
        let b = score(row, quad + 16u, query, first + quad + 16u, batch);
        scores[row * KEYS + quad] = a;
        scores[row * KEYS + quad + 16u] = b;
        workgroupBarrier();
        var top = largest;
        for (var i = 0u; i < KEYS; i += 1u) {
            top = max(top, scores[row * KEYS + i]);
        }
        workgroupBarrier();
        scores[row * KEYS + quad] = select(0.0, exp_of(a - top), seen(query, first + quad));
        scores[row * KEYS + quad + 16u] = select(0.0, exp_of(b - top), seen(query, first + quad + 16u));
        tile[row * PITCH + quad] = load(batch, first + row, 2u, head, quad);
        tile[(row + 16u) * PITCH + quad] = load(batch, first + row + 16u, 2u, head, quad);
        workgroupBarrier();
        let shrink = select(exp_of(largest - top), 0.0, first == 0u);
        largest = top;
        sum *= shrink;
        weight *= shrink;
        for (var i = 0u; i < KEYS; i += 1u) {
            let e = scores[row * KEYS + i];
            weight += e;
            sum += e * tile[i * PITCH + quad];
        }
        workgroupBarrier();
    }
    let feature = 4u * quad;
    if (query >= p.n || feature >= p.size) {
        return;
    }
    let y = sum / weight;
    let at = (batch * p.n + query) * p.d + head * p.size + feature;
    out[at] = y.x;
    if (feature + 1u < p.size) { out[at + 1u] = y.y; }
    if (feature + 2u < p.size) { out[at + 2u] = y.z; }
    if (feature + 3u < p.size) { out[at + 3u] = y.w; }
}
