//! What is measured: each row's name and unit, and which way is better.

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Tcp,
    TcpRetransmitted,
    TcpRetransmittedShare,
    Processor,
    ProcessorUser,
    ProcessorSystem,
}

/// Which figure of two is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// How a row is shown.
pub(super) struct About {
    pub row: Row,
    /// In results.json.
    pub key: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub better: Better,
}

const fn about(
    row: Row,
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    better: Better,
) -> About {
    About { row, key, title, unit, better }
}

/// In the order of the table.
pub(super) const ROWS: [About; 6] = {
    use Better::{Less, More};
    [
        about(Row::Tcp, "tcp", "TCP, one stream", "Gbit/s", More),
        about(Row::TcpRetransmitted, "tcp_retransmitted", "  sent again", "segments", Less),
        about(Row::TcpRetransmittedShare, "tcp_retransmitted_share", "  sent again", "%", Less),
        about(Row::Processor, "processor", "processor, both daemons", "s/GB", Less),
        about(Row::ProcessorUser, "processor_user", "  user", "s/GB", Less),
        about(Row::ProcessorSystem, "processor_system", "  system", "s/GB", Less),
    ]
};
