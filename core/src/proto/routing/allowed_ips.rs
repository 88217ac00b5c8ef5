//! Cryptokey routing's table (section 2): networks to peers, the longest prefix first. A binary trie in which only
//! branching points and networks have nodes, so a lookup visits as many nodes as prefixes differ, at most one
//! for each bit of the address.

use alloc::vec::Vec;
use core::net::IpAddr;

use hashbrown::HashMap;
use ipnet::IpNet;

use crate::proto::peer::PeerId;

/// All peers' allowed IPs. A network belongs to one peer at a time.
#[derive(Default)]
pub(crate) struct AllowedIps {
    v4: Trie,
    v6: Trie,
}

impl AllowedIps {
    /// The peer with the longest prefix that holds this address.
    pub(crate) fn lookup(&self, address: IpAddr) -> Option<PeerId> {
        let (trie, bits) = match address {
            IpAddr::V4(ip) => (&self.v4, v4_bits(ip.to_bits())),
            IpAddr::V6(ip) => (&self.v6, ip.to_bits()),
        };
        trie.lookup(bits)
    }

    /// Gives a network to a peer, and so takes it from any other. Host bits are masked.
    pub(crate) fn insert(&mut self, network: IpNet, peer: PeerId) {
        self.trie(network).insert(Prefix::of(network), peer);
    }

    /// Takes a network from a peer, if it is the peer's.
    pub(crate) fn remove(&mut self, network: IpNet, peer: PeerId) {
        self.trie(network).remove(Prefix::of(network), peer);
    }

    /// Takes all of a peer's networks from it.
    pub(crate) fn remove_all(&mut self, peer: PeerId) {
        self.v4.remove_all(peer);
        self.v6.remove_all(peer);
    }

    /// A peer's networks, each family in the order in which they were given, IPv4 first.
    pub(crate) fn of(&self, peer: PeerId) -> impl Iterator<Item = IpNet> + '_ {
        let v4 = self.v4.of(peer).map(Prefix::to_v4);
        v4.chain(self.v6.of(peer).map(Prefix::to_v6))
    }

    fn trie(&mut self, network: IpNet) -> &mut Trie {
        match network {
            IpNet::V4(_) => &mut self.v4,
            IpNet::V6(_) => &mut self.v6,
        }
    }
}

/// IPv4 addresses stand at the high end, so that both families' prefixes count from the same bit.
fn v4_bits(bits: u32) -> u128 {
    u128::from(bits) << 96
}

/// The first `len` bits of an address; the rest are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    bits: u128,
    len: u8,
}

impl Prefix {
    fn of(network: IpNet) -> Self {
        match network.trunc() {
            IpNet::V4(net) => Self { bits: v4_bits(net.addr().to_bits()), len: net.prefix_len() },
            IpNet::V6(net) => Self { bits: net.addr().to_bits(), len: net.prefix_len() },
        }
    }

    fn to_v4(self) -> IpNet {
        IpNet::new_assert(IpAddr::V4(((self.bits >> 96) as u32).into()), self.len)
    }

    fn to_v6(self) -> IpNet {
        IpNet::new_assert(IpAddr::V6(self.bits.into()), self.len)
    }

    fn contains(self, bits: u128) -> bool {
        (self.bits ^ bits).leading_zeros() >= u32::from(self.len)
    }

    /// The longest prefix of both.
    fn common(self, other: Self) -> Self {
        let len = (self.bits ^ other.bits).leading_zeros().min(self.len.min(other.len).into()) as u8;
        Self { bits: if len == 0 { 0 } else { self.bits & (u128::MAX << (128 - u32::from(len))) }, len }
    }

    /// Which way `bits` goes below this prefix, which must be shorter than an address.
    fn side(self, bits: u128) -> usize {
        (bits >> (127 - u32::from(self.len)) & 1) as usize
    }
}

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeId(u32);

impl NodeId {
    fn at(self) -> usize {
        self.0 as usize
    }
}

struct Node {
    prefix: Prefix,
    children: [Option<NodeId>; 2],
    /// `None`: only a branching point.
    owner: Option<PeerId>,
    /// The same owner's networks before and after this one.
    neighbours: [Option<NodeId>; 2],
}

/// The ends of one owner's list.
#[derive(Clone, Copy)]
struct List {
    first: NodeId,
    last: NodeId,
}

const BEFORE: usize = 0;
const AFTER: usize = 1;

/// One family's table.
#[derive(Default)]
struct Trie {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    root: Option<NodeId>,
    lists: HashMap<PeerId, List>,
}

impl Trie {
    fn lookup(&self, bits: u128) -> Option<PeerId> {
        let mut best = None;
        let mut at = self.root;
        while let Some(id) = at {
            let node = &self.nodes[id.at()];
            if !node.prefix.contains(bits) {
                break;
            }
            best = node.owner.or(best);
            if node.prefix.len == 128 {
                break;
            }
            at = node.children[node.prefix.side(bits)];
        }
        best
    }

    fn insert(&mut self, prefix: Prefix, owner: PeerId) {
        let id = self.node_for(prefix);
        match self.nodes[id.at()].owner {
            Some(same) if same == owner => return,
            Some(_) => self.unlink(id),
            None => {}
        }
        self.link(id, owner);
    }

