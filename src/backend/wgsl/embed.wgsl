// Rows of a table, packed as the weights of linear.wgsl or linear_packed.wgsl are: ids [count] → out [count, d].

override INT8: bool;
override PACKED: bool;

struct Params {
    len: u32, // count · d
    d: u32,
    quads: u32, // ⌈rows / 4⌉
    width: u32, // invocations along x
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * p.width + id.x;
    if (i >= p.len) {
        return;
    }
    let row = ids[i / p.d];
    let column = i % p.d;
    if (PACKED) {
        // scales stand beside the sums of the rows
        out[i] = unpack(table[column / 4u * p.quads * 4u + row])[column % 4u] * scales[2u * row];
        return;
    }
    let at = column * p.quads + row / 4u;
    if (INT8) {
        out[i] = unpack(table[at])[row % 4u] * scales[row];
    } else {
        out[i] = bitcast<f32>(table[4u * at + row % 4u]);
    }
}
