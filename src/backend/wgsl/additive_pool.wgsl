// Additive-attention pool (Bahdanau et al., 2015): keys [b, n, a], shift [b, a], v [a], values [b, n, d], mask [b, n]
// → pooled [b, d] and weights [b, n] = softmax_i vᵀtanh(keys_i + shift). One workgroup a sequence.

override SHIFTED: bool;
override MASKED: bool;

struct Params {
    n: u32,
    a: u32,
    d: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<f32>;
@group(0) @binding(2) var<storage, read> shift: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<f32>;
@group(0) @binding(5) var<storage, read> mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> pooled: array<f32>;
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;

const LANES: u32 = 256u;
// Invocations that score one token together.
const SHARE: u32 = 16u;

var<workgroup> parts: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let batch = group.x;
    let first = batch * p.n;
    for (var step = 0u; step < p.n; step += LANES / SHARE) {
        let token = step + lane / SHARE;
        var sum = 0.0;
        if (token < p.n) {
            for (var i = lane % SHARE; i < p.a; i += SHARE) {
                var key = keys[(first + token) * p.a + i];
                if (SHIFTED) {
                    key += shift[batch * p.a + i];
                }
                sum += v[i] * tanh_of(key);
            }
        }
        parts[lane] = sum;
        workgroupBarrier();
        if (lane % SHARE == 0u && token < p.n) {
            for (var i = 1u; i < SHARE; i += 1u) {
                sum += parts[lane + i];
            }
            if (MASKED) {
                sum += (1.0 - mask[first + token]) * PADDING;
            }
            weights[first + token] = sum;
        }
        workgroupBarrier();
    }
    storageBarrier();

    var largest = LOWEST;
    for (var token = lane; token < p.n; token += LANES) {
        largest = max(largest, weights[first + token]);
    }
    parts[lane] = largest;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            parts[lane] = max(parts[lane], parts[lane + half]);
        }
        workgroupBarrier();
    }
    largest = parts[0];
    workgroupBarrier();

    var sum = 0.0;
    for (var token = lane; token < p.n; token += LANES) {
        sum += exp_of(weights[first + token] - largest);
    }
    parts[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            parts[lane] += parts[lane + half];
        }
        workgroupBarrier();
    }
    let total = parts[0];
    for (var token = lane; token < p.n; token += LANES) {
        weights[first + token] = exp_of(weights[first + token] - largest) / total;
    }
    storageBarrier();

    for (var i = lane; i < p.d; i += LANES) {
        var y = 0.0;
        for (var token = 0u; token < p.n; token += 1u) {
            y += weights[first + token] * values[(first + token) * p.d + i];
        }
        pooled[batch * p.d + i] = y;
    }
}
