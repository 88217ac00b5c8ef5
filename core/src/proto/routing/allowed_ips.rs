//! Cryptokey routing's table (section 2): networks to peers, the longest prefix first. A binary trie in which only
//! branching points and networks have nodes, so a lookup visits as many nodes as prefixes differ, at most one
//! for each bit of the address. Nodes are small and stand in one arena: a network costs two of them.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::prefix::{Address, Prefix};
use crate::proto::peer::PeerId;
use crate::proto::place::Place;

/// All peers' allowed IPs. A network belongs to one peer at a time.
#[derive(Default)]
pub(crate) struct AllowedIps {
    v4: Trie<Ipv4Addr>,
    v6: Trie<Ipv6Addr>,
}

impl AllowedIps {
    /// The peer with the longest prefix that holds this address.
    pub(crate) fn lookup(&self, address: IpAddr) -> Option<PeerId> {
        match address {
            IpAddr::V4(ip) => self.v4.lookup(ip),
            IpAddr::V6(ip) => self.v6.lookup(ip),
        }
    }

    /// Gives a network to a peer, and so takes it from any other. Host bits are masked.
    pub(crate) fn insert(&mut self, network: IpNet, peer: PeerId) {
        match network.trunc() {
            IpNet::V4(network) => self.v4.insert(network.into(), peer),
            IpNet::V6(network) => self.v6.insert(network.into(), peer),
        }
    }

    /// Takes a network from a peer, if it is the peer's.
    pub(crate) fn remove(&mut self, network: IpNet, peer: PeerId) {
        match network.trunc() {
            IpNet::V4(network) => self.v4.remove(network.into(), peer),
            IpNet::V6(network) => self.v6.remove(network.into(), peer),
        }
    }

    /// Takes all of a peer's networks from it.
    pub(crate) fn remove_all(&mut self, peer: PeerId) {
        self.v4.remove_all(peer);
        self.v6.remove_all(peer);
    }

    /// A peer's networks, each family in the order in which they were given, IPv4 first.
    pub(crate) fn of(&self, peer: PeerId) -> impl Iterator<Item = IpNet> + '_ {
        let v4 = self.v4.of(peer).map(Prefix::network);
        v4.chain(self.v6.of(peer).map(Prefix::network))
    }
}

/// A node's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeId(Place);

impl NodeId {
    fn at(self) -> usize {
        self.0.index()
    }
}

struct Node<A> {
    prefix: Prefix<A>,
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
struct Trie<A> {
    nodes: Vec<Node<A>>,
    free: Vec<NodeId>,
    root: Option<NodeId>,
    /// By the owner's number.
    lists: Vec<Option<List>>,
}

impl<A> Default for Trie<A> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: None, lists: Vec::new() }
    }
}

impl<A: Address> Trie<A> {
    fn lookup(&self, address: A) -> Option<PeerId> {
        let mut best = None;
        let mut at = self.root;
        while let Some(id) = at {
            let node = &self.nodes[id.at()];
            if !node.prefix.contains(address) {
                break;
            }
            best = node.owner.or(best);
            if node.prefix.len == A::LEN {
                break;
            }
            at = node.children[node.prefix.side(address)];
        }
        best
    }

    fn insert(&mut self, prefix: Prefix<A>, owner: PeerId) {
        let id = self.node_for(prefix);
        match self.nodes[id.at()].owner {
            Some(same) if same == owner => return,
            Some(_) => self.unlink(id),
            None => {}
        }
        self.link(id, owner);
    }

    /// Finds the node of this very prefix, or makes it.
    fn node_for(&mut self, prefix: Prefix<A>) -> NodeId {
        let mut parent = None;
        let mut at = self.root;
        while let Some(id) = at {
            let here = self.nodes[id.at()].prefix;
            if here == prefix {
                return id;
            }
            if here.len >= prefix.len || !here.contains(prefix.address) {
                return self.split(parent, id, prefix);
            }
            parent = Some(id);
            at = self.nodes[id.at()].children[here.side(prefix.address)];
        }
        let new = self.allocate(prefix);
        self.attach(parent, new);
        new
    }

    /// Puts a new node between `parent` and `below`, which it does not reach through: above `below`, or beside it under
    /// a new branching point.
    fn split(&mut self, parent: Option<NodeId>, below: NodeId, prefix: Prefix<A>) -> NodeId {
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
        let address = self.nodes[child.at()].prefix.address;
        let node = &mut self.nodes[parent.at()];
        node.children[node.prefix.side(address)] = Some(child);
    }

