//! When a sale is on.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Days without a time, as programs write them. A day before a month comes first: only one shop system writes the other.
const DAYS: [&str; 6] = ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d"];
/// Times without a zone; none counts as UTC.
const TIMES: [&str; 7] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%m/%d/%y, %I:%M %p",
    "%m/%d/%Y, %I:%M %p",
    "%d.%m.%Y %H:%M",
];
/// Times with a zone.
const ZONED: [&str; 5] = [
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
    "%Y-%m-%dT%H%#z",
];

/// A moment: its start where only a day is named, and its end for `last`.
fn moment(text: &str, last: bool) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Some(zoned) = ZONED.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()) {
        return Some(zoned.to_utc());
    }
    if let Some(time) = TIMES.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        let day_is_meant = last && time.time() == chrono::NaiveTime::MIN;
        return Some(if day_is_meant { end_of(time.date())? } else { time.and_utc() });
    }
    // `1/31/20`: two digits of a year
    let short = NaiveDate::parse_from_str(text, "%m/%d/%y").ok().filter(|_| text.len() <= 8);
    let day = short.or_else(|| DAYS.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok()))?;
    if last { end_of(day) } else { Some(day.and_hms_opt(0, 0, 0)?.and_utc()) }
}

fn end_of(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc())
}

/// Whether a sale that starts and ends so is on at `now`. What is empty or cannot be read bounds nothing.
pub fn is_on(now: DateTime<Utc>, from: &str, to: &str) -> bool {
    moment(from, false).is_none_or(|from| from <= now) && moment(to, true).is_none_or(|to| now < to)
}

/// The same for both in one text, as `2020-01-01T00:00+0400/2020-02-01T00:00+0400`.
pub fn is_on_within(now: DateTime<Utc>, range: &str) -> bool {
    // days that are divided by strokes too have five of them
    let strokes: Vec<usize> = range.match_indices('/').map(|(at, _)| at).collect();
    let middle = strokes.get(strokes.len() / 2).copied();
    match middle {
        Some(at) => is_on(now, &range[..at], &range[at + 1..]),
        None => is_on(now, range, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_on_between_its_dates() {
        let now = NaiveDate::from_ymd_opt(2024, 6, 15).unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc();
        let cases = [
            ("", "", true),
            ("2024-06-15", "2024-06-15", true),
            ("2024-06-16", "", false),
            ("", "2024-06-14", false),
            ("2024-06-15 13:00:00", "", false),
            ("2024-06-15T13:00:00+02:00", "", true),
            ("2024-06-15T13:00+0200", "2024-06-15T13:59+0200", false),
            ("2024-06-15T10:00Z", "2024-06-15T12:30:00Z", true),
            ("", "2024-06-15 00:00:00", true),
            ("6/14/24", "6/15/24", true),
            ("", "6/14/24", false),
            ("14.06.2024", "31.12.2024", true),
            ("soon", "later", true),
        ];
        for (from, to, on) in cases {
            assert_eq!(is_on(now, from, to), on, "{from:?} to {to:?}");
        }
        assert!(is_on_within(now, "2024-01-01T00:00+0400/2099-02-01T00:00+0400"));
        assert!(!is_on_within(now, "2020-01-01T00:00+0400/2020-02-01T00:00+0400"));
        assert!(is_on_within(now, "6/1/2024/7/1/2024"));
        assert!(is_on_within(now, ""));
    }
}
