//! Numbers as people read them.
//!
//! Invariant: every text is short enough for a label and says its unit.

/// Seconds left or taken, such as `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn secs(secs: f32) -> String {
    let secs = secs.max(0.0);
    if !secs.is_finite() {
        return "–".to_owned();
    }
    let whole = secs.round() as u64;
    match whole {
        _ if secs < 0.000_95 => format!("{:.0} µs", secs * 1e6),
        _ if secs < 0.009_95 => format!("{:.1} ms", secs * 1e3),
        _ if secs < 0.95 => format!("{:.0} ms", secs * 1e3),
        _ if secs < 9.5 => format!("{secs:.1} s"),
        0..=59 => format!("{whole} s"),
        60..=3599 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// A count with thin spaces between the thousands, such as `20 000`.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// Bytes, such as `214 MB`.
pub(crate) fn bytes(n: usize) -> String {
    let mb = n as f32 / 1e6;
    if mb < 1000.0 {
        format!("{mb:.0} MB")
    } else {
        format!("{:.2} GB", mb / 1e3)
    }
}

/// A number with about three digits that count.
pub(crate) fn number(x: f32) -> String {
    match x.abs() {
        a if !a.is_finite() => "–".to_owned(),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        _ => format!("{x:.2}"),
    }
}

/// `z` with the dimension as a subscript, counted from 1.
pub(crate) fn dimension(dim: usize) -> String {
    let subscript = |c: char| {
        c.to_digit(10)
            .and_then(|d| char::from_u32(0x2080 + d))
            .unwrap_or(c)
    };
    std::iter::once('z')
        .chain((dim + 1).to_string().chars().map(subscript))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(secs(0.0004), "400 µs");
        assert_eq!(secs(0.0041), "4.1 ms");
        assert_eq!(secs(200.0), "3 min 20 s");
        assert_eq!(secs(7_500.0), "2 h 5 min");
        assert_eq!(secs(f32::INFINITY), "–");
        assert_eq!(count(20_000), "20\u{2009}000");
        assert_eq!(count(999), "999");
        assert_eq!(dimension(11), "z₁₂");
        assert_eq!(number(123.4), "123");
        assert_eq!(bytes(1_500_000_000), "1.50 GB");
    }
}
