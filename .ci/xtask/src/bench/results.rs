//! The figures of all rounds, and what follows from them: medians and ratios.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::contender::Contender;
use super::rows::Row;

/// What was measured, in the order of the rounds.
#[derive(Default)]
pub(super) struct Results(BTreeMap<(Contender, Row), Vec<f64>>);

impl Results {
    pub(super) fn add(&mut self, who: Contender, figures: impl IntoIterator<Item = (Row, f64)>) {
        for (row, figure) in figures {
            self.0.entry((who, row)).or_default().push(figure);
        }
    }

    pub(super) fn median(&self, who: Contender, row: Row) -> Option<f64> {
        median(self.0.get(&(who, row))?)
    }

    /// The better figure of some.
    pub(super) fn best(&self, of: &[Contender], row: Row) -> Option<f64> {
        row.better().best(of.iter().filter_map(|who| self.median(*who, row)))
    }

    /// All figures of one, and their medians.
    pub(super) fn json(&self, who: Contender) -> Value {
        let rows = Row::ALL.iter().filter_map(|row| {
            let figures = self.0.get(&(who, *row))?;
            let value = json!({ "unit": row.unit(), "median": median(figures), "rounds": figures });
            Some((row.key().to_owned(), value))
        });
        Value::Object(rows.collect::<Map<_, _>>())
    }
}

/// How much of the other a figure is; `None` where nothing can be divided by it.
pub(super) fn ratio(figure: f64, other: f64) -> Option<f64> {
    (other != 0.0).then(|| figure / other)
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
    use super::super::implementation::{Kind, Name};
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 200.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 200.0]), Some(3.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_best_of_some_is_the_most_of_a_rate_and_the_least_of_a_cost() {
        let peers = [Name::WireguardGo, Name::Gotatun].map(|name| Contender { name, kind: Kind::Own });
        let mut results = Results::default();
        for (who, figure) in peers.iter().zip([1.0, 2.0]) {
            results.add(*who, [(Row::TcpOne, figure), (Row::PingIdle, figure)]);
        }
        assert_eq!(results.best(&peers, Row::TcpOne), Some(2.0));
        assert_eq!(results.best(&peers, Row::PingIdle), Some(1.0));
        assert_eq!(results.best(&peers, Row::Resident), None);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(ratio(3.0, 2.0), Some(1.5));
        assert_eq!(ratio(3.0, 0.0), None);
    }
}
