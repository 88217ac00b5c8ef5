//! The picture of a comparison: a panel a row, a bar an implementation. It is SVG, readable on light and on dark pages.

use std::fmt::{self, Display, Write};

use super::comparison::Comparison;
use super::contender::Contender;
use super::implementation::Name;
use super::report::REFERENCE;
use super::rows::{Better, Row};
use super::table::number;

/// The panels, three in a line: what is shown, under which title, and in what.
const PANELS: [(Row, &str, &str); 9] = [
    (Row::TcpOne, "TCP, one stream", "Gbit/s"),
    (Row::TcpFour, "TCP, four streams", "Gbit/s"),
    (Row::Processor, "Processor time for TCP", "seconds a GB, both daemons"),
    (Row::Udp64, "UDP of 64 octets", "1,000 packets/s"),
    (Row::Udp1200, "UDP of 1,200 octets", "1,000 packets/s"),
    (Row::PingIdle, "Ping", "µs"),
    (Row::PingLoaded, "Ping beside a TCP stream", "µs"),
    (Row::Resident, "Memory after load", "MiB resident, a daemon"),
    (Row::Switches, "Context switches while idle", "a second, both daemons"),
];

const COLUMNS: usize = 3;

// Lengths in pixels.
const WIDTH: usize = 920;
const MARGIN: usize = 28;
const GAP: usize = 32;
const PANEL: usize = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
/// From one bar's top to the next one's.
const PITCH: usize = 20;
const BAR: usize = 13;
/// Of a panel: its title and unit.
const HEAD: usize = 42;
/// Below a panel.
const FOOT: usize = 24;
/// Where bars begin.
const LABEL: usize = 84;
/// What the longest bar leaves for its figure.
const FIGURE: usize = 44;
/// The picture's title, and a kind's.
const TITLE: usize = 72;
const SECTION: usize = 40;

