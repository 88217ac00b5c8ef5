//! The figures of all rounds, and what follows from them: medians and ratios.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::implementation::Name;
use super::rows::{ROWS, Row};

/// What was measured, in the order of the rounds.
#[derive(Default)]
pub(super) struct Results(BTreeMap<(Name, Row), Vec<f64>>);

impl Results {
    pub(super) fn add(&mut self, name: Name, figures: impl IntoIterator<Item = (Row, f64)>) {
        for (row, figure) in figures {
            self.0.entry((name, row)).or_default().push(figure);
        }
    }

    pub(super) fn median(&self, name: Name, row: Row) -> Option<f64> {
        median(self.0.get(&(name, row))?)
    }

    /// All figures of an implementation, and their medians.
    pub(super) fn json(&self, name: Name) -> Value {
        let rows = ROWS.iter().filter_map(|about| {
            let figures = self.0.get(&(name, about.row))?;
            let value = json!({ "unit": about.unit, "median": median(figures), "rounds": figures });
            Some((about.key.to_owned(), value))
        });
        Value::Object(rows.collect::<Map<_, _>>())
    }
}

/// The middle one, or between the two in the middle.
fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some((sorted[low] + sorted[high]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 200.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 200.0]), Some(3.5));
        assert_eq!(median(&[]), None);
    }
}
