// Put in front of every kernel. The elementary functions are the processor's (kernels/math.rs), coefficient by
// coefficient, since WGSL leaves its own tanh a wide error bound and promises nothing of infinities.

const ACT_GELU: u32 = 1u;
const ACT_TANH: u32 = 2u;
const ACT_SIGMOID: u32 = 3u;
const ACT_TANH_GELU: u32 = 4u;
const ACT_QUICK_GELU: u32 = 5u;

// Added to the score of a padding token, as on the processor.
const PADDING: f32 = -1e9;
// Below every score that can occur; WGSL has no infinity.
const LOWEST: f32 = -3e38;

// eˣ for x ≤ 0 up to rounding; what underflows is a number far below 1 instead.
fn exp_of(x: f32) -> f32 {
    return exp(clamp(x, -80.0, 80.0));
}

// An odd rational function, constant beyond ±9. Absolute error ≤ 5e-7.
fn tanh_of(x: f32) -> f32 {
    let c = clamp(x, -9.0, 9.0);
    let t = c * c;
    let p = (((1.3354478e-8 * t + 2.0608947e-5) * t + 3.49558e-3) * t + 1.3381019e-1) * t + 1.0;
    let q = (((7.776482e-7 * t + 3.285621e-4) * t + 2.587695e-2) * t + 4.6714334e-1) * t + 1.0;
    return c * p / q;
}

// max(x, 0) − |x|·Φ(−|x|) with Φ(−a) ≈ ½·P(a)⁻¹⁶. Absolute error ≤ 1e-6.
fn gelu_of(x: f32) -> f32 {
    // beyond 12 the tail is far below the last bit of any sum, and P¹⁶ must stay finite
    let a = min(abs(x), 12.0);
    let high = ((6.3330063e-6 * a + 4.13837e-5) * a + 5.971817e-5) * a + 3.2493156e-3;
    let p = ((high * a + 2.1157297e-2) * a + 4.986414e-2) * a + 1.0;
    let p2 = p * p;
    let p4 = p2 * p2;
    let p8 = p4 * p4;
    return max(x, 0.0) - a * 0.5 / (p8 * p8);
}

fn sigmoid_of(x: f32) -> f32 {
    return 1.0 / (1.0 + exp_of(-x));
}

fn tanh_gelu_of(x: f32) -> f32 {
    // beyond 20 it is x or 0, and the cube must stay finite
    let c = clamp(x, -20.0, 20.0);
    return x * sigmoid_of(c * (0.071354816 * c * c + 1.5957691));
}

fn activate_one(act: u32, x: f32) -> f32 {
    switch act {
        case ACT_GELU: { return gelu_of(x); }
        case ACT_TANH: { return tanh_of(x); }
        case ACT_SIGMOID: { return sigmoid_of(x); }
        case ACT_TANH_GELU: { return tanh_gelu_of(x); }
        case ACT_QUICK_GELU: { return x * sigmoid_of(1.702 * x); }
        default: { return x; }
    }
}

fn activate(act: u32, x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(activate_one(act, x.x), activate_one(act, x.y), activate_one(act, x.z), activate_one(act, x.w));
}

// Four signed bytes of a word, the lowest first.
fn unpack(word: u32) -> vec4<f32> {
    let w = bitcast<i32>(word);
    return vec4<f32>(f32((w << 24u) >> 24u), f32((w << 16u) >> 24u), f32((w << 8u) >> 24u), f32(w >> 24u));
}
