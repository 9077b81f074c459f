//! How the case tables judge an answer: in f64, against the energy of the signal itself, so that small signals count as
//! much as large ones. A signal of zeros must be zeros, and what is not a finite number never passes.

#![allow(dead_code, reason = "each of the tables uses its own part")]

/// Stands around outputs, and in them before a kernel writes: a NaN that no computation makes.
const MARK: f32 = f32::from_bits(0x7fc5_a5a5);
/// Marks before and behind an output: more than the widest vector and the tallest tile's rest.
const GUARD: usize = 64;

/// √Σx².
fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|v| v * v).sum::<f64>().sqrt()
}

/// The worst row's ‖got − want‖ / ‖want‖, of rows of `width` numbers: see [`against`].
pub fn relative(got: &[f32], want: &[f64], width: usize) -> f64 {
    against(got, want, want, width)
}

/// The worst row's ‖got − want‖ / ‖size‖, where `size` says what rounding is relative to: sums of terms that cancel are
/// only as exact as their terms. Infinite for a wrong length, for anything that is not finite, and for an error in a row
/// of size 0.
pub fn against(got: &[f32], want: &[f64], size: &[f64], width: usize) -> f64 {
    let finite = got.iter().all(|v| v.is_finite()) && want.iter().chain(size).all(|v| v.is_finite());
    if !finite || width == 0 || got.len() != want.len() || size.len() != want.len() || !want.len().is_multiple_of(width)
    {
        return f64::INFINITY;
    }
    let rows = got.chunks_exact(width).zip(want.chunks_exact(width)).zip(size.chunks_exact(width));
    let errors = rows.map(|((got, want), size)| {
        let error = norm(got.iter().zip(want).map(|(got, want)| f64::from(*got) - want));
        // 0 / 0 is no error, and anything else over 0 is infinite
        if error == 0.0 { 0.0 } else { error / norm(size.iter().copied()) }
    });
    errors.fold(0.0, f64::max)
}

/// How many numbers are not the same to the last bit; infinite for a wrong length.
pub fn unequal(got: &[f32], want: &[f32]) -> f64 {
    match got.len() == want.len() {
        true => got.iter().zip(want).filter(|(a, b)| a.to_bits() != b.to_bits()).count() as f64,
        false => f64::INFINITY,
    }
}

/// What `f` writes into an output of `len` numbers that lies between marks. Numbers that it leaves out are NaN, and so is
/// everything when it writes before or beyond.
pub fn guarded(len: usize, f: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut all = vec![MARK; len + 2 * GUARD];
    f(&mut all[GUARD..GUARD + len]);
    let marked = |marks: &[f32]| marks.iter().all(|v| v.to_bits() == MARK.to_bits());
    match marked(&all[..GUARD]) && marked(&all[GUARD + len..]) {
        true => all[GUARD..GUARD + len].to_vec(),
        false => vec![f32::NAN; len.max(1)],
    }
}

/// The same for a kernel that works in place on `x`.
pub fn guarded_in_place(x: &[f32], f: impl FnOnce(&mut [f32])) -> Vec<f32> {
    guarded(x.len(), |out| {
        out.copy_from_slice(x);
        f(out);
    })
}

/// One line for each kernel whose number of cases is not the one that its table names.
pub fn wrong_counts<'a>(ran: impl Iterator<Item = &'a str> + Clone, counts: &[(&str, usize)]) -> Vec<String> {
    let unknown = ran.clone().find(|kernel| counts.iter().all(|(name, _)| name != kernel));
    let wrong = counts.iter().filter_map(|(name, count)| {
        let got = ran.clone().filter(|kernel| kernel == name).count();
        (got != *count).then(|| format!("{name}: {got} cases ran, expected {count}"))
    });
    wrong.chain(unknown.map(|kernel| format!("{kernel}: cases ran, but the table names no number of them"))).collect()
}
