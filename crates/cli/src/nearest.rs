//! What somebody may have meant.

/// The name that is nearest to what was typed, if any is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    names
        .into_iter()
        .map(|name| (distance(&typed, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance * 2 <= name.len().max(typed.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of characters to insert, delete or replace (Levenshtein 1966).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_not_more() {
        let names = ["echo", "broadcast", "primary-backup", "LIN-STALE-READ"];
        assert_eq!(nearest("ecoh", names), Some("echo"));
        assert_eq!(nearest("brodcast", names), Some("broadcast"));
        assert_eq!(nearest("lin-stale-raed", names), Some("LIN-STALE-READ"));
        assert_eq!(nearest("raft", names), None);
        assert_eq!(nearest("nonsense", names), None);
        assert_eq!(nearest("", names), None);
    }
}