    fn allocate(&mut self, prefix: Prefix<A>) -> NodeId {
        let node = Node { prefix, children: [None; 2], owner: None, neighbours: [None; 2] };
        if let Some(id) = self.free.pop() {
            self.nodes[id.at()] = node;
            return id;
        }
        self.nodes.push(node);
        NodeId(Place::new(self.nodes.len() - 1))
    }

    fn remove(&mut self, prefix: Prefix<A>, owner: PeerId) {
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
            if node.prefix.len >= prefix.len || !node.prefix.contains(prefix.address) {
                return;
            }
            path.push(id);
            at = node.children[node.prefix.side(prefix.address)];
        }
    }

    fn remove_all(&mut self, owner: PeerId) {
        while let Some(list) = self.list(owner) {
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
        parent_node.children[parent_node.prefix.side(prefix.address)] = only_child;
        self.prune(parent, above);
    }

    fn of(&self, owner: PeerId) -> impl Iterator<Item = Prefix<A>> + '_ {
        let first = self.list(owner).map(|list| list.first);
        core::iter::successors(first, |id| self.nodes[id.at()].neighbours[AFTER])
            .map(|id| self.nodes[id.at()].prefix)
    }

    fn list(&self, owner: PeerId) -> Option<List> {
        self.lists.get(owner.index()).copied().flatten()
    }

    /// Gives a node to an owner, at the end of the owner's list.
    fn link(&mut self, id: NodeId, owner: PeerId) {
        let list = self.list(owner);
        if self.lists.len() <= owner.index() {
            self.lists.resize(owner.index() + 1, None);
        }
        self.lists[owner.index()] = Some(List { first: list.map_or(id, |list| list.first), last: id });
        let last = list.map(|list| list.last);
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
        let Some(List { first, last }) = self.list(owner) else { return };
        if let Some(before) = before {
            self.nodes[before.at()].neighbours[AFTER] = after;
        }
        if let Some(after) = after {
            self.nodes[after.at()].neighbours[BEFORE] = before;
        }
        let first = if first == id { after } else { Some(first) };
        let last = if last == id { before } else { Some(last) };
        self.lists[owner.index()] = first.zip(last).map(|(first, last)| List { first, last });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u32) -> PeerId {
        PeerId::new(number as usize)
    }

    fn number(peer: PeerId) -> u32 {
        peer.index() as u32
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn lookup(table: &AllowedIps, address: &str) -> Option<u32> {
        table.lookup(address.parse().unwrap()).map(number)
    }

    impl<A> Trie<A> {
        fn is_empty(&self) -> bool {
            self.root.is_none() && self.free.len() == self.nodes.len()
        }
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        for order in [["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"], ["10.1.0.0/16", "0.0.0.0/0", "10.0.0.0/8"]]
        {
            let mut table = AllowedIps::default();
            for network in order {
                table.insert(net(network), id(net(network).prefix_len().into()));
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
        for (network, number) in [("::/0", 1), ("fd00::1/128", 2), ("0.0.0.0/0", 3), ("10.0.0.1/32", 4)] {
            table.insert(net(network), id(number));
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
            table.insert(network, id(1));
        }
        table.insert(networks[1], id(2));
        assert!(table.of(id(1)).eq([networks[0], networks[2]]));
        assert!(table.of(id(2)).eq([networks[1]]));
        table.remove(networks[1], id(1));
        assert_eq!(lookup(&table, "10.1.0.1"), Some(2), "only its owner's can be removed");
    }

    #[test]
    fn a_network_costs_little() {
        assert_eq!([size_of::<Node<Ipv4Addr>>(), size_of::<Node<Ipv6Addr>>()], [28, 40]);
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
                    Step::Insert(network, peer) => table.insert(network, id(peer)),
                    Step::Remove(network, peer) => table.remove(network, id(peer)),
                    Step::RemoveAll(peer) => table.remove_all(id(peer)),
                }
                for probe in &probes {
                    prop_assert_eq!(table.lookup(probe.addr()).map(number), linear.lookup(probe.addr()));
                }
                for peer in 0..4 {
                    prop_assert_eq!(table.of(id(peer)).collect::<Vec<_>>(), linear.of(peer));
                }
            }
            (0..4).for_each(|peer| table.remove_all(id(peer)));
            prop_assert!(table.v4.is_empty() && table.v6.is_empty(), "no node is lost");
        }
    }
}
