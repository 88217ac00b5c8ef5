//! What is measured: each row's name and unit, which way is better, and what has to be run for it.

/// What is run for a row, and what `--rows` chooses by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Tcp,
    Udp,
    Ping,
    /// Memory, and what an idle tunnel does.
    Rest,
}

impl Group {
    pub(super) const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Ping, Self::Rest];

    /// On the command line.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Ping => "ping",
            Self::Rest => "rest",
        }
    }
}

/// Which figure of two is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

impl Better {
    /// The better one of some.
    pub(super) fn best(self, figures: impl Iterator<Item = f64>) -> Option<f64> {
        match self {
            Self::More => figures.max_by(f64::total_cmp),
            Self::Less => figures.min_by(f64::total_cmp),
        }
    }
}

/// Declares the rows once, in the order of the table: how each is shown, and under which key results.json has it.
macro_rules! rows {
    ($($row:ident: $key:literal, $title:literal, $unit:literal, $better:ident;)*) => {
        /// A row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Row {
            $($row,)*
        }

        impl Row {
            /// In the order of the table.
            pub(super) const ALL: &'static [Self] = &[$(Self::$row,)*];

            /// In results.json.
            pub(super) fn key(self) -> &'static str {
                match self { $(Self::$row => $key,)* }
            }

            /// Indented where it belongs to the row above.
            pub(super) fn title(self) -> &'static str {
                match self { $(Self::$row => $title,)* }
            }

            pub(super) fn unit(self) -> &'static str {
                match self { $(Self::$row => $unit,)* }
            }

            pub(super) fn better(self) -> Better {
                match self { $(Self::$row => Better::$better,)* }
            }
        }
    };
}

impl Row {
    /// The title, behind those that it belongs to.
    pub(super) fn whole_title(self) -> String {
        let indent = |row: Self| row.title().len() - row.title().trim_start().len();
        let own = self.title().trim_start();
        let above = Self::ALL.iter().rev().find(|row| **row < self && indent(**row) < indent(self));
        above.map_or_else(|| own.to_owned(), |above| format!("{}, {own}", above.whole_title()))
    }
}

rows! {
    TcpOne: "tcp_one", "TCP, one stream", "Gbit/s", More;
    TcpOneAgain: "tcp_one_sent_again", "  sent again", "segments", Less;
    TcpOneAgainShare: "tcp_one_sent_again_share", "  sent again", "%", Less;
    Processor: "processor", "  processor, both daemons", "s/GB", Less;
    ProcessorUser: "processor_user", "    of that, user", "s/GB", Less;
    ProcessorSystem: "processor_system", "    of that, system", "s/GB", Less;
    TcpFour: "tcp_four", "TCP, four streams", "Gbit/s", More;
    TcpFourAgain: "tcp_four_sent_again", "  sent again", "segments", Less;
    TcpFourAgainShare: "tcp_four_sent_again_share", "  sent again", "%", Less;
    TcpReversed: "tcp_reversed", "TCP, one stream, reversed", "Gbit/s", More;
    TcpReversedAgain: "tcp_reversed_sent_again", "  sent again", "segments", Less;
    TcpReversedAgainShare: "tcp_reversed_sent_again_share", "  sent again", "%", Less;
    Udp64: "udp_64", "UDP of 64 octets, delivered", "1000/s", More;
    Udp64Processor: "udp_64_processor", "  processor, both daemons", "us/packet", Less;
    Udp1200: "udp_1200", "UDP of 1,200 octets, delivered", "1000/s", More;
    Udp1200Processor: "udp_1200_processor", "  processor, both daemons", "us/packet", Less;
    PingIdle: "ping_idle", "ping, average", "us", Less;
    PingIdle99: "ping_idle_99", "  99 of 100 within", "us", Less;
    PingSeldom: "ping_seldom", "  one in 20 ms", "us", Less;
    PingLoaded: "ping_loaded", "ping beside TCP, average", "us", Less;
    PingLoaded99: "ping_loaded_99", "  99 of 100 within", "us", Less;
    Resident: "resident", "resident after load, a daemon", "MiB", Less;
    ResidentPeak: "resident_peak", "  at its peak", "MiB", Less;
    Switches: "switches", "context switches, idle, both", "1/s", Less;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_title_says_what_it_belongs_to() {
        assert_eq!(Row::TcpFour.whole_title(), "TCP, four streams");
        assert_eq!(
            Row::ProcessorUser.whole_title(),
            "TCP, one stream, processor, both daemons, of that, user"
        );
    }
}
