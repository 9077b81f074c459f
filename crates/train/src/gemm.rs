//! Matrix products for training on a processor: bf16 operands with f32 sums where the processor multiplies those, on
//! AMX tiles or with the dot products of AVX-512, else plain f32.
//!
//! Weights stay f32; only the operands of a product are rounded to bf16, as mixed-precision training does on GPUs.

use std::sync::OnceLock;

/// Precision of the matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32 throughout: the reference, and the choice where bf16 is not multiplied in hardware.
    F32,
    /// Operands rounded to bf16, sums in f32.
    Bf16,
}

impl Precision {
    /// The fastest precision that this processor has.
    pub fn fastest() -> Self {
        if unit() == Unit::None { Self::F32 } else { Self::Bf16 }
    }
}

/// What multiplies bf16. All of them read the same tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// AMX tiles: Intel since Sapphire Rapids.
    Amx,
    /// AVX-512 with `vdpbf16ps`: AMD since Zen 4.
    Avx512,
    /// Nothing here does.
    None,
}

/// The fastest unit of this processor that the operating system lends to this process.
fn unit() -> Unit {
    static UNIT: OnceLock<Unit> = OnceLock::new();
    *UNIT.get_or_init(|| match (wide::available(), wide::request_amx()) {
        (true, true) => Unit::Amx,
        (true, false) => Unit::Avx512,
        _ => Unit::None,
    })
}

/// 32 × 32 block of a product over `kb` tiles of contraction, in rows of `stride`; needs a live [`wide::Session`]. It
/// is added to the row `start`, or to what `c` holds.
fn product(a: &[u16], b: &[u16], kb: usize, start: Option<&[f32]>, c: &mut [f32], stride: usize) {
    assert!(a.len() == 2 * kb * TILE && b.len() == 2 * kb * TILE && kb > 0);
    assert!(c.len() >= (BLOCK - 1) * stride + BLOCK && start.is_none_or(|s| s.len() == BLOCK));
    match unit() {
        Unit::Amx => wide::product_amx(a, b, kb, start, c, stride),
        Unit::Avx512 => wide::product_dot(a, b, kb, start, c, stride),
        Unit::None => product_plain(a, b, kb, start, c, stride),
    }
}

/// [`product`] number by number: the reference of the other units.
fn product_plain(a: &[u16], b: &[u16], kb: usize, start: Option<&[f32]>, c: &mut [f32], stride: usize) {
    let widen = |bits: u16| f32::from_bits(u32::from(bits) << 16);
    for (i, j) in (0..BLOCK * BLOCK).map(|x| (x / BLOCK, x % BLOCK)) {
        let (a, b) = (&a[i / 16 * kb * TILE + i % 16 * DEPTH..], &b[j / 16 * kb * TILE + j % 16 * 2..]);
        let mut sum = start.map_or(c[i * stride + j], |row| row[j]);
        for x in 0..kb * DEPTH {
            let (tile, x) = (x / DEPTH * TILE, x % DEPTH);
            sum += widen(a[tile + x]) * widen(b[tile + x / 2 * 32 + x % 2]);
        }
        c[i * stride + j] = sum;
    }
}

/// Edge of a tile pair: products are made in blocks of 32 × 32.
const BLOCK: usize = 32;
/// Contraction length of one tile.
const DEPTH: usize = 32;
/// Numbers in a tile of 16 × 32.
const TILE: usize = 512;

/// The right operand of a product, `[k, n]`, laid out for the kernels.
#[derive(Clone, Debug)]
pub struct Packed {
    k: usize,
    n: usize,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    /// Row-major `[k, n]`.
    Plain(Vec<f32>),
    /// Tiles of 16 pairs × 16 columns, `[n / 16][k / 32]`, n padded to 32.
    Tiles(Vec<u16>),
}

/// How element (i, j) of an operand lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// At `i · stride + j`.
    Rows,
    /// At `j · stride + i`.
    Columns,
}

