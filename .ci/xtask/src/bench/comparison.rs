//! One kind of interface: who stands there beside adit, and how adit's figures compare.

use super::contender::Contender;
use super::implementation::{Kind, Name};
use super::results::{Results, ratio};
use super::rows::Row;

/// All that the tables and the picture of a kind are made of.
pub(super) struct Comparison<'a> {
    pub kind: Kind,
    /// In the order of the columns.
    pub contenders: Vec<Contender>,
    results: &'a Results,
}

/// Whom a figure of adit's is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Against {
    Peer(Name),
    /// The best of all that stand there, for reference or not.
    Best,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(results: &'a Results, names: &[Name], kind: Kind) -> Self {
        let contenders = names.iter().map(|name| Contender::standing(*name, kind)).collect();
        Self { kind, contenders, results }
    }

    pub(super) fn figure(&self, who: Contender, row: Row) -> Option<f64> {
        self.results.median(who, row)
    }

    /// Whether one stands there for reference only.
    pub(super) fn has_reference(&self) -> bool {
        self.contenders.iter().any(|who| who.is_reference(self.kind))
    }

    /// adit's own figure.
    pub(super) fn own(&self, row: Row) -> Option<f64> {
        self.figure(Contender { name: Name::Adit, kind: self.kind }, row)
    }

    /// What one is called there.
    pub(super) fn label(&self, who: Contender) -> String {
        format!("{}{}", who.name.text(), if who.is_reference(self.kind) { "*" } else { "" })
    }

    /// Everybody else.
    pub(super) fn peers(&self) -> Vec<Contender> {
        self.contenders.iter().copied().filter(|who| who.name != Name::Adit).collect()
    }

    /// How much adit's figure is of another's.
    pub(super) fn ratio(&self, row: Row, against: Against) -> Option<f64> {
        let other = match against {
            Against::Peer(name) => self.figure(Contender::standing(name, self.kind), row),
            Against::Best => self.results.best(&self.peers(), row),
        };
        ratio(self.own(row)?, other?)
    }

    /// The rows of which there is any figure.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let measured = |row: &Row| self.contenders.iter().any(|who| self.figure(*who, *row).is_some());
        Row::ALL.iter().copied().filter(measured)
    }
}
