//! An implementation on a kind of interface, and who is compared with whom.

use super::implementation::{Kind, Name};

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Contender {
    pub name: Name,
    pub kind: Kind,
}

impl Contender {
    /// Who stands for an implementation on a kind: one that takes no descriptor is there with its own interface, for
    /// reference.
    pub(super) fn standing(name: Name, kind: Kind) -> Self {
        Self { name, kind: if name.runs_on(kind) { kind } else { Kind::Own } }
    }

    /// Whether this stands in a comparison of that kind for reference only.
    pub(super) fn is_reference(self, kind: Kind) -> bool {
        self.kind != kind
    }

    pub(super) fn text(self) -> String {
        format!("{}, {}", self.name.text(), self.kind.key())
    }
}

/// Everyone of these names and kinds, once.
pub(super) fn contenders(names: &[Name], kinds: &[Kind]) -> Vec<Contender> {
    let mut all = Vec::new();
    for contender in kinds.iter().flat_map(|kind| names.iter().map(|name| Contender::standing(*name, *kind)))
    {
        if !all.contains(&contender) {
            all.push(contender);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_takes_no_descriptor_is_measured_once_on_its_own_interface() {
        let own = Contender { name: Name::Gotatun, kind: Kind::Own };
        assert_eq!(contenders(&[Name::Gotatun], &Kind::ALL), [own]);
        assert_eq!(contenders(&[Name::Gotatun], &[Kind::Plain]), [own]);
        assert!(own.is_reference(Kind::Plain) && !own.is_reference(Kind::Own));
        assert_eq!(contenders(&[Name::Adit, Name::Gotatun], &Kind::ALL).len(), 3);
    }
}
