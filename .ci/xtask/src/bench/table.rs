//! The tables, on the terminal and as Markdown: a row a figure, a column an implementation, and how much adit's figure
//! is of each peer's and of the best one's.

use super::comparison::{Against, Comparison};
use super::rows::Better;

/// Cells; the first line is the heading, the first two columns are text, the others figures.
pub(super) struct Table(Vec<Vec<String>>);

impl Table {
    pub(super) fn new(comparison: &Comparison<'_>) -> Self {
        let peers = comparison.peers();
        let best = (!peers.is_empty()).then(|| ("/ best".to_owned(), Against::Best));
        let ratios: Vec<(String, Against)> = peers
            .iter()
            .map(|peer| (format!("/ {}", peer.name.text()), Against::Peer(peer.name)))
            .chain(best)
            .collect();
        let mut heading = vec![String::new(), String::new()];
        heading.extend(comparison.contenders.iter().map(|who| comparison.label(*who)));
        heading.extend(ratios.iter().map(|(name, _)| name.clone()));
        let mut lines = vec![heading];
        for row in comparison.rows() {
            let mut line = vec![row.title().to_owned(), format!("{} {}", arrow(row.better()), row.unit())];
            line.extend(comparison.contenders.iter().map(|who| cell(comparison.figure(*who, row), number)));
            let two_digits = |ratio| format!("{ratio:.2}");
            line.extend(ratios.iter().map(|(_, against)| cell(comparison.ratio(row, *against), two_digits)));
            lines.push(line);
        }
        Self(lines)
    }

    /// Columns as wide as what is in them.
    pub(super) fn aligned(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| self.0.iter().map(|line| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for line in &self.0 {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column < 2 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") }
            });
            text.push_str(cells.collect::<String>().trim_end());
            text.push('\n');
        }
        text
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        for (number, line) in self.0.iter().enumerate() {
            let cells = line.iter().map(|cell| indented(cell)).collect::<Vec<_>>().join(" | ");
            text.push_str(&format!("| {cells} |\n"));
            if number == 0 {
                let rules = (0..line.len()).map(|column| if column < 2 { "---|" } else { "---:|" });
                text.push_str(&format!("|{}\n", rules.collect::<String>()));
            }
        }
        text
    }
}

/// Markdown drops spaces in front.
fn indented(cell: &str) -> String {
    let text = cell.trim_start();
    "&nbsp;".repeat(cell.len() - text.len()) + text
}

fn cell(figure: Option<f64>, text: impl FnOnce(f64) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), text)
}

/// Where the better figures are.
fn arrow(better: Better) -> &'static str {
    match better {
        Better::More => "↑",
        Better::Less => "↓",
    }
}

/// Three digits that count, or as many as are before the point.
pub(super) fn number(figure: f64) -> String {
    if figure == 0.0 {
        return "0".to_owned();
    }
    let before = figure.abs().max(1.0).log10().floor() as usize;
    format!("{figure:.*}", 2_usize.saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::super::contender::contenders;
    use super::super::implementation::{Kind, Name};
    use super::super::results::Results;
    use super::super::rows::Row;
    use super::*;

    #[test]
    fn a_number_has_three_digits_that_count() {
        assert_eq!(
            [0.0, 0.123_4, 4.567, 45.67, 456.7, 45_678.0].map(number),
            ["0", "0.12", "4.57", "45.7", "457", "45678"]
        );
    }

    #[test]
    fn one_that_is_there_for_reference_is_marked_and_counts_among_the_best() {
        let names = [Name::Adit, Name::WireguardGo, Name::Gotatun];
        let mut results = Results::default();
        for (who, figure) in contenders(&names, &[Kind::Plain]).into_iter().zip([3.0, 1.0, 2.0]) {
            results.add(who, [(Row::TcpOne, figure)]);
        }
        let table = Table::new(&Comparison::new(&results, &names, Kind::Plain));
        assert_eq!(
            table.aligned(),
            "                           adit  wireguard-go  gotatun*  / wireguard-go  / gotatun  / best\n\
             TCP, one stream  ↑ Gbit/s  3.00          1.00      2.00            3.00       1.50    1.50\n"
        );
        assert_eq!(
            table.markdown().lines().nth(2),
            Some("| TCP, one stream | ↑ Gbit/s | 3.00 | 1.00 | 2.00 | 3.00 | 1.50 | 1.50 |")
        );
    }
}
