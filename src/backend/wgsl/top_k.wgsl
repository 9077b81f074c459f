// The best k of every 1024 candidates (key, row), the best first, the lower row first where keys are equal: a bitonic
// sort in workgroup memory. Run again on its own output until one block is left, it selects without reading back.

struct Params {
    count: u32,
    k: u32, // at most 512, so that every pass at least halves what is left
    width: u32, // workgroups along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> candidates: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> best: array<vec2<u32>>; // [⌈count / 1024⌉, k]

const BLOCK: u32 = 1024u;

var<workgroup> block: array<vec2<u32>, 1024>;

fn better(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.x > b.x || (a.x == b.x && a.y < b.y);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = group.y * p.width + group.x;
    if (index * BLOCK >= p.count) {
        return;
    }
    for (var i = lane; i < BLOCK; i += 256u) {
        let at = index * BLOCK + i;
        var candidate = vec2<u32>(0u, 0xffffffffu);
        if (at < p.count) {
            candidate = candidates[at];
        }
        block[i] = candidate;
    }
    workgroupBarrier();
    for (var size = 2u; size <= BLOCK; size *= 2u) {
        for (var stride = size / 2u; stride > 0u; stride /= 2u) {
            for (var t = lane; t < BLOCK / 2u; t += 256u) {
                let i = 2u * t - (t & (stride - 1u));
                let a = block[i];
                let b = block[i + stride];
                // runs of `size` alternate, best first and best last, until one run is left
                if (better(b, a) == ((i & size) == 0u)) {
                    block[i] = b;
                    block[i + stride] = a;
                }
            }
            workgroupBarrier();
        }
    }
    for (var i = lane; i < p.k; i += 256u) {
        best[index * p.k + i] = block[i];
    }
}
