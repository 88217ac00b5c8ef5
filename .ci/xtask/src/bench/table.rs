//! The table on the terminal: a row a figure, a column an implementation, and what adit's figure is of each peer's.

use super::implementation::Name;
use super::results::Results;
use super::rows::{Better, ROWS};

/// Columns that are as wide as what is in them; the first is text, the others are figures.
pub(super) fn table(results: &Results, names: &[Name]) -> String {
    let peers: Vec<Name> = names.iter().copied().filter(|name| *name != Name::Adit).collect();
    let mut lines = vec![heading(names, &peers)];
    for about in &ROWS {
        let figure = |name| results.median(name, about.row);
        let mut line = vec![about.title.to_owned(), format!("{} {}", arrow(about.better), about.unit)];
        line.extend(names.iter().map(|name| figure(*name).map_or_else(|| "-".to_owned(), number)));
        line.extend(peers.iter().map(|peer| match (figure(Name::Adit), figure(*peer)) {
            (Some(own), Some(other)) if other != 0.0 => format!("{:.2}", own / other),
            _ => "-".to_owned(),
        }));
        if line[2..].iter().any(|cell| cell != "-") {
            lines.push(line);
        }
    }
    aligned(&lines)
}

fn heading(names: &[Name], peers: &[Name]) -> Vec<String> {
    let mut heading = vec![String::new(), String::new()];
    heading.extend(names.iter().map(|name| name.text().to_owned()));
    heading.extend(peers.iter().map(|peer| format!("adit/{}", peer.text())));
    heading
}

/// Where the better figures are.
fn arrow(better: Better) -> &'static str {
    match better {
        Better::More => "↑",
        Better::Less => "↓",
    }
}

/// Three digits that count, or as many as are before the point.
fn number(figure: f64) -> String {
    let before = figure.abs().max(1.0).log10().floor() as usize;
    format!("{figure:.*}", 2_usize.saturating_sub(before))
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            row += &if column < 2 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits_that_count() {
        assert_eq!(
            [0.0, 0.123_4, 4.567, 45.67, 456.7, 45_678.0].map(number),
            ["0.00", "0.12", "4.57", "45.7", "457", "45678"]
        );
    }
}