    /// Finds the node of this very prefix, or makes it.
    fn node_for(&mut self, prefix: Prefix) -> NodeId {
        let mut parent = None;
        let mut at = self.root;
        while let Some(id) = at {
            let here = self.nodes[id.at()].prefix;
            if here == prefix {
                return id;
            }
            if here.len >= prefix.len || !here.contains(prefix.bits) {
                return self.split(parent, id, prefix);
            }
            parent = Some(id);
            at = self.nodes[id.at()].children[here.side(prefix.bits)];
        }
        let new = self.allocate(prefix);
        self.attach(parent, new);
        new
    }

    /// Puts a new node between `parent` and `below`, which it does not reach through: above `below`, or beside it under
    /// a new branching point.
    fn split(&mut self, parent: Option<NodeId>, below: NodeId, prefix: Prefix) -> NodeId {
        let new = self.allocate(prefix);
        let common = prefix.common(self.nodes[below.at()].prefix);
        if common == prefix {
            self.attach(parent, new);
            self.attach(Some(new), below);
            return new;
        }
        let branch = self.allocate(common);
        self.attach(parent, branch);
        self.attach(Some(branch), below);
        self.attach(Some(branch), new);
        new
    }

    /// Makes `child` the child of `parent` on its side, or the root.
    fn attach(&mut self, parent: Option<NodeId>, child: NodeId) {
        let Some(parent) = parent else {
            self.root = Some(child);
            return;
        };
        let bits = self.nodes[child.at()].prefix.bits;
        let node = &mut self.nodes[parent.at()];
        node.children[node.prefix.side(bits)] = Some(child);
    }

    fn allocate(&mut self, prefix: Prefix) -> NodeId {
        let node = Node { prefix, children: [None; 2], owner: None, neighbours: [None; 2] };
        if let Some(id) = self.free.pop() {
            self.nodes[id.at()] = node;
            return id;
        }
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn remove(&mut self, prefix: Prefix, owner: PeerId) {
        let mut path = Vec::new();
        let mut at = self.root;
        while let Some(id) = at {
            let node = &self.nodes[id.at()];
            if node.prefix == prefix {
                if node.owner == Some(owner) {
                    self.unlink(id);
                    self.prune(id, &path);
                }
                return;
            }
            if node.prefix.len >= prefix.len || !node.prefix.contains(prefix.bits) {
                return;
            }
            path.push(id);
            at = node.children[node.prefix.side(prefix.bits)];
        }
    }

    fn remove_all(&mut self, owner: PeerId) {
        while let Some(list) = self.lists.get(&owner) {
            self.remove(self.nodes[list.first.at()].prefix, owner);
        }
    }

    /// Drops nodes that are neither a network nor a branching point any more, from `id` up along `path`.
    fn prune(&mut self, id: NodeId, path: &[NodeId]) {
        let node = &self.nodes[id.at()];
        let only_child = match (node.owner, node.children) {
            (Some(_), _) | (None, [Some(_), Some(_)]) => return,
            (None, [child, None]) | (None, [None, child]) => child,
        };
        let prefix = node.prefix;
        self.free.push(id);
        let Some((&parent, above)) = path.split_last() else {
            self.root = only_child;
            return;
        };
        let parent_node = &mut self.nodes[parent.at()];
        parent_node.children[parent_node.prefix.side(prefix.bits)] = only_child;
        self.prune(parent, above);
    }

    fn of(&self, owner: PeerId) -> impl Iterator<Item = Prefix> + '_ {
        let first = self.lists.get(&owner).map(|list| list.first);
        core::iter::successors(first, |id| self.nodes[id.at()].neighbours[AFTER])
            .map(|id| self.nodes[id.at()].prefix)
    }

    /// Gives a node to an owner, at the end of the owner's list.
    fn link(&mut self, id: NodeId, owner: PeerId) {
        let last = self.lists.get(&owner).map(|list| list.last);
        let first = self.lists.get(&owner).map_or(id, |list| list.first);
        self.lists.insert(owner, List { first, last: id });
        if let Some(last) = last {
            self.nodes[last.at()].neighbours[AFTER] = Some(id);
        }
        let node = &mut self.nodes[id.at()];
        node.owner = Some(owner);
        node.neighbours = [last, None];
    }

