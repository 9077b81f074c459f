//! Words with a typo.

/// From so many letters on one may be wrong, missing, too many or exchanged with its neighbour; from so many two.
const ONE_WRONG: usize = 5;
const TWO_WRONG: usize = 9;

/// The form nearest to a word, if one is near enough; of several the first in the alphabet.
pub(super) fn nearest<'a>(word: &str, forms: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < ONE_WRONG || letters.iter().any(char::is_ascii_digit) {
        return None;
    }
    let most = if letters.len() >= TWO_WRONG { 2 } else { 1 };
    let near = |form: &'a str| {
        let other: Vec<char> = form.chars().collect();
        // the first letter is seldom wrong
        if other.len() < ONE_WRONG - 1 || other.len().abs_diff(letters.len()) > most || other[0] != letters[0] {
            return None;
        }
        Some((edits(&letters, &other), form)).filter(|(edits, _)| *edits <= most)
    };
    forms.filter_map(near).min().map(|(_, form)| form)
}

/// Letters to exchange, add, leave out, or swap with their neighbour.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