/// The page decides which: a picture embedded in it follows the reader's choice.
const STYLE: &str = "
  text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f }
  .page { fill: #ffffff; stroke: #d0d7de }
  .title { font-size: 19px; font-weight: 600 }
  .section { font-size: 15px; font-weight: 600 }
  .panel { font-size: 13px; font-weight: 600 }
  .quiet { font-size: 11px; fill: #6e7781 }
  .own { font-weight: 600 }
  .bar { fill: #a9b4c0 }
  .bar.own { fill: #0a7d6c }
  .bar.reference { fill: #dfe4e9; stroke: #a9b4c0; stroke-dasharray: 3 2 }
  .axis { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page { fill: #0d1117; stroke: #30363d }
    .quiet { fill: #8b949e }
    .bar { fill: #56616d }
    .bar.own { fill: #2cc4a9 }
    .bar.reference { fill: #21282f; stroke: #56616d }
    .axis { stroke: #30363d }
  }
";

/// The picture of one comparison or of several, one below the other.
pub(super) fn svg(comparisons: &[Comparison<'_>], caption: &str) -> String {
    let mut body = String::new();
    let mut top = TITLE;
    for comparison in comparisons {
        body.push_str(&text(MARGIN, top + 16, "section", capital(comparison.kind.text())));
        if comparison.has_reference() {
            body.push_str(&text(MARGIN, top + 33, "quiet", REFERENCE));
            top += 14;
        }
        top += SECTION;
        let height = HEAD + PITCH * comparison.contenders.len() + FOOT;
        let measured: Vec<Row> = comparison.rows().collect();
        let panels: Vec<_> = PANELS.iter().filter(|(row, ..)| measured.contains(row)).collect();
        for (number, (row, title, unit)) in panels.iter().enumerate() {
            let (line, column) = (number / COLUMNS, number % COLUMNS);
            let (left, top) = (MARGIN + column * (PANEL + GAP), top + line * height);
            body.push_str(&panel(comparison, *row, [title, unit], (left, top)));
        }
        top += panels.len().div_ceil(COLUMNS) * height;
    }
    let (right, bottom) = (WIDTH - 1, top - 1);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\">\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{right}\" height=\"{bottom}\" rx=\"8\"/>\n\
         {}{}{body}</svg>\n",
        text(MARGIN, 36, "title", "Adit and other implementations of WireGuard"),
        text(MARGIN, 56, "quiet", caption),
    )
}

fn panel(
    comparison: &Comparison<'_>,
    row: Row,
    [title, unit]: [&str; 2],
    (left, top): (usize, usize),
) -> String {
    let better = match row.better() {
        Better::More => "longer is better",
        Better::Less => "shorter is better",
    };
    let mut out = text(left, top + 12, "panel", title);
    out.push_str(&text(left, top + 28, "quiet", format_args!("{unit}; {better}")));
    let figures: Vec<(Contender, Option<f64>)> =
        comparison.contenders.iter().map(|who| (*who, comparison.figure(*who, row))).collect();
    let longest = figures.iter().filter_map(|(_, figure)| *figure).fold(0.0, f64::max);
    for (number, (who, figure)) in figures.iter().enumerate() {
        let top = top + HEAD + number * PITCH;
        let length = share(*figure, longest) * (PANEL - LABEL - FIGURE) as f64;
        out.push_str(&bar(comparison, *who, *figure, length, (left, top)));
    }
    let (x, bottom) = (left + LABEL, top + HEAD + figures.len() * PITCH - PITCH + BAR + 2);
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "<line class=\"axis\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{bottom}\"/>",
        top + HEAD - 2
    );
    out
}

/// A name, a bar of that length, and a figure.
fn bar(
    comparison: &Comparison<'_>,
    who: Contender,
    figure: Option<f64>,
    length: f64,
    (left, top): (usize, usize),
) -> String {
    let class = match who.name {
        Name::Adit => "own",
        _ if who.is_reference(comparison.kind) => "reference",
        _ => "other",
    };
    let (base, begin) = (top + 11, left + LABEL);
    let mut out = text(left, base, class, comparison.label(who));
    let _ = writeln!(
        out,
        "<rect class=\"bar {class}\" x=\"{begin}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>"
    );
    let figure = figure.map_or_else(|| "not measured".to_owned(), number);
    out.push_str(&text(begin + length.ceil() as usize + 6, base, class, figure));
    out
}

fn share(figure: Option<f64>, longest: f64) -> f64 {
    figure.filter(|_| longest > 0.0).map_or(0.0, |figure| figure / longest)
}

fn text(x: usize, y: usize, class: &str, content: impl Display) -> String {
    let mut escaped = Escaped(String::new());
    // Writing into a string cannot fail.
    let _ = write!(escaped, "{content}");
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>\n", escaped.0)
}

/// Text as XML takes it.
struct Escaped(String);

impl Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::implementation::Kind;
    use super::super::results::Results;
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_place_and_the_others_are_in_proportion() {
        let names = [Name::Adit, Name::WireguardGo];
        let mut results = Results::default();
        let [adit, wireguard_go] = names.map(|name| Contender { name, kind: Kind::Own });
        results.add(adit, [(Row::TcpOne, 5.0), (Row::Udp64, 1.0)]);
        results.add(wireguard_go, [(Row::TcpOne, 2.5)]);
        let picture = svg(&[Comparison::new(&results, &names, Kind::Own)], "here & now");
        let whole = PANEL - LABEL - FIGURE;
        assert!(
            picture.contains(&format!("<rect class=\"bar own\" x=\"112\" y=\"154\" width=\"{whole}.0\""))
        );
        assert!(picture.contains(&format!("width=\"{}.0\"", whole / 2)));
        assert!(picture.contains(">here &amp; now</text>"));
        assert!(picture.contains(">not measured</text>"));
        let panels = picture.matches("class=\"panel\"").count();
        assert_eq!(panels, 2, "those of which there is a figure");
    }

    #[test]
    fn nothing_has_no_length() {
        assert_eq!([share(Some(0.0), 0.0), share(None, 3.0), share(Some(1.5), 3.0)], [0.0, 0.0, 0.5]);
    }
}
