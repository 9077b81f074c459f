// Nothing but fused multiply-adds in registers: what `vitrine bench` takes for the device's ceiling.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let factor = vec4<f32>(x[0]);
    let term = vec4<f32>(x[1]);
    // eight chains hide the latency of each
    var a = vec4<f32>(f32(id.x));
    var b = a + 1.0;
    var c = a + 2.0;
    var d = a + 3.0;
    var e = a + 4.0;
    var f = a + 5.0;
    var g = a + 6.0;
    var h = a + 7.0;
    for (var i = 0u; i < p.rounds; i += 1u) {
        a = fma(a, factor, term);
        b = fma(b, factor, term);
        c = fma(c, factor, term);
        d = fma(d, factor, term);
        e = fma(e, factor, term);
        f = fma(f, factor, term);
        g = fma(g, factor, term);
        h = fma(h, factor, term);
    }
    // stored, so that no compiler leaves the work out
    out[id.x] = dot(a + b + c + d + e + f + g + h, vec4<f32>(1.0));
}