    /// Takes a node from its owner and out of the owner's list.
    fn unlink(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.at()];
        let [before, after] = core::mem::take(&mut node.neighbours);
        let Some(owner) = node.owner.take() else { return };
        if let Some(before) = before {
            self.nodes[before.at()].neighbours[AFTER] = after;
        }
        if let Some(after) = after {
            self.nodes[after.at()].neighbours[BEFORE] = before;
        }
        match self.lists.get_mut(&owner) {
            Some(List { first, last }) if *first == id || *last == id => match (before, after) {
                (None, None) => _ = self.lists.remove(&owner),
                (None, Some(after)) => *first = after,
                (Some(before), _) => *last = before,
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn lookup(table: &AllowedIps, address: &str) -> Option<u32> {
        table.lookup(address.parse().unwrap()).map(|peer| peer.0)
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        for order in [["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"], ["10.1.0.0/16", "0.0.0.0/0", "10.0.0.0/8"]]
        {
            let mut table = AllowedIps::default();
            for network in order {
                table.insert(net(network), PeerId(net(network).prefix_len().into()));
            }
            for (address, peer) in [("10.1.2.3", 16), ("10.2.0.0", 8), ("11.0.0.0", 0)] {
                assert_eq!(lookup(&table, address), Some(peer), "{address}");
            }
            assert_eq!(lookup(&table, "::1"), None);
        }
    }

    #[test]
    fn a_default_route_of_each_family_and_single_hosts() {
        let mut table = AllowedIps::default();
        for (network, peer) in [("::/0", 1), ("fd00::1/128", 2), ("0.0.0.0/0", 3), ("10.0.0.1/32", 4)] {
            table.insert(net(network), PeerId(peer));
        }
        assert_eq!(lookup(&table, "fd00::1"), Some(2));
        assert_eq!(lookup(&table, "fd00::2"), Some(1));
        assert_eq!(lookup(&table, "10.0.0.1"), Some(4));
        assert_eq!(lookup(&table, "10.0.0.0"), Some(3));
    }

    #[test]
    fn a_peers_list_keeps_its_order_and_loses_what_another_takes() {
        let mut table = AllowedIps::default();
        let networks = ["10.2.0.0/16", "10.1.0.0/16", "10.3.0.0/16"].map(net);
        for network in networks {
            table.insert(network, PeerId(1));
        }
        table.insert(networks[1], PeerId(2));
        assert!(table.of(PeerId(1)).eq([networks[0], networks[2]]));
        assert!(table.of(PeerId(2)).eq([networks[1]]));
        table.remove(networks[1], PeerId(1));
        assert_eq!(lookup(&table, "10.1.0.1"), Some(2), "only its owner's can be removed");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(IpNet, u32),
        Remove(IpNet, u32),
        RemoveAll(u32),
    }

    /// Few bits, so that networks meet; both ends of the address, so that all lengths occur.
    fn network() -> impl Strategy<Value = IpNet> {
        let v4 = (0..4u32, 0..8u32, 0..=32u8)
            .prop_map(|(high, low, len)| IpNet::new_assert(IpAddr::V4((high << 30 | low).into()), len));
        let v6 = (0..4u128, 0..8u128, 0..=128u8)
            .prop_map(|(high, low, len)| IpNet::new_assert(IpAddr::V6((high << 126 | low).into()), len));
        prop_oneof![v4, v6].prop_map(|network| network.trunc())
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (network(), 0..4u32).prop_map(|(network, peer)| Step::Insert(network, peer)),
            3 => (network(), 0..4u32).prop_map(|(network, peer)| Step::Remove(network, peer)),
            1 => (0..4u32).prop_map(Step::RemoveAll),
        ]
    }

    /// The table as anybody would first write it: a list, oldest first.
    #[derive(Default)]
    struct Linear(Vec<(IpNet, u32)>);

    impl Linear {
        fn apply(&mut self, step: &Step) {
            match *step {
                Step::Insert(network, peer) => {
                    if !self.0.contains(&(network, peer)) {
                        self.0.retain(|entry| entry.0 != network);
                        self.0.push((network, peer));
                    }
                }
                Step::Remove(network, peer) => self.0.retain(|entry| *entry != (network, peer)),
                Step::RemoveAll(peer) => self.0.retain(|entry| entry.1 != peer),
            }
        }

        fn lookup(&self, address: IpAddr) -> Option<u32> {
            let holding = self.0.iter().filter(|entry| entry.0.contains(&address));
            holding.max_by_key(|entry| entry.0.prefix_len()).map(|entry| entry.1)
        }

        fn of(&self, peer: u32) -> Vec<IpNet> {
            let mut of: Vec<_> = self.0.iter().filter(|entry| entry.1 == peer).map(|entry| entry.0).collect();
            of.sort_by_key(|network| matches!(network, IpNet::V6(_)));
            of
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(steps in prop::collection::vec(step(), 1..80),
                              probes in prop::collection::vec(network(), 20)) {
            let mut table = AllowedIps::default();
            let mut linear = Linear::default();
            for step in steps {
                linear.apply(&step);
                match step {
                    Step::Insert(network, peer) => table.insert(network, PeerId(peer)),
                    Step::Remove(network, peer) => table.remove(network, PeerId(peer)),
                    Step::RemoveAll(peer) => table.remove_all(PeerId(peer)),
                }
                for probe in &probes {
                    prop_assert_eq!(table.lookup(probe.addr()).map(|peer| peer.0), linear.lookup(probe.addr()));
                }
                for peer in 0..4 {
                    prop_assert_eq!(table.of(PeerId(peer)).collect::<Vec<_>>(), linear.of(peer));
                }
            }
            (0..4).for_each(|peer| table.remove_all(PeerId(peer)));
            for trie in [&table.v4, &table.v6] {
                prop_assert!(trie.root.is_none() && trie.free.len() == trie.nodes.len(), "no node is lost");
            }
        }
    }
}