impl Packed {
    /// Packs the operand whose element (k, n) lies in `source` as `order` and `stride` say.
    pub fn new(precision: Precision, source: &[f32], [k, n]: [usize; 2], order: Order, stride: usize) -> Self {
        let data = match precision {
            Precision::F32 => Data::Plain(match order {
                Order::Rows => (0..k).flat_map(|i| source[i * stride..][..n].iter().copied()).collect(),
                Order::Columns => {
                    let mut out = vec![0.0; k * n];
                    for j in 0..n {
                        for i in 0..k {
                            out[i * n + j] = source[j * stride + i];
                        }
                    }
                    out
                }
            }),
            Precision::Bf16 => {
                let (nb, kb) = (n.div_ceil(BLOCK) * 2, k.div_ceil(DEPTH));
                let mut tiles = vec![0u16; nb * kb * TILE];
                for (i, tile) in tiles.chunks_exact_mut(TILE).enumerate() {
                    let (k0, n0) = (i % kb * DEPTH, i / kb * 16);
                    pack_right(source, [k, n], order, stride, [k0, n0], tile);
                }
                Data::Tiles(tiles)
            }
        };
        Self { k, n, data }
    }

    /// `out = a · self + bias` for row-major a `[m, k]` and out `[m, n]`.
    pub fn multiply(&self, a: &[f32], m: usize, bias: Option<&[f32]>, out: &mut [f32]) {
        let (k, n) = (self.k, self.n);
        assert!(a.len() >= m * k && out.len() >= m * n, "operands too short for {m}×{k} by {k}×{n}");
        match &self.data {
            Data::Plain(b) => {
                super::kernels::mm([m, n, k], (a, k, 1), (b, n), (out, n), false);
                if let Some(bias) = bias {
                    out.chunks_exact_mut(n).for_each(|row| super::kernels::add_assign(row, bias));
                }
            }
            Data::Tiles(b) => {
                let kb = k.div_ceil(DEPTH);
                let mut left = vec![0u16; 2 * kb * TILE];
                let mut start = vec![0.0f32; n.next_multiple_of(BLOCK)];
                if let Some(bias) = bias {
                    start[..n].copy_from_slice(bias);
                }
                let _session = wide::Session::open(unit());
                for i in (0..m).step_by(BLOCK) {
                    for (t, tile) in left.chunks_exact_mut(TILE).enumerate() {
                        pack_left(a, [m, k], Order::Rows, k, [i + t / kb * 16, t % kb * DEPTH], tile);
                    }
                    for j in (0..n).step_by(BLOCK) {
                        let b = &b[j / 16 * kb * TILE..][..2 * kb * TILE];
                        let size = [BLOCK.min(m - i), BLOCK.min(n - j)];
                        let start = &start[j..][..BLOCK];
                        if size == [BLOCK; 2] {
                            product(&left, b, kb, Some(start), &mut out[i * n + j..], n);
                        } else {
                            let mut block = [0.0f32; BLOCK * BLOCK];
                            product(&left, b, kb, Some(start), &mut block, BLOCK);
                            for r in 0..size[0] {
                                out[(i + r) * n + j..][..size[1]].copy_from_slice(&block[r * BLOCK..][..size[1]]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `c += aᵀ · b` for row-major a `[t, m]`, b `[t, n]`, c `[m, n]`: the gradient of a weight matrix.
pub fn add_transposed_product(precision: Precision, [t, m, n]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(a.len() >= t * m && b.len() >= t * n && c.len() >= m * n, "operands too short for {t}×{m}×{n}");
    if precision == Precision::F32 {
        return super::kernels::mm([m, n, t], (a, 1, m), (b, n), (c, n), true);
    }
    const STRIP: usize = 512;
    let _session = wide::Session::open(unit());
    let mut left = Vec::new();
    for t0 in (0..t).step_by(STRIP) {
        let depth = STRIP.min(t - t0);
        let kb = depth.div_ceil(DEPTH);
        let right = Packed::new(precision, &b[t0 * n..], [depth, n], Order::Rows, n);
        let Data::Tiles(right) = &right.data else { return };
        left.resize(2 * kb * TILE, 0u16);
        for i in (0..m).step_by(BLOCK) {
            for (x, tile) in left.chunks_exact_mut(TILE).enumerate() {
                let at = [i + x / kb * 16, x % kb * DEPTH];
                pack_left(&a[t0 * m..], [m, depth], Order::Columns, m, at, tile);
            }
            for j in (0..n).step_by(BLOCK) {
                let right = &right[j / 16 * kb * TILE..][..2 * kb * TILE];
                let (rows, cols) = (BLOCK.min(m - i), BLOCK.min(n - j));
                if [rows, cols] == [BLOCK; 2] {
                    product(&left, right, kb, None, &mut c[i * n + j..], n);
                    continue;
                }
                let mut block = [0.0f32; BLOCK * BLOCK];
                product(&left, right, kb, None, &mut block, BLOCK);
                for r in 0..rows {
                    let row = &mut c[(i + r) * n + j..][..cols];
                    row.iter_mut().zip(&block[r * BLOCK..]).for_each(|(c, p)| *c += p);
                }
            }
        }
    }
}

/// Tile of 16 rows × 32 contraction steps of the left operand `[m, k]`, zero past its edges.
fn pack_left(a: &[f32], [m, k]: [usize; 2], order: Order, stride: usize, [i, j]: [usize; 2], tile: &mut [u16]) {
    let tile: &mut [u16; TILE] = tile.try_into().expect("a tile");
    let whole = i + 16 <= m && j + DEPTH <= k;
    match (order, whole) {
        (Order::Rows, true) => wide::round_rows(&a[i * stride + j..], stride, tile),
        (Order::Columns, true) => wide::pair_rows_transposed(&a[j * stride + i..], stride, tile),
        _ => {
            let mut padded = [0.0f32; TILE]; // [16, 32]
            for r in 0..16.min(m.saturating_sub(i)) {
                for c in 0..DEPTH.min(k - j) {
                    padded[r * DEPTH + c] = match order {
                        Order::Rows => a[(i + r) * stride + j + c],
                        Order::Columns => a[(j + c) * stride + i + r],
                    };
                }
            }
            wide::round_rows(&padded, DEPTH, tile);
        }
    }
}

/// Tile of 16 pairs of contraction steps × 16 columns of the right operand `[k, n]`, zero past its edges.
fn pack_right(b: &[f32], [k, n]: [usize; 2], order: Order, stride: usize, [i, j]: [usize; 2], tile: &mut [u16]) {
    let tile: &mut [u16; TILE] = tile.try_into().expect("a tile");
    let whole = i + DEPTH <= k && j + 16 <= n;
    match (order, whole) {
        (Order::Rows, true) => wide::pair_rows(&b[i * stride + j..], stride, tile),
        (Order::Columns, true) => wide::round_rows_transposed(&b[j * stride + i..], stride, tile),
        _ => {
            let mut padded = [0.0f32; TILE]; // [32, 16]
            for r in 0..DEPTH.min(k - i) {
                for c in 0..16.min(n.saturating_sub(j)) {
                    padded[r * 16 + c] = match order {
                        Order::Rows => b[(i + r) * stride + j + c],
                        Order::Columns => b[(j + c) * stride + i + r],
                    };
                }
            }
            wide::pair_rows(&padded, 16, tile);
        }
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod wide {
    //! AMX tiles by inline assembly, since their intrinsics are not stable, and AVX-512 for dot products and layouts.
    use super::{BLOCK, DEPTH, TILE, Unit};
    use std::arch::asm;
    use std::arch::x86_64::*;

    /// Whether the processor has AVX-512 with bf16, which the layouts need.
    pub fn available() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16")
    }

    /// Asks Linux for the tile registers.
    pub fn request_amx() -> bool {
        // leaf 7: EDX bit 22 is AMX-BF16, bit 24 AMX-TILE
        let leaf = __cpuid_count(7, 0);
        if leaf.edx & (1 << 22) == 0 || leaf.edx & (1 << 24) == 0 {
            return false;
        }
        const SYS_ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
        const XFEATURE_XTILEDATA: i64 = 18;
        let granted: i64;
        // SAFETY: a system call that touches no memory of ours; rcx and r11 are what `syscall` overwrites.
        unsafe {
            asm!("syscall", inlateout("rax") SYS_ARCH_PRCTL => granted, in("rdi") ARCH_REQ_XCOMP_PERM,
                 in("rsi") XFEATURE_XTILEDATA, lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        granted == 0
    }

    /// Eight tiles of 16 rows × 64 bytes on AMX, until dropped. Tile registers belong to the thread.
    pub struct Session(Unit, std::marker::PhantomData<*const ()>);

    #[repr(C, align(64))]
    struct Configuration([u8; 64]);

    impl Session {
        pub fn open(unit: Unit) -> Self {
            let session = Self(unit, std::marker::PhantomData);
            if unit != Unit::Amx {
                return session;
            }
            let mut config = Configuration([0; 64]);
            config.0[0] = 1; // palette
            for tile in 0..8 {
                config.0[16 + 2 * tile] = 64; // bytes a row
                config.0[48 + tile] = 16; // rows
            }
            // SAFETY: the tile registers were granted; reads 64 bytes.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &config, options(nostack, readonly)) };
            session
        }
    }

    impl Drop for Session {
        fn drop(&mut self) {
            if self.0 == Unit::Amx {
                // SAFETY: as in `open`.
                unsafe { asm!("tilerelease", options(nostack, nomem)) };
            }
        }
    }

    /// [`super::product`] on AMX tiles.
    pub fn product_amx(a: &[u16], b: &[u16], kb: usize, start: Option<&[f32]>, c: &mut [f32], stride: usize) {
        let second = kb * TILE * 2; // bytes to the second row of tiles
        // a stride of 0 loads one row 16 times
        let (from, from2, from_stride) = match start {
            Some(row) => (row.as_ptr(), row.as_ptr(), 0),
            None => (c.as_ptr(), c[16 * stride..].as_ptr(), stride * 4),
        };
        // SAFETY: reads `2·kb` tiles of 1 KiB from each operand and 32 rows of 32 floats from `c`, or one row from
        // `start`, and writes 32 rows of 32 floats to `c`, as the caller asserted.
        unsafe {
            asm!(
                "tileloadd tmm0, [{f} + {fs}*1]", "tileloadd tmm1, [{f} + {fs}*1 + 64]",
                "tileloadd tmm2, [{f2} + {fs}*1]", "tileloadd tmm3, [{f2} + {fs}*1 + 64]",
                "2:",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tileloadd tmm6, [{b} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b2} + {row}*1]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a2} + {row}*1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 1024", "add {b}, 1024", "add {a2}, 1024", "add {b2}, 1024",
                "dec {n}", "jnz 2b",
                "tilestored [{c} + {cs}*1], tmm0", "tilestored [{c} + {cs}*1 + 64], tmm1",
                "tilestored [{c2} + {cs}*1], tmm2", "tilestored [{c2} + {cs}*1 + 64], tmm3",
                f = in(reg) from, f2 = in(reg) from2, fs = in(reg) from_stride,
                a = inout(reg) a.as_ptr() => _,
                a2 = inout(reg) a.as_ptr().byte_add(second) => _,
                b = inout(reg) b.as_ptr() => _,
                b2 = inout(reg) b.as_ptr().byte_add(second) => _,
                n = inout(reg) kb => _,
                c = in(reg) c.as_mut_ptr(),
                c2 = in(reg) c.as_mut_ptr().add(16 * stride),
                row = in(reg) 64usize,
                cs = in(reg) stride * 4,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// [`super::product`] with dot products of pairs.
    pub fn product_dot(a: &[u16], b: &[u16], kb: usize, start: Option<&[f32]>, c: &mut [f32], stride: usize) {
        // SAFETY: `available` saw the features; the caller asserted the bounds.
        unsafe { dot(a.as_ptr(), b.as_ptr(), kb, start.map(<[f32]>::as_ptr), c.as_mut_ptr(), stride) }
    }

    /// Rows whose sums stay in registers: 8 × 2 of 32 registers, which hides the latency of a dot product.
    const ROWS: usize = 8;

    /// The same bits, read as pairs of bf16.
    #[target_feature(enable = "avx512f")]
    fn pairs(bits: __m512i) -> __m512bh {
        // SAFETY: both are 64 bytes of which every pattern is a value.
        unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn dot(a: *const u16, b: *const u16, kb: usize, start: Option<*const f32>, c: *mut f32, stride: usize) {
        for i in (0..BLOCK).step_by(ROWS) {
            // SAFETY: rows i..i + 8 of the block; each operand has `2·kb` tiles of 512 numbers, `c` 32 rows of 32
            // floats and `start` 32 floats.
            unsafe {
                let a = a.add(i / 16 * kb * TILE + i % 16 * DEPTH);
                let mut sums: [[__m512; 2]; ROWS] = std::array::from_fn(|r| {
                    let from = start.unwrap_or(c.add((i + r) * stride));
                    [_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16))]
                });
                for tile in 0..kb {
                    for pair in 0..DEPTH / 2 {
                        let right = b.add(tile * TILE + pair * 32);
                        let right = [right, right.add(kb * TILE)].map(|p| pairs(_mm512_loadu_si512(p.cast())));
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let both = a.add(tile * TILE + r * DEPTH + 2 * pair).cast::<i32>().read_unaligned();
                            let left = pairs(_mm512_set1_epi32(both));
                            for (sum, right) in sums.iter_mut().zip(right) {
                                *sum = _mm512_dpbf16_ps(*sum, left, right);
                            }
                        }
                    }
                }
                for (r, sums) in sums.into_iter().enumerate() {
                    _mm512_storeu_ps(c.add((i + r) * stride), sums[0]);
                    _mm512_storeu_ps(c.add((i + r) * stride + 16), sums[1]);
                }
            }
        }
    }

    /// 16 rows of 32 floats → 16 rows of 32 bf16.
    pub fn round_rows(source: &[f32], stride: usize, tile: &mut [u16; TILE]) {
        assert!(source.len() >= 15 * stride + 32);
        // SAFETY: `available` saw AVX-512 with bf16; bounds asserted.
        unsafe { round_rows_wide(source.as_ptr(), stride, tile.as_mut_ptr()) }
    }

    /// 16 rows of 32 floats, transposed in pairs: `tile[pair][row]`.
    pub fn round_rows_transposed(source: &[f32], stride: usize, tile: &mut [u16; TILE]) {
        round_rows(source, stride, tile);
        // SAFETY: as above; a tile holds 16 × 16 pairs.
        unsafe { transpose(tile.as_mut_ptr()) }
    }

    /// 32 rows of 16 floats → 16 rows of 16 pairs, a pair being the same column of two rows.
    pub fn pair_rows(source: &[f32], stride: usize, tile: &mut [u16; TILE]) {
        assert!(source.len() >= 31 * stride + 16);
        // SAFETY: as above.
        unsafe { pair_rows_wide(source.as_ptr(), stride, tile.as_mut_ptr()) }
    }

    /// [`pair_rows`], transposed: `tile[column][pair]`.
    pub fn pair_rows_transposed(source: &[f32], stride: usize, tile: &mut [u16; TILE]) {
        pair_rows(source, stride, tile);
        // SAFETY: as above.
        unsafe { transpose(tile.as_mut_ptr()) }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn round_rows_wide(source: *const f32, stride: usize, tile: *mut u16) {
        for r in 0..16 {
            // SAFETY: the callers asserted 16 rows of 32 numbers.
            unsafe {
                let from = source.add(r * stride);
                let both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from.add(16)), _mm512_loadu_ps(from));
                _mm512_storeu_si512(tile.add(r * 32).cast(), std::mem::transmute::<__m512bh, __m512i>(both));
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn pair_rows_wide(source: *const f32, stride: usize, tile: *mut u16) {
        let order = interleaved();
        for p in 0..16 {
            // SAFETY: the callers asserted 32 rows of 16 numbers.
            unsafe {
                let (even, odd) = (source.add(2 * p * stride), source.add((2 * p + 1) * stride));
                let both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(odd), _mm512_loadu_ps(even));
                let pairs = _mm512_permutexvar_epi16(order, std::mem::transmute::<__m512bh, __m512i>(both));
                _mm512_storeu_si512(tile.add(p * 32).cast(), pairs);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn interleaved() -> __m512i {
        let mut order = [0u16; 32];
        for i in 0..16 {
            order[2 * i] = i as u16;
            order[2 * i + 1] = 16 + i as u16;
        }
        // SAFETY: 64 bytes of a local array.
        unsafe { _mm512_loadu_si512(order.as_ptr().cast()) }
    }

    /// Transposes 16 × 16 numbers of 32 bits in place.
    #[target_feature(enable = "avx512f")]
    unsafe fn transpose(tile: *mut u16) {
        // SAFETY: a tile is 16 rows of 64 bytes.
        unsafe {
            let row = |i: usize| _mm512_loadu_si512(tile.add(i * 32).cast());
            let mut t = [_mm512_setzero_si512(); 16];
            for i in 0..8 {
                t[2 * i] = _mm512_unpacklo_epi32(row(2 * i), row(2 * i + 1));
                t[2 * i + 1] = _mm512_unpackhi_epi32(row(2 * i), row(2 * i + 1));
            }
            let mut r = [_mm512_setzero_si512(); 16];
            for i in 0..4 {
                r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
                r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
                r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
                r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
            }
            // r[4·g + c], lane l: rows 4g..4g+4 of column 4·l + c
            for c in 0..4 {
                let low = _mm512_shuffle_i32x4::<0x44>(r[c], r[4 + c]); // lanes 0 1 of groups 0 and 1
                let high = _mm512_shuffle_i32x4::<0xEE>(r[c], r[4 + c]); // lanes 2 3
                let low2 = _mm512_shuffle_i32x4::<0x44>(r[8 + c], r[12 + c]);
                let high2 = _mm512_shuffle_i32x4::<0xEE>(r[8 + c], r[12 + c]);
                let out = [
                    _mm512_shuffle_i32x4::<0x88>(low, low2),
                    _mm512_shuffle_i32x4::<0xDD>(low, low2),
                    _mm512_shuffle_i32x4::<0x88>(high, high2),
                    _mm512_shuffle_i32x4::<0xDD>(high, high2),
                ];
                for (lane, value) in out.into_iter().enumerate() {
                    _mm512_storeu_si512(tile.add((4 * lane + c) * 32).cast(), value);
                }
            }
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod wide {
    //! No unit here: `available` says so and nothing else is ever reached.
    use super::{TILE, Unit};

    pub fn available() -> bool {
        false
    }
    pub fn request_amx() -> bool {
        false
    }
    pub struct Session;
    impl Session {
        pub fn open(_: Unit) -> Self {
            Self
        }
    }
    pub fn product_amx(_: &[u16], _: &[u16], _: usize, _: Option<&[f32]>, _: &mut [f32], _: usize) {}
    pub fn product_dot(_: &[u16], _: &[u16], _: usize, _: Option<&[f32]>, _: &mut [f32], _: usize) {}
    pub fn round_rows(_: &[f32], _: usize, _: &mut [u16; TILE]) {}
    pub fn round_rows_transposed(_: &[f32], _: usize, _: &mut [u16; TILE]) {}
    pub fn pair_rows(_: &[f32], _: usize, _: &mut [u16; TILE]) {}
    pub fn pair_rows_transposed(_: &[f32], _: usize, _: &mut [u16; TILE]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: f32) -> Vec<f32> {
        let hash = |i: usize| (i as f64 * 12.9898 + f64::from(seed)).sin() * 43758.5453;
        (0..n).map(|i| (hash(i).fract()) as f32).collect()
    }

    fn naive(a: impl Fn(usize, usize) -> f32, b: impl Fn(usize, usize) -> f32, [m, n, k]: [usize; 3]) -> Vec<f32> {
        let cell = |i: usize| (0..k).map(|x| f64::from(a(i / n, x)) * f64::from(b(x, i % n))).sum::<f64>() as f32;
        (0..m * n).map(cell).collect()
    }

    fn close(got: &[f32], want: &[f32], k: usize, precision: Precision) {
        // bf16 keeps 8 bits, and rounding errors of k products of about 1/2 add like a random walk
        let tolerance = if precision == Precision::F32 { 1e-5 } else { 8e-3 } * (k as f32).sqrt().max(1.0);
        for (i, (g, w)) in got.iter().zip(want).enumerate() {
            assert!((g - w).abs() <= tolerance, "{i}: {g} instead of {w} ({precision:?}, k {k})");
        }
    }

    #[test]
    fn products_agree_with_naive_sums_at_odd_sizes() {
        for precision in [Precision::F32, Precision::fastest()] {
            for [m, n, k] in [[1, 1, 1], [32, 32, 32], [37, 50, 70], [64, 96, 64], [33, 17, 5], [5, 192, 768]] {
                let (a, w) = (noise(m * k, 0.1), noise(n * k, 0.2));
                let want = naive(|i, x| a[i * k + x], |x, j| w[j * k + x], [m, n, k]);
                let rows: Vec<f32> = (0..k * n).map(|i| w[i % n * k + i / n]).collect();
                for (order, source, stride) in [(Order::Columns, &w, k), (Order::Rows, &rows, n)] {
                    let packed = Packed::new(precision, source, [k, n], order, stride);
                    let mut got = vec![0.0; m * n];
                    packed.multiply(&a, m, None, &mut got);
                    close(&got, &want, k, precision);
                    let bias = noise(n, 0.5);
                    packed.multiply(&a, m, Some(&bias), &mut got);
                    got.chunks_exact_mut(n).for_each(|row| row.iter_mut().zip(&bias).for_each(|(g, b)| *g -= b));
                    close(&got, &want, k, precision);
                }
            }
        }
    }

    #[test]
    fn transposed_products_add_to_what_is_there() {
        for precision in [Precision::F32, Precision::fastest()] {
            for [t, m, n] in [[1, 1, 1], [32, 32, 32], [700, 33, 50], [37, 64, 32], [1024, 16, 16]] {
                let (a, b) = (noise(t * m, 0.3), noise(t * n, 0.4));
                let mut got = vec![1.0; m * n];
                add_transposed_product(precision, [t, m, n], &a, &b, &mut got);
                let want: Vec<f32> =
                    naive(|i, x| a[x * m + i], |x, j| b[x * n + j], [m, n, t]).iter().map(|v| v + 1.0).collect();
                close(&got, &want, t, precision);
            }
        }
    }

    /// What the processor has, asked of the system and not of what decides which unit is used.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[test]
    fn the_fastest_unit_of_this_processor_is_used() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let flags: Vec<&str> =
            text.lines().find(|line| line.starts_with("flags")).unwrap_or_default().split_whitespace().collect();
        let has = |names: &[&str]| names.iter().all(|name| flags.contains(name));
        let wide = has(&["avx512f", "avx512bw", "avx512_bf16"]);
        let wanted = match (wide, has(&["amx_tile", "amx_bf16"])) {
            (true, true) => Unit::Amx,
            (true, false) => Unit::Avx512,
            _ => Unit::None,
        };
        assert_eq!(unit(), wanted);
        assert_eq!(wide::available(), wide);
    }

    #[test]
    fn units_agree_with_their_plain_twin() {
        // whole numbers below 9 are exact in bf16 and their sums in f32, so that the order of additions is no matter
        let bits = |x: usize| (((x * 7 + x / 5) % 17) as f32 - 8.0).to_bits();
        for (kb, stride) in [(1, BLOCK), (3, BLOCK + 7), (24, 64)] {
            let tiles = |seed: usize| (0..2 * kb * TILE).map(|i| (bits(i + seed) >> 16) as u16).collect::<Vec<_>>();
            let (a, b, row) = (tiles(1), tiles(4), (0..BLOCK).map(|i| i as f32).collect::<Vec<_>>());
            for start in [None, Some(&row[..])] {
                let first = vec![3.0; (BLOCK - 1) * stride + BLOCK];
                let (mut want, mut got) = (first.clone(), first.clone());
                product_plain(&a, &b, kb, start, &mut want, stride);
                let _session = wide::Session::open(unit());
                product(&a, &b, kb, start, &mut got, stride);
                assert_eq!(got, want, "{:?}, {kb} tiles", unit());
                assert_ne!(got, first);
                if wide::available() {
                    got = first;
                    wide::product_dot(&a, &b, kb, start, &mut got, stride);
                    assert_eq!(got, want, "dot products, {kb} tiles");
                }
            }
        }
    }
}
